//! A cluster for drills, and queries for tests of faults.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use xtask::fault::FAULTS;
use xtask::plan::Plan;
use xtask::values::DriverName;
use xtask::workload::Clients;

use crate::etcd_binaries::{of_debian_13, tools};
use crate::local_support::{self, get, processes};
use crate::scratch::{Ran, Scratch};
use crate::support::{look_for, look_until};
use crate::verify_support::plan;

/// Three members of this version with small quotas. How machines would get etcd does not matter for
/// processes.
pub(crate) fn definition(network: u8, version: &str) -> String {
    format!(
        "members = 3\n[network]\nsubnet = \"10.92.{network}.0/24\"\n\
         [etcd]\nversion = \"{version}\"\nruntime = \"container\"\nquota = \"38MiB\"\n"
    )
}

/// The exit status of `verify` and its findings.
pub(crate) type Reported = (Option<i32>, BTreeSet<String>);

/// A healthy cluster without findings.
pub(crate) fn nothing() -> Reported {
    (Some(0), BTreeSet::new())
}

/// A cluster with databases that fill quickly.
pub(crate) struct Cluster {
    pub(crate) scratch: Scratch,
    pub(crate) name: &'static str,
    pub(crate) network: u8,
    pub(crate) definition: String,
}

/// The names of the faults that local members without TLS can have.
pub(crate) fn of_processes() -> Vec<&'static str> {
    of_processes_with_tls()
        .into_iter()
        .filter(|name| !name.starts_with("certificate-"))
        .collect()
}

/// The names of the faults that local members with TLS can have.
pub(crate) fn of_processes_with_tls() -> Vec<&'static str> {
    let possible = FAULTS
        .iter()
        .filter(|fault| fault.drivers.contains(&DriverName::Local));
    possible.map(|fault| fault.name).collect()
}

impl Cluster {
    pub(crate) fn start(name: &'static str, network: u8) -> Self {
        let definition = definition(network, &tools().version.to_string());
        Self::defined(name, network, definition)
    }

    pub(crate) fn start_with_tls(name: &'static str, network: u8) -> Self {
        let definition = definition(network, &tools().version.to_string());
        Self::defined(name, network, definition + "tls = true\n")
    }

    fn defined(name: &'static str, network: u8, definition: String) -> Self {
        let cluster = Self {
            scratch: Scratch::with(name, &definition),
            name,
            network,
            definition,
        };
        cluster.up().expect(0);
        cluster
    }

    pub(crate) fn up(&self) -> Ran {
        local_support::up(&self.scratch, self.name)
    }

    pub(crate) fn drill(&self, words: &[&str]) -> Ran {
        self.scratch.run(&[&["drill", self.name], words].concat())
    }

    /// Injects each of these faults, and asserts that `verify` finds it, names the right members
    /// and reports nothing else, that the cluster is healthy afterwards, and that nothing is lost.
    #[track_caller]
    pub(crate) fn bears(&self, faults: &[&str]) {
        let other = of_debian_13().as_str();
        let how = [
            "--yes",
            "--hold",
            "1s",
            "--rate",
            "20",
            "--other-etcd",
            other,
        ];
        let told = ["--format", "json", "--report", "drilled.html"];
        let ran = self.drill(&[faults, &how, &told].concat()).expect(0);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap();
        let drills = told["drills"].as_array().unwrap();
        let drilled: Vec<&str> = drills
            .iter()
            .map(|drill| drill["fault"].as_str().unwrap())
            .collect();
        assert_eq!(drilled, faults, "{}", ran.stderr);
        let run = &told["run"];
        assert_eq!(
            (&run["driver"], &run["rate"]),
            (&"local".into(), &20.into())
        );
        let command = format!("cargo xtask drill {} {} --yes", self.name, faults.join(" "));
        let told_command = run["command"].as_str().unwrap();
        assert!(told_command.starts_with(&command), "{told_command}");
        assert_eq!(told["lost_writes"], 0, "{}\n{told:#}", ran.stderr);
        for drill in drills {
            assert_eq!(drill["passed"], true, "{}\n{drill:#}", ran.stderr);
            assert_eq!(drill["registers"]["linearizable"], true, "{drill:#}");
            assert_eq!(drill["reported"], drill["expected"], "{drill:#}");
            assert_ne!(drill["expected"].as_array().unwrap().len(), 0, "{drill:#}");
        }
        let report = fs::read_to_string(self.scratch.root().join("drilled.html")).unwrap();
        assert!(report.ends_with("</html>\n"), "the report is not whole");
        tell(told["summary"].as_str().unwrap());
    }

