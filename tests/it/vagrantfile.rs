//! `vagrant/Vagrantfile` as the real Vagrant reads it, for every cluster and both providers.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use camino::Utf8PathBuf;
use expect_test::expect;
use serde_json::{Map, Value, json};
use test_attribute::test;
use xtask::host::{Host, virtualization};
use xtask::host_probe::{self, HostQuery};
use xtask::workspace::Workspace;

use crate::render::{VARIANTS, variants};
use crate::scratch::{Ran, Scratch};
use crate::support::{project, require_tool};
use crate::verify_support::three;

/// A workspace with the shipped definitions and many others, all rendered, and the Vagrantfile.
fn workspace() -> Scratch {
    require_tool("vagrant", "vagrant vagrant-libvirt");
    let scratch = variants();
    for name in ["default", "five", "flatcar", "coreos-2015"] {
        let definition = project().join(format!("cluster/{name}.toml"));
        scratch.define(name, &fs::read_to_string(definition).unwrap());
    }
    scratch.run(&["render"]).expect(0);
    let file = "vagrant/Vagrantfile";
    fs::copy(project().join(file), scratch.root().join(file)).unwrap();
    // Vagrant requires the shared folders to exist.
    for shared in ["vagrant/debian-mirror/data", "home/My Files"] {
        fs::create_dir_all(scratch.root().join(shared)).unwrap();
    }
    scratch
}

fn folder(scratch: &Scratch, name: &str) -> Utf8PathBuf {
    let vagrant = scratch.root().join("vagrant");
    match name {
        "default" => vagrant,
        name => vagrant.join(name),
    }
}

/// A Vagrant command in a cluster's folder, with its own home folder.
fn in_folder(scratch: &Scratch, name: &str, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder(scratch, name))
        .stdin(Stdio::null())
        .env("HOME", scratch.root().join("home"))
        .env("VAGRANT_HOME", scratch.root().join("vagrant.d"))
        .env("VAGRANT_CHECKPOINT_DISABLE", "1")
        .env_remove("XTASK_VIRTUALIZATION");
    command
}

/// Vagrant's library, which takes seconds to load. This process loads it once, and answers each
/// line in a child process: the configuration of every machine of the named folder, by Vagrant's
/// names, or the error of the first machine.
const LIBRARY: &str = "\
require 'json'
require 'vagrant'
Vagrant::Environment.new(ui_class: Vagrant::UI::Silent)
# Those that are loaded now stay. Whether there are others would be asked for each environment.
ENV['VAGRANT_NO_PLUGINS'] = '1'

def machine(env, name, provider)
  found = env.vagrantfile.machine_config(name, provider, env.boxes, nil, false)
  config = found[:config]
  of_provider = config.vm.get_provider_config(provider)
  networks = config.vm.networks.reject { |_, options| options[:id] == 'ssh' }
  {
    box: config.vm.box,
    box_url: config.vm.box_url,
    box_version: config.vm.box_version,
    hostname: config.vm.hostname,
    user: config.ssh.username,
    private: networks.map { |kind, options| options.slice(:ip, :netmask) if kind == :private_network }.compact,
    forwarded: networks.map { |kind, options| options.slice(:guest, :host, :host_ip) if kind == :forwarded_port }.compact,
    types: config.vm.synced_folders.map { |_, options| options[:type] unless options[:disabled] }.compact,
    folders: config.vm.synced_folders.map { |guest, options| [options[:hostpath], guest] unless options[:disabled] }.compact,
    provisioners: config.vm.provisioners.map { |one| one.type == :file ? [one.config.source, one.config.destination] : one.config.args },
    memory: of_provider.memory,
    cpus: of_provider.cpus,
    driver: provider == :libvirt ? of_provider.driver : nil,
    libvirt: provider == :libvirt ? [of_provider.uri, of_provider.qemu_use_session] : nil,
    serials: provider == :libvirt ? of_provider.serials : of_provider.customizations,
  }
end

STDIN.each_line do |line|
  asked = JSON.parse(line)
  fork do
    ENV.update(asked['variables'])
    Dir.chdir(asked['folder'])
    provider = asked['provider'].to_sym
    env = Vagrant::Environment.new(ui_class: Vagrant::UI::Silent)
    if asked['validate']
      first = env.machine(env.machine_names.first, provider)
      puts JSON.generate(first.config.validate(first).values.flatten)
    else
      puts JSON.generate(env.machine_names.to_h { |name| [name, machine(env, name, provider)] })
    end
  rescue StandardError => error
    puts JSON.generate(error.message)
  end
  Process.wait
