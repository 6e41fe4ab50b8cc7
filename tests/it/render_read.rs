//! What rendered files mean to the programs that read them: Ruby, a YAML 1.1 reader, cloud-init,
//! systemd and the shell.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use expect_test::expect;
use serde_json::{Value, json};
use test_attribute::test;

use crate::definition_shipped::shipped;
use crate::render::{VARIANTS, read, variants};
use crate::scratch::Scratch;
use crate::support::{
    pipe, project, read_ruby_globals, read_yaml_1_1, require_tool, write_program,
};
use crate::verify_support::plan;

/// Every rendered file of this name by its cluster: those of the shipped definitions and of the
/// variants.
fn all(file: &str) -> BTreeMap<String, String> {
    let scratch = variants();
    scratch.run(&["render"]).expect(0);
    let mut all: BTreeMap<String, String> = VARIANTS
        .iter()
        .map(|(name, _)| {
            (
                name.to_string(),
                read(&scratch, &format!("vagrant/{name}/{file}")),
            )
        })
        .collect();
    for (name, _) in shipped() {
        let folder = xtask::render::folder(&name.parse().unwrap());
        let path = project().join(folder).join(file);
        all.insert(name, fs::read_to_string(path).unwrap());
    }
    all
}

fn documents() -> BTreeMap<String, Value> {
    let all = all("user-data");
    let texts: Vec<&str> = all.values().map(String::as_str).collect();
    all.keys().cloned().zip(read_yaml_1_1(&texts)).collect()
}