    /// Asserts that the cluster is unchanged, contains only `survivor`, and that the drills left
    /// nothing behind.
    #[track_caller]
    pub(crate) fn is_as_it_was(&self) {
        self.is_mended();
        let keys = [
            "etcdctl",
            "--cluster",
            self.name,
            "--",
            "get",
            "",
            "--prefix",
            "--keys-only",
        ];
        let is_all = |keys: &Ran| keys.stdout == "survivor\n\n";
        // Keys that a look could not remove disappear with its lease, and the next look leaves
        // none.
        let keys = look_for(
            Duration::from_secs(180),
            || {
                let seen = self.scratch.run(&keys);
                if !is_all(&seen) {
                    self.comes_to_be_healthy();
                }
                seen
            },
            is_all,
        );
        assert_eq!(keys.expect(0).stdout.trim(), "survivor");
    }

    /// Asserts the same, apart from keys that a killed drill left until their lease ends.
    #[track_caller]
    pub(crate) fn is_mended(&self) {
        self.comes_to_report(&nothing(), "afterwards");
        assert_eq!(get(&self.scratch, self.name, "survivor"), "yes\n");
        assert!(!self.state("drill.json").exists());
        assert_eq!(
            processes(&self.scratch, self.name)
                .into_keys()
                .collect::<Vec<_>>(),
            ["core-01", "core-02", "core-03"]
        );
        for member in ["core-01", "core-02", "core-03"] {
            let folder = self.state(&format!("members/{member}"));
            let mut names: Vec<String> = fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            assert_eq!(names, ["data", "etcd.log", "lock", "log-start", "pid"]);
        }
    }

    /// Writes so much that a drill's own writes do not reach its revision.
    pub(crate) fn gains_a_history(&self) {
        let clients = Clients::begin(&self.plan(), tools(), Duration::ZERO, 1_000).unwrap();
        let mut before = None;
        while before <= Some(1000) {
            let seen = self.verified(&[]);
            let revision = seen["members"][0]["revision"].as_u64();
            assert!(revision > before, "{seen:#}");
            before = revision;
        }
        clients.end();
        let seen = self.verified(&["--wait", "60s"]);
        assert_eq!(seen["exit_status"], 0, "{seen:#}");
    }