end";

/// Runs code with Vagrant's library, in a cluster's folder.
fn ask(scratch: &Scratch, name: &str, variables: &[(&str, &str)], mut asked: Value) -> Value {
    static LOADED: Mutex<Option<(Child, BufReader<ChildStdout>)>> = Mutex::new(None);
    require_tool("ruby", "ruby");
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let (ruby, output) = loaded.get_or_insert_with(|| {
        let mut ruby = in_folder(scratch, name, "ruby");
        ruby.args(["-e", LIBRARY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut ruby = ruby.spawn().unwrap();
        let output = BufReader::new(ruby.stdout.take().unwrap());
        (ruby, output)
    });
    // Another test's scratch may have existed when it was loaded.
    let homes = in_folder(scratch, name, "ruby");
    let homes = homes.get_envs().filter_map(|(name, value)| {
        let (name, value) = (name.to_str()?, value?.to_str()?);
        Some((name.to_owned(), json!(value)))
    });
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)));
    asked["folder"] = json!(folder(scratch, name));
    asked["variables"] = homes.chain(variables).collect::<Map<_, _>>().into();
    // It exits when this process closes its input.
    writeln!(ruby.stdin.as_ref().unwrap(), "{asked}").unwrap();
    let mut answer = String::new();
    output.read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap()
}

/// The machines' configuration from the Vagrantfile in a cluster's folder, by Vagrant's names, with
/// this provider.
fn machines(scratch: &Scratch, name: &str, provider: &str, variables: &[(&str, &str)]) -> Value {
    let machines = ask(scratch, name, variables, json!({ "provider": provider }));
    assert!(machines.is_object(), "{machines}");
    machines
}

/// One folder is named to the program, the others to its library.
#[test]
fn vagrant_accepts_it_for_every_definition() {
    let scratch = workspace();
    let validate = in_folder(&scratch, "five", "vagrant")
        .arg("validate")
        .output();
    let validate = Ran::from(validate.unwrap()).expect(0);
    assert_eq!(validate.stdout, "Vagrantfile validated successfully.\n");

    let shipped = ["default", "five", "flatcar", "coreos-2015"];
    for name in VARIANTS.iter().map(|(name, _)| *name).chain(shipped) {
        let asked = json!({ "provider": "libvirt", "validate": true });
        assert_eq!(ask(&scratch, name, &[], asked), json!([]), "{name}");
    }
}