/// The programs of a document by their paths.
fn programs(document: &Value) -> BTreeMap<String, String> {
    let files = document["write_files"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    files
        .iter()
        .filter(|file| file["permissions"] == "0755")
        .map(|file| (text(&file["path"]), text(&file["content"])))
        .collect()
}

/// The units and drop-ins of a document by their file names.
fn units(document: &Value) -> BTreeMap<String, String> {
    let mut units = BTreeMap::new();
    for file in document["write_files"].as_array().into_iter().flatten() {
        if let Some(name) = text(&file["path"]).strip_prefix("/etc/systemd/system/") {
            units.insert(name.to_owned(), text(&file["content"]));
        }
    }
    for unit in document["coreos"]["units"].as_array().into_iter().flatten() {
        let name = text(&unit["name"]);
        for drop_in in unit["drop-ins"].as_array().into_iter().flatten() {
            let path = format!("{name}.d/{}", text(&drop_in["name"]));
            units.insert(path, text(&drop_in["content"]));
        }
        if unit["content"].is_string() {
            units.insert(name, text(&unit["content"]));
        }
    }
    units
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn each_file_begins_as_its_readers_expect_and_says_where_it_comes_from() {
    for (file, first) in [
        ("user-data", "#cloud-config"),
        ("config.rb", "# -*- mode: ruby; coding: utf-8 -*-"),
    ] {
        for (name, text) in all(file) {
            let generated = format!(
                "# Generated from cluster/{name}.toml by `cargo xtask render`: change that file, not this one."
            );
            let lines: Vec<&str> = text.lines().take(2).collect();
            assert_eq!(lines, [first, generated.as_str()], "{name}");
            assert!(!text.contains("public_ipv4"), "{name}/{file}");
        }
    }
}

#[test]
fn readers_of_yaml_1_1_and_1_2_understand_the_same() {
    for (name, text) in all("user-data") {
        let modern: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(read_yaml_1_1(&[&text]), [modern], "{name}");
    }
}

#[test]
fn ruby_reads_what_the_definition_says() {
    let all = all("config.rb");
    let texts: Vec<&str> = all.values().map(String::as_str).collect();
    let globals: BTreeMap<&str, Value> = all
        .keys()
        .map(String::as_str)
        .zip(read_ruby_globals(&texts))
        .collect();
    assert_eq!(
        globals["debian-mirror"],
        json!({
            "num_instances": 3,
            "instance_name_prefix": "core",
            "enable_serial_logging": true,
            "share_home": false,
            "vm_gui": false,
            "vm_memory": 512,
            "vm_cpus": 2,
            "shared_folders": { "./data": "/srv/data", "~/My Files": "/srv/files" },
            "forwarded_ports": { "80": 8080, "2379": 12379 },
            "cluster_name": "debian-mirror",
            "profile": "debian-13",
            "ssh_user": "vagrant",
            "user_data_path": "/var/lib/cloud/seed/nocloud/user-data",
            "subnet": "10.9.8.0/24",
            "netmask": "255.255.255.0",
            "members": [
                { "name": "alpha", "address": "10.9.8.7" },
                { "name": "beta", "address": "10.9.8.8" },
                { "name": "gamma", "address": "10.9.8.9" },
            ],
        })
    );
    assert_eq!(globals["coreos-2015"]["update_channel"], "alpha");
    assert_eq!(globals["coreos-2015"]["image_version"], "current");
    assert_eq!(globals["coreos-built-in"]["update_channel"], "beta");
    assert_eq!(globals["coreos-built-in"]["image_version"], "723.3.0");
    assert_eq!(globals["five"]["num_instances"], 5);
}

/// coreos-vagrant's Vagrantfile (commit c39dbfc) requires `config.rb` and then reads these globals, in these
/// ways.
#[test]
fn a_vagrantfile_of_2015_can_use_config_rb() {
    require_tool("ruby", "ruby");
    let folder = project().join("vagrant/coreos-2015");
    let program = r#"
$num_instances = 1
$instance_name_prefix = "x"
$update_channel = "stable"
$enable_serial_logging = true
$share_home = true
$vm_gui = true
$vm_memory = 1
$vm_cpus = 0
$shared_folders = { "a" => "b" }
$forwarded_ports = { 1 => 2 }
require File.join(ARGV[0], "config.rb")
(1..$num_instances).each do |i|
  puts "%s-%02d 172.17.8.#{i + 100}" % [$instance_name_prefix, i]
end
puts "coreos-%s" % $update_channel
puts "a pinned version" if $image_version != "current"
puts [$enable_serial_logging, $share_home, $vm_gui, $vm_memory, $vm_cpus].inspect
$forwarded_ports.each { |guest, host| puts guest + host }
$shared_folders.each_with_index { |(host, guest), index| puts host.to_s, guest.to_s, index }
puts $new_discovery_url.inspect"#;
    let printed = pipe(
        Command::new("ruby").args(["-e", program, folder.as_str()]),
        "",
    );
    expect![[r#"
        core-01 172.17.8.101
        core-02 172.17.8.102
        core-03 172.17.8.103
        coreos-alpha
        [false, false, false, 1024, 1]
        nil
    "#]]
    .assert_eq(&printed);
}

#[test]
fn cloud_init_finds_nothing_to_complain_about() {
    require_tool("cloud-init", "--no-install-recommends cloud-init");
    let scratch = variants();
    scratch.run(&["render"]).expect(0);
    let mut files = vec![project().join("vagrant/user-data")];
    let reads_it = |name: &str, definition: &str| {
        let profile = plan(name, definition).machine.profile;
        profile.user_data_path.starts_with("/var/lib/cloud/")
    };
    for (name, _) in VARIANTS.iter().filter(|(name, text)| reads_it(name, text)) {
        files.push(scratch.root().join(format!("vagrant/{name}/user-data")));
    }
    for file in files {
        let said = pipe(
            Command::new("cloud-init").args(["schema", "--config-file", file.as_str()]),
            "",
        );
        // Its words differ between versions; a warning would be a line more.
        let valid = said.starts_with("Valid ") && said.trim_end().ends_with(file.as_str());
        assert!(valid && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn the_shell_and_shellcheck_accept_every_program() {
    require_tool("shellcheck", "shellcheck");
    let mut seen = 0;
    for (name, document) in documents() {
        for (path, program) in programs(&document) {
            pipe(Command::new("sh").arg("-n"), &program);
            let said = pipe(
                Command::new("shellcheck").args([
                    "--shell=sh",
                    "--enable=all",
                    "--exclude=SC2250,SC2310,SC2312",
                    "-",
                ]),
                &program,
            );
            assert_eq!(said, "", "{name}: {path}");
            seen += 1;
        }
    }
    assert_eq!(seen, 19);
}

#[test]
fn systemd_accepts_every_unit() {
    let mut seen = 0;
    for (name, document) in documents() {
        let root = SystemdRoot::new(&name);
        for (unit, content) in units(&document) {
            root.add(&unit, &content);
            seen += 1;
        }
        let unit = if name == "coreos-built-in" {
            root.add("etcd2.service", "[Service]\nExecStart=/usr/bin/etcd2\n");
            "etcd2.service"
        } else {
            "etcd.service"
        };
        assert_eq!(root.verify(unit), "", "{name}");
    }
    assert_eq!(seen, 20);
}

#[test]
fn the_units_of_debian_grant_little() {
    let documents = documents();
    let root = SystemdRoot::new("security");
    root.add(
        "etcd.service",
        &units(&documents["default"])["etcd.service"],
    );
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
        .arg(format!("--root={}", root.path))
        .arg("etcd.service")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// The article's command, word by word, as docker is called in the end: read from the unit by
/// systemd and run by bash.
#[test]
fn the_recipe_of_2015_runs_the_articles_command_in_namespaces() {
    let documents = documents();
    let unit = &units(&documents["coreos-2015"])["etcd.service"];
    let root = SystemdRoot::new("recipe");
    root.add("etcd.service", &unit.replace("%H", "core-01"));
    let dump = root.dump("etcd.service");
    let command = crate::systemd::command_lines(&dump)
        .into_iter()
        .find(|words| words[0] == "/bin/bash")
        .unwrap();
    assert_eq!(command[..2], ["/bin/bash", "-c"]);
    let told = format!(
        "function /usr/bin/docker {{ printf '%s\\n' \"$@\"; }}\n{}",
        command[2]
    );
    require_tool("bash", "bash");
    let words = pipe(
        Command::new("bash")
            .args(["-c", &told])
            .env("COREOS_PRIVATE_IPV4", "172.17.8.101"),
        "",
    );
    expect![[r#"
        run
        -p
        2379:2379
        -p
        2380:2380
        --name
        etcd
        -v
        /opt/etcd:/opt/etcd
        -v
        /usr/share/ca-certificates/:/etc/ssl/certs
        quay.io/coreos/etcd:v2.0.0
        -data-dir
        /opt/etcd
        -name
        core-01
        -listen-client-urls
        http://0.0.0.0:2379
        -advertise-client-urls
        http://172.17.8.101:2379
        -listen-peer-urls
        http://0.0.0.0:2380
        -initial-advertise-peer-urls
        http://172.17.8.101:2380
        -initial-cluster
        core-01=http://172.17.8.101:2380,core-02=http://172.17.8.102:2380,core-03=http://172.17.8.103:2380
        -initial-cluster-state
        new
    "#]]
    .assert_eq(&words);
}

#[test]
fn the_recipe_of_2015_has_the_articles_keys() {
    let document = &documents()["coreos-2015"];
    assert_eq!(
        document["coreos"]["fleet"],
        json!({ "etcd-servers": "http://$private_ipv4:2379", "public-ip": "$private_ipv4" })
    );
    let units = document["coreos"]["units"].as_array().unwrap();
    let started: Vec<String> = units
        .iter()
        .map(|unit| format!("{} {}", text(&unit["name"]), text(&unit["command"])))
        .collect();
    assert_eq!(started, ["etcd.service start", "fleet.service start"]);
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["coreos"]);
}

/// The words that a machine of this name would run in the end.
fn words_on(machine: &str, program: &str) -> std::process::Output {
    let scratch = Scratch::new();
    let bin = scratch.root().join("bin");
    fs::create_dir(&bin).unwrap();
    write_program(&bin.join("uname"), &format!("#!/bin/sh\necho {machine}\n"));
    // No other machine answers, and nothing waits for data.
    write_program(&bin.join("curl"), "#!/bin/sh\nexit 7\n");
    let printing = program.replace("\nexec ", "\nprintf '%s\\n' ");
    assert_ne!(printing, program);
    let printing = format!("sleep() {{ exit; }}\n{printing}");
    Command::new("sh")
        .args(["-c", &printing])
        .env("PATH", format!("{bin}:/usr/bin:/bin"))
        .output()
        .unwrap()
}

#[test]
fn each_machine_starts_the_member_of_its_name() {
    let documents = documents();
    let program = &programs(&documents["default"])["/usr/local/sbin/etcd-member"];
    let output = words_on("core-02.example.org", program);
    assert!(output.status.success(), "{output:?}");
    expect![[r#"
        /usr/local/bin/etcd
        --data-dir=/var/lib/etcd/data
        --name=core-02
        --listen-client-urls=http://192.168.56.102:2379,http://127.0.0.1:2379
        --advertise-client-urls=http://192.168.56.102:2379
        --listen-peer-urls=http://192.168.56.102:2380
        --initial-advertise-peer-urls=http://192.168.56.102:2380
        --initial-cluster=core-01=http://192.168.56.101:2380,core-02=http://192.168.56.102:2380,core-03=http://192.168.56.103:2380
        --initial-cluster-token=default-1
        --initial-cluster-state=new
        --auto-compaction-mode=periodic
        --auto-compaction-retention=1h
        --feature-gates=CompactHashCheck=true,InitialCorruptCheck=true
    "#]]
    .assert_eq(&String::from_utf8(output.stdout).unwrap());
}

#[test]
fn a_machine_of_another_name_says_so() {
    let documents = documents();
    let program = &programs(&documents["flatcar"])["/opt/bin/etcd-member"];
    let output = words_on("localhost", program);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    expect![[r#"
        this machine is called 'localhost', and the members of the cluster 'flatcar' are: core-01, core-02, core-03
        hint: hostnamectl set-hostname NAME && systemctl restart etcd
    "#]]
    .assert_eq(&String::from_utf8(output.stderr).unwrap());
}

/// Where systemd's own tools find a unit, and all that it names.
pub(crate) struct SystemdRoot {
    pub(crate) path: Utf8PathBuf,
}

impl SystemdRoot {
    pub(crate) fn new(name: &str) -> Self {
        require_tool("systemd-analyze", "systemd");
        let path = Utf8Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("systemd-{}-{name}", std::process::id()));
        let root = Self { path };
        fs::create_dir_all(root.path.join("etc/systemd/system")).unwrap();
        fs::create_dir_all(root.path.join("usr/lib/systemd")).unwrap();
        let copied = Command::new("cp")
            .args(["-r", "/usr/lib/systemd/system"])
            .arg(root.path.join("usr/lib/systemd"))
            .status()
            .unwrap();
        assert!(copied.success());
        root.add("docker.service", "[Service]\nExecStart=/usr/bin/docker\n");
        for stand_in in [
            "bin/bash",
            "bin/true",
            "opt/bin/etcd-member",
            "usr/bin/docker",
            "usr/bin/etcd2",
            "usr/local/sbin/etcd-install",
            "usr/local/sbin/etcd-member",
        ] {
            let path = root.path.join(stand_in);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy("/bin/true", path).unwrap();
        }
        root
    }

    pub(crate) fn add(&self, unit: &str, content: &str) {
        let path = self.path.join("etc/systemd/system").join(unit);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// What `systemd-analyze verify` complains about.
    fn verify(&self, unit: &str) -> String {
        let output = Command::new("systemd-analyze")
            .arg("verify")
            .arg(format!("--root={}", self.path))
            .arg(unit)
            .output()
            .unwrap();
        let mut said = String::from_utf8(output.stderr).unwrap();
        if !output.status.success() {
            let _ = write!(said, "{}", output.status);
        }
        said
    }

    /// Everything that systemd has read of a unit. It does not let root ask, so it is asked by a
    /// user that is root only outside.
    pub(crate) fn dump(&self, unit: &str) -> String {
        require_tool("unshare", "util-linux");
        let output = Command::new("unshare")
            .args(["--map-user=65534", "/lib/systemd/systemd"])
            .args(["--test", "--system", "--no-pager", "--log-target=null"])
            .arg(format!("--unit={unit}"))
            .env(
                "SYSTEMD_UNIT_PATH",
                format!(
                    "{}:/usr/lib/systemd/system",
                    self.path.join("etc/systemd/system")
                ),
            )
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let all = String::from_utf8(output.stdout).unwrap();
        let begin = all
            .find(&format!("-> Unit {unit}:"))
            .expect("the unit was not read");
        let rest = &all[begin..];
        let end = rest[1..].find("-> Unit ").map_or(rest.len(), |end| end + 1);
        rest[..end].to_owned()
    }
}

impl Drop for SystemdRoot {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