    /// The JSON of `verify`.
    pub(crate) fn verified(&self, wait: &[&str]) -> Value {
        let verify = ["verify", self.name, "--format", "json"];
        let ran = self.scratch.run(&[&verify[..], wait].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
    }

    /// The findings of `verify` and its exit status.
    pub(crate) fn verify(&self) -> Reported {
        let verify = ["verify", self.name, "--format", "json"];
        let ran = self.scratch.run(&verify);
        let found = match serde_json::from_str::<Value>(&ran.stdout) {
            Ok(found) => reported(&found),
            Err(_) => {
                let mut lines = ran.stderr.lines();
                let error = lines.find(|line| line.starts_with("error:"));
                [error.unwrap_or_default().to_owned()].into()
            }
        };
        (ran.status, found)
    }

    /// Asserts that `verify` eventually reports this and nothing else.
    #[track_caller]
    pub(crate) fn comes_to_report(&self, wanted: &Reported, what: &str) {
        let found = look_until(|| self.verify(), |found| found == wanted);
        assert_eq!(found, *wanted, "{what}");
    }

    /// Asserts that `verify` finds it healthy within a minute.
    #[track_caller]
    pub(crate) fn comes_to_be_healthy(&self) {
        let verify = ["verify", self.name, "--wait", "60s"];
        self.scratch.run(&verify).expect(0);
    }

    /// The plan of the running cluster.
    pub(crate) fn plan(&self) -> Plan {
        plan(self.name, &self.definition).on_loopback()
    }

    pub(crate) fn state(&self, file: &str) -> camino::Utf8PathBuf {
        let folder = self.scratch.root().join(".state").join(self.name);
        folder.join(file)
    }

    pub(crate) fn status(&self) -> Value {
        let status = ["status", self.name, "--format", "json"];
        let status = self.scratch.run(&status).expect(0).stdout;
        serde_json::from_str(&status).unwrap()
    }

    /// The raft term, which changes with every election.
    pub(crate) fn term(&self) -> Value {
        look_until(
            || self.status()["members"][0]["raft_term"].clone(),
            Value::is_number,
        )
    }

    /// Moves the leadership with the real etcdctl.
    pub(crate) fn elect_another(&self) {
        let moved = look_until(
            || self.try_to_elect_another(),
            |moved| moved.as_ref().is_some_and(|moved| moved.status == Some(0)),
        );
        let moved = moved.expect("no leader and follower answered").expect(0);
        assert!(
            moved.stdout.contains("Leadership transferred"),
            "{}",
            moved.stdout
        );
    }

    /// Moves the leadership if a leader and a follower answer in time.
    pub(crate) fn try_to_elect_another(&self) -> Option<Ran> {
        let status = self.status();
        let members = status["members"].as_array().unwrap();
        let who = |role: &str| members.iter().find(|one| one["role"] == role);
        let moved = Command::new(&tools().etcdctl)
            .arg(format!(
                "--endpoints={}",
                who("leader")?["endpoint"].as_str()?
            ))
            .args(["move-leader", who("follower")?["id"].as_str()?])
            .output();
        Some(Ran::from(moved.unwrap()))
    }
}

/// What drills have left among the certificates of members.
pub(crate) fn left_by_drills(cluster: &Cluster) -> Vec<String> {
    let members = fs::read_dir(cluster.state("pki/members")).unwrap();
    let files = members.flat_map(|member| fs::read_dir(member.unwrap().path()).unwrap());
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| !["member.crt", "member.key"].contains(&name.as_str()))
        .collect()
}

/// Each check that warns or fails, with its members.
pub(crate) fn reported(verified: &Value) -> BTreeSet<String> {
    let mut reported = BTreeSet::new();
    for check in verified["checks"].as_array().unwrap() {
        let name = check["name"].as_str().unwrap();
        if !["warn", "not-yet", "fail"].contains(&check["verdict"].as_str().unwrap()) {
            continue;
        }
        let findings = check["findings"].as_array().unwrap().iter();
        let named = findings.flat_map(|one| one["members"].as_array().unwrap());
        let mut named: Vec<String> = named
            .map(|member| format!("{name}: {}", member.as_str().unwrap()))
            .collect();
        if named.is_empty() {
            named.push(name.to_owned());
        }
        reported.extend(named);
    }
    reported
}

/// Bypasses the test's output capture: the figure in docs/measurements.md comes from here.
pub(crate) fn tell(figure: &str) {
    let _ = writeln!(std::io::stderr(), "{figure}");
}

/// Counts of looks at a healthy cluster.
pub(crate) struct Calm<'a> {
    cluster: &'a Cluster,
    looks: usize,
    /// Repeated looks because of a finding.
    repeated: usize,
    /// Repeated looks because of an election.
    elections: usize,
}

impl Calm<'_> {
    pub(crate) fn look(&mut self) {
        self.looks += 1;
        self.look_by(|| self.cluster.verify());
    }

    /// Looks until nothing is reported. A busy host may miss one answer and not the next: three
    /// reports in a row within one term are a false alarm.
    pub(crate) fn look_by(&mut self, mut look: impl FnMut() -> Reported) {
        let mut in_a_row = Vec::new();
        for _ in 0..20 {
            let term = self.cluster.term();
            let found = look();
            if found == nothing() {
                return;
            }
            if self.cluster.term() != term {
                self.elections += 1;
                in_a_row.clear();
                continue;
            }
            self.repeated += 1;
            in_a_row.retain(|before| *before == (term.clone(), found.clone()));
            in_a_row.push((term, found));
            assert!(in_a_row.len() < 3, "a false alarm: {in_a_row:?}");
            // More than this would not be chance.
            assert!(self.repeated <= 10, "the last of too many: {in_a_row:?}");
        }
        panic!("one election after the other");
    }
}