#[test]
fn vagrant_lists_the_machines_of_its_folder() {
    let scratch = workspace();
    let status = in_folder(&scratch, "five", "vagrant")
        .args(["status", "--machine-readable"])
        .output()
        .unwrap();
    let output = Ran::from(status).expect(0).stdout;
    let states = output.lines().filter(|line| line.contains(",state,"));
    let states = states.map(|line| line.split_once(',').unwrap().1.to_owned() + "\n");
    expect![[r#"
        five_core-01,state,not_created
        five_core-02,state,not_created
        five_core-03,state,not_created
        five_core-04,state,not_created
        five_core-05,state,not_created
    "#]]
    .assert_eq(&states.collect::<String>());
    // The library sees the machines of the other folder in the same way.
    let machines = machines(&scratch, "default", "libvirt", &[]);
    let names: Vec<&String> = machines.as_object().unwrap().keys().collect();
    assert_eq!(names, ["core-01", "core-02", "core-03"]);
}

#[test]
fn machines_match_the_definition() {
    let scratch = workspace();
    let machines = machines(&scratch, "debian-mirror", "libvirt", &[]);
    let first = &machines["debian-mirror_alpha"];
    let folder = folder(&scratch, "debian-mirror");
    // Provisioning sets its name and network.
    assert_eq!(first["hostname"], Value::Null);
    assert_eq!(first["user"], "vagrant");
    assert_eq!(
        first["private"],
        json!([{ "ip": "10.9.8.7", "netmask": "255.255.255.0" }])
    );
    // On loopback only.
    assert_eq!(
        first["forwarded"],
        json!([
            { "guest": 80, "host": 8080, "host_ip": "127.0.0.1" },
            { "guest": 2379, "host": 12379, "host_ip": "127.0.0.1" },
        ])
    );
    assert_eq!(
        first["folders"],
        json!([
            [folder.join("data"), "/srv/data"],
            [scratch.root().join("home/My Files"), "/srv/files"],
        ])
    );
    assert_eq!(first["types"], json!(["rsync", "rsync"]));
    assert_eq!(
        first["provisioners"],
        json!([
            [folder.join("user-data"), "/tmp/user-data"],
            [
                "alpha",
                "/var/lib/cloud/seed/nocloud/user-data",
                "10.9.8.7/24"
            ],
        ])
    );
    assert_eq!((&first["memory"], &first["cpus"]), (&json!(512), &json!(2)));
    let log = folder.join("log/alpha-serial.txt");
    assert_eq!(
        first["serials"],
        json!([{ "type": "file", "source": { "path": log } }])
    );
    assert_eq!(machines.as_object().unwrap().len(), 3);
}

/// Files of another cluster and of another address are none of its own.
#[test]
fn machines_get_their_certificates() {
    let scratch = workspace();
    let state = scratch.root().join(".state");
    let write = |path: &str| {
        let file = state.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    };
    let provisioners = |name: &str, provider: &str, member: &str| {
        let machines = machines(&scratch, name, provider, &[]);
        machines[format!("{name}_{member}")]["provisioners"].clone()
    };
    write("debian-tls/pki/ca/ca.crt");
    for file in ["member.crt", "member.key"] {
        write(&format!(
            "debian-tls/pki/members/core-01-192.168.56.101/{file}"
        ));
        write(&format!(
            "debian-tls/pki/members/core-02-192.168.56.101/{file}"
        ));
        write(&format!(
            "flatcar-tls/pki/members/core-01-192.168.56.101/{file}"
        ));
    }
    let user_data =
        |name: &str| json!([folder(&scratch, name).join("user-data"), "/tmp/user-data"]);
    let of = |name: &str, authorities: &str| {
        let uploaded = |from: &str| {
            let file = match from.rsplit('/').next().unwrap() {
                "both-1.crt" => "ca.crt",
                file => file,
            };
            let from = state.join(format!("{name}/pki/{from}"));
            json!([from, format!(".etcd-pki/{file}")])
        };
        [
            uploaded(authorities),
            uploaded("members/core-01-192.168.56.101/member.crt"),
            uploaded("members/core-01-192.168.56.101/member.key"),
        ]
    };
    let nocloud = "/var/lib/cloud/seed/nocloud/user-data";
    let [ca, certificate, key] = of("debian-tls", "ca/ca.crt");
    assert_eq!(
        provisioners("debian-tls", "libvirt", "core-01"),
        json!([
            user_data("debian-tls"),
            ca,
            certificate,
            key,
            ["core-01", nocloud, "192.168.56.101/24", "vagrant"],
        ])
    );
    assert_eq!(
        provisioners("debian-tls", "libvirt", "core-02"),
        json!([
            user_data("debian-tls"),
            ["core-02", nocloud, "192.168.56.102/24"],
        ])
    );
    let path = "/var/lib/flatcar-vagrant/vagrantfile-user-data";
    assert_eq!(
        provisioners("flatcar-tls", "virtualbox", "core-01"),
        json!([user_data("flatcar-tls"), ["core-01", path]])
    );
    // While its authority is replaced.
    write("flatcar-tls/pki/ca/ca.crt");
    write("flatcar-tls/pki/both-1.crt");
    let [ca, certificate, key] = of("flatcar-tls", "both-1.crt");
    assert_eq!(
        provisioners("flatcar-tls", "virtualbox", "core-01"),
        json!([
            user_data("flatcar-tls"),
            ca,
            certificate,
            key,
            ["core-01", path, "", "core"],
        ])
    );
}

#[test]
fn flatcar_and_coreos_use_published_boxes() {
    let scratch = workspace();
    let flatcar = machines(&scratch, "flatcar", "virtualbox", &[]);
    let machine = &flatcar["flatcar_core-01"];
    assert_eq!(machine["box"], "flatcar-stable");
    assert_eq!(machine["box_version"], "4230.2.2");
    assert_eq!(
        machine["box_url"],
        json!([
            "https://stable.release.flatcar-linux.net/amd64-usr/4230.2.2/flatcar_production_vagrant.json"
        ])
    );
    assert_eq!(machine["user"], "core");
    assert_eq!(
        machine["provisioners"][1],
        json!(["core-01", "/var/lib/flatcar-vagrant/vagrantfile-user-data"])
    );

    let coreos = machines(&scratch, "coreos-2015", "virtualbox", &[]);
    let machine = &coreos["coreos-2015_core-02"];
    assert_eq!(machine["box"], "coreos-alpha");
    // Vagrant could not look up the version `current`.
    assert_eq!(machine["box_version"], Value::Null);
    assert_eq!(machine["private"][0]["ip"], "172.17.8.102");
    assert_eq!(machine["hostname"], "core-02");
}

#[test]
fn virtualization_is_detected_defined_or_requested() {
    let scratch = workspace();
    let driver = |name: &str, variables: &[(&str, &str)]| {
        let machines = machines(&scratch, name, "libvirt", variables);
        machines.as_object().unwrap().values().next().unwrap()["driver"].clone()
    };
    // As in `doctor`, which also tests whether it can be opened.
    let sought = HostQuery::of(&Workspace::at(scratch.root()), &three());
    let host = Host {
        virtualization_asked: None,
        ..host_probe::look(&sought)
    };
    let choice = virtualization::choose(None, &host).unwrap();
    let by_itself = choice.virtualization.to_string();
    assert_eq!(driver("default", &[]), by_itself);
    assert_eq!(
        driver("default", &[("XTASK_VIRTUALIZATION", "")]),
        by_itself
    );
    assert_eq!(
        driver("default", &[("XTASK_VIRTUALIZATION", "qemu")]),
        "qemu"
    );
    scratch.define(
        "emulated",
        "members = 1\nmachine.virtualization = \"qemu\"\n",
    );
    scratch.run(&["render", "emulated"]);
    assert_eq!(driver("emulated", &[]), "qemu");
    assert_eq!(
        driver("emulated", &[("XTASK_VIRTUALIZATION", "kvm")]),
        "kvm"
    );
}

#[test]
fn missing_box_is_reported() {
    let scratch = workspace();
    let up = in_folder(&scratch, "default", "vagrant")
        .args(["up", "core-01", "--provider", "libvirt"])
        .output()
        .unwrap();
    let ran = Ran::from(up);
    assert_ne!(ran.status, Some(0));
    let said = ran.stdout + &ran.stderr;
    let wanted = "There is no box of debian-13 yet: run `cargo xtask box`.";
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn unrendered_cluster_is_reported() {
    let scratch = workspace();
    fs::remove_file(scratch.root().join("vagrant/five/config.rb")).unwrap();
    let status = in_folder(&scratch, "five", "vagrant")
        .arg("status")
        .output();
    let ran = Ran::from(status.unwrap()).expect(1);
    let wanted = format!(
        "{} has no config.rb and user-data: run `cargo xtask render`",
        folder(&scratch, "five")
    );
    assert!(ran.stderr.contains(&wanted), "{}", ran.stderr);
}

/// The files by which Vagrant knows a created machine.
fn made(scratch: &Scratch, machine: &str) {
    let folder = format!("vagrant/.vagrant/machines/{machine}/libvirt");
    let folder = scratch.root().join(folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("id"), "no-such-machine").unwrap();
}

#[test]
fn machines_of_similar_clusters_are_kept_apart() {
    let scratch = Scratch::with("default", "");
    scratch.define("a", "network.subnet = \"192.168.57.0/24\"\n");
    made(&scratch, "five_core-01");
    made(&scratch, "a-b_core-01");
    for name in ["default", "a"] {
        let ran = scratch.run(&["down", name]).expect(4);
        let wanted = format!("cluster `{name}` has not been started");
        assert!(ran.stderr.contains(&wanted), "{}", ran.stderr);
    }
    // They belong to this folder; otherwise Vagrant would warn that it was moved.
    for name in ["five", "a-b"] {
        let ran = scratch.run(&["down", name]).expect(6);
        let wanted = format!("there is no `vagrant/{name}/config.rb`");
        assert!(ran.stderr.contains(&wanted), "{}", ran.stderr);
    }
}

#[test]
fn former_members_are_listed_until_destroyed() {
    let scratch = workspace();
    for machine in ["five_core-01", "five_core-06", "five-core_core-07", "gone"] {
        made(&scratch, machine);
    }
    let names = |name| {
        let machines = machines(&scratch, name, "libvirt", &[]);
        let names = machines.as_object().unwrap().keys().cloned();
        names.collect::<Vec<String>>().join(" ")
    };
    assert_eq!(names("default"), "core-01 core-02 core-03 gone");
    assert_eq!(
        names("five"),
        "five_core-01 five_core-02 five_core-03 five_core-04 five_core-05 five_core-06"
    );
}

#[test]
fn machines_use_the_system_libvirt_in_any_environment() {
    let scratch = workspace();
    made(&scratch, "gone");
    let session = [("LIBVIRT_DEFAULT_URI", "qemu:///session")];
    let machines = machines(&scratch, "default", "libvirt", &session);
    for name in ["core-01", "gone"] {
        let libvirt = &machines[name]["libvirt"];
        assert_eq!(*libvirt, json!(["qemu:///system", false]), "{name}");
    }
}