/// Looks this many times at an idle healthy cluster, as often while clients write, and after some
/// elections, and asserts that nothing is reported.
pub(crate) fn nothing_healthy_is_called_broken(looks: usize, elections: usize) {
    let cluster = Cluster::start("calm", 3);
    let mut calm = Calm {
        cluster: &cluster,
        looks: 0,
        repeated: 0,
        elections: 0,
    };
    for _ in 0..looks {
        calm.look();
    }
    let clients = Clients::begin(&cluster.plan(), tools(), Duration::ZERO, 100).unwrap();
    for _ in 0..looks {
        calm.look();
    }
    let (history, _) = clients.end();
    assert_ne!(history.operations.len(), 0, "nobody wrote");
    // After an election, waiting ends with a healthy cluster.
    for _ in 0..elections {
        let term = cluster.term();
        cluster.elect_another();
        let waited = ["verify", "calm", "--wait", "60s", "--format", "json"];
        calm.looks += 1;
        calm.look_by(|| {
            let waited = cluster.scratch.run(&waited);
            let found = serde_json::from_str(&waited.stdout).unwrap();
            (waited.status, reported(&found))
        });
        assert_ne!(cluster.term(), term, "nobody was elected");
    }
    let Calm {
        looks,
        repeated,
        elections,
        ..
    } = calm;
    tell(&format!(
        "0 false alarms in {looks} looks, {repeated} of them repeated for what one reported, {elections} \
         for an election"
    ));
}

/// A running drill. It is ended with its test, which would otherwise wait for it.
pub(crate) struct UnderWay(pub(crate) Child);

impl UnderWay {
    pub(crate) fn start(drill: &mut Command) -> Self {
        let drill = drill.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(drill.spawn().unwrap())
    }

    /// Interrupts it, and waits for its end.
    pub(crate) fn interrupt(self) -> Ran {
        kill(
            Pid::from_raw(self.0.id().try_into().unwrap()),
            Signal::SIGINT,
        )
        .unwrap();
        self.end()
    }

    /// Waits until it has printed this, and returns its output so far.
    pub(crate) fn wait_until_it_says(&mut self, words: &str) -> String {
        let (mut said, mut byte) = (String::new(), [0]);
        while !said.contains(words) {
            let length = self.0.stderr.as_mut().unwrap().read(&mut byte).unwrap();
            assert_ne!(length, 0, "{said}");
            said.push(char::from(byte[0]));
        }
        said
    }

    /// As [`Self::interrupt`], once it has printed this.
    pub(crate) fn interrupt_once_it_says(mut self, words: &str) -> Ran {
        let said = self.wait_until_it_says(words);
        let ended = self.interrupt();
        Ran {
            stderr: said + &ended.stderr,
            ..ended
        }
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let read = |pipe: &mut dyn Read| {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        };
        Ran {
            stdout: read(self.0.stdout.as_mut().unwrap()),
            stderr: read(self.0.stderr.as_mut().unwrap()),
            status: self.0.wait().unwrap().code(),
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A drill that holds its fault until it is ended.
pub(crate) fn held(cluster: &Cluster, fault: &str) -> Command {
    let other = of_debian_13().as_str();
    let how = [
        "--yes",
        "--hold",
        "10m",
        "--rate",
        "20",
        "--other-etcd",
        other,
    ];
    let drill = [&["drill", cluster.name, fault][..], &how].concat();
    cluster.scratch.command(&drill)
}

/// Starts a drill, and waits until its journal contains this.
pub(crate) fn begin(cluster: &Cluster, fault: &str, noted: &str) -> UnderWay {
    begun(&mut held(cluster, fault), cluster, noted)
}

/// The same for any drill. A drill that did nothing is repeated: its first look may have met an
/// election.
pub(crate) fn begun(drill: &mut Command, cluster: &Cluster, noted: &str) -> UnderWay {
    let mut running = UnderWay::start(drill);
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        let journal = fs::read_to_string(cluster.state("drill.json"));
        if journal.is_ok_and(|journal| journal.contains(noted)) {
            return running;
        }
        if running.0.try_wait().unwrap().is_some() {
            let ended = running.end().expect(4);
            let why = "a drill runs only on a healthy cluster";
            assert!(ended.stderr.contains(why), "{}", ended.stderr);
            running = UnderWay::start(drill);
        }
        assert!(Instant::now() < deadline, "`{noted}` was not brought about");
        std::thread::sleep(Duration::from_millis(20));
    }
}
