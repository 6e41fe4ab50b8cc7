//! `status --watch` of real clusters: on a terminal, in a pipe and for programs.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use nix::sys::signal::Signal;
use serde_json::Value;
use test_attribute::test;
use xtask::etcd::tools::{Tools, ToolsOrigin};
use xtask::state::Record;
use xtask::values::DriverName;
use xtask::workspace::Workspace;

use crate::cli_cluster::{Follower, kill_member, signal_member, started, status, up};
use crate::scratch::{Ran, Scratch};
use crate::support::program;
use crate::terminal::{Screen, Terminal};
use crate::verify_support::plan;

/// A definition of three members on a network that no other test uses.
fn three(network: u8) -> String {
    format!("members = 3\n[network]\nsubnet = \"10.93.{network}.0/24\"\n")
}

/// How long a watch may take to end that is told to, on a host with much else to do.
const END: Duration = Duration::from_secs(60);

/// The member that leads by a line of a watch.
fn leader(line: &str) -> Option<&str> {
    let (before, _) = line.split_once(" leads, elected ")?;
    before.split_whitespace().next_back()
}

/// How many lines of a screen begin so.
fn count(screen: &Screen, beginning: &str) -> usize {
    let lines = screen.lines.iter();
    lines.filter(|line| line.starts_with(beginning)).count()
}

/// The cells of a member's line.
fn cells<'a>(screen: &'a Screen, member: &str) -> Vec<&'a str> {
    // Two blanks: the line above the table begins with a member's name, too.
    let line = screen.line(&format!("{member}  ")).unwrap_or_default();
    line.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect()
}

/// The term in which a member leads by its own line.
fn leads(screen: &Screen, member: &str) -> Option<u64> {
    match cells(screen, member)[..] {
        [_, "leader", _process, term, ..] => term.parse().ok(),
        _ => None,
    }
}

#[test]
fn a_terminal_shows_a_new_leader_where_the_old_one_stood() {
    let scratch = started("ruled", &three(1));
    let command = scratch.command(&["status", "ruled", "--watch", "0.3"]);
    let mut terminal = Terminal::open(&command, 80, 24);
    let (mut old, mut term) = (String::new(), 0);
    terminal.wait_until_it_shows(|screen| {
        let all_answer = screen.lines[0].ends_with(" UTC: 3 of 3 members answer");
        let line = screen.lines.get(1).map(String::as_str).unwrap_or_default();
        old = leader(line).unwrap_or_default().to_owned();
        let led = leads(screen, &old);
        term = led.unwrap_or_default();
        all_answer && led.is_some()
    });
    let received = terminal.received();
    assert!(received.contains(" leads, elected before "), "{received:?}");
    assert!(terminal.screen().lines[0].starts_with("ruled at "));

    kill_member(&scratch, "ruled", &old);
    terminal.wait_until_it_shows(|screen| {
        let line = screen.lines.get(1).map(String::as_str).unwrap_or_default();
        let Some((new, elected)) = line.split_once(" leads, elected ") else {
            return false;
        };
        let new_term = leads(screen, new).unwrap_or_default();
        new != old
            && new_term > term
            && elected.ends_with(&format!(" (term {new_term})"))
            && !elected.contains("before")
            && cells(screen, &old).contains(&"stopped")
    });

    terminal.press("\u{3}");
    let pressed = Instant::now();
    let (ran, screen) = terminal.end();
    let ran = ran.expect(130);
    assert!(pressed.elapsed() < END);
    // All of it is one block, and the cursor below it, where a shell goes on.
    for (beginning, wanted) in [("ruled", 1), ("MEMBER", 1), ("core-0", 4)] {
        assert_eq!(count(&screen, beginning), wanted, "{}", screen.text());
    }
    assert_eq!((screen.row, screen.column), (7, 0), "{}", screen.text());
    assert_eq!(screen.lines.len(), 8, "{}", screen.text());
    assert_eq!(screen.lines[7], "", "nothing is said of Ctrl-C");
    // Neither cleared nor another screen, and no cursor that would have to be shown again.
    for sequence in ["\u{1b}[2J", "\u{1b}[H", "\u{1b}[?25l", "\u{1b}[?1049h"] {
        assert!(!ran.stdout.contains(sequence), "{sequence:?}");
    }
    assert!(ran.stdout.contains("\u{1b}[32m"), "it is coloured");
}

#[test]
fn a_terminal_gets_no_more_than_it_can_show_and_wants() {
    let scratch = started(
        "small",
        "members = 1\n[network]\nsubnet = \"10.93.4.0/24\"\n",
    );
    // A terminal that is too small in every way, and wants no color.
    let mut command = scratch.command(&["status", "small", "--watch", "0.1"]);
    let mut terminal = Terminal::open(command.env("NO_COLOR", "1"), 20, 3);
    terminal.wait_until(|received| received.matches("MEMBER").count() >= 6);
    terminal.press("\u{3}");
    let (ran, screen) = terminal.end();
    let ran = ran.expect(130);
    assert!(
        screen.lines.iter().all(|line| line.chars().count() < 20),
        "{}",
        screen.text()
    );
    assert_eq!(
        screen.lines.len(),
        6,
        "it scrolls no further:\n{}",
        screen.text()
    );
    assert!(!has_color(&ran.stdout), "{:?}", ran.stdout);

    // And one that cannot go back.
    let mut command = scratch.command(&["status", "small", "--watch"]);
    let mut terminal = Terminal::open(command.env("TERM", "dumb"), 80, 24);
    terminal.wait_until(|received| received.contains(" leads, elected before "));
    terminal.press("\u{3}");
    let (ran, _) = terminal.end();
    assert!(!ran.expect(130).stdout.contains('\u{1b}'));
}

/// Whether there is any sequence that colors.
fn has_color(text: &str) -> bool {
    text.split('\u{1b}').skip(1).any(|sequence| {
        let last = sequence.chars().find(char::is_ascii_alphabetic);
        last == Some('m')
    })
}

#[test]
fn a_file_gets_a_line_for_each_change_until_the_cluster_is_gone() {
    let scratch = started("kept", &three(2));
    let mut command = scratch.command(&["status", "kept", "--watch", "0.3"]);
    // No color, even where somebody wants it.
    let log = Follower::follow(command.env("CLICOLOR_FORCE", "1"));
    let mut lines = Vec::new();
    let mut wait_for = |text: &str| {
        let line = log.wait_for(text);
        lines.push(line.clone());
        line
    };
    let line = wait_for(" leads, elected before ");
    let old = leader(&line).unwrap().to_owned();
    assert!(
        line.contains(&format!("  kept     {old} leads, ")),
        "{line}"
    );
    kill_member(&scratch, "kept", &old);
    let stopped = format!("{old}  stopped");
    let (mut is_stopped, mut is_succeeded) = (false, false);
    while !is_stopped || !is_succeeded {
        let line = wait_for("");
        is_stopped |= line.contains(&stopped);
        // An answer that was given before it was killed may come after.
        if let Some(leader) = leader(&line) {
            is_succeeded = leader != old;
        }
    }

    scratch.run(&["down", "kept"]).expect(0);
    wait_for("kept     no member runs; ");
    up(&scratch, "kept");
    let line = wait_for(" leads, elected ");
    assert!(!line.contains("before"), "{line}");

    // Nothing changes, and nothing is said, until this.
    scratch.run(&["destroy", "kept", "--yes"]).expect(0);
    let line = wait_for("kept     is gone");
    assert!(line.ends_with("is gone, probably removed by `cargo xtask destroy kept`"));
    for line in lines {
        let (moment, rest) = line.split_once("  ").unwrap();
        let shape: String = moment
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(shape, "0000-00-00T00:00:00Z", "{line}");
        assert!(!rest.contains('\u{1b}'), "{line:?}");
    }
    let ran = Ran::from(log.child.wait_with_output().unwrap()).expect(0);
    assert_eq!(ran.stderr, "");
}

/// How many members answer, by a line of JSON.
fn answering(line: &Value) -> usize {
    let members = line["members"].as_array().unwrap().iter();
    members.filter(|member| member["answers"] == true).count()
}

/// The names of an object's fields.
fn fields(object: &Value) -> BTreeSet<&str> {
    let object = object.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

#[test]
fn programs_get_an_object_a_line_and_one_that_hangs_holds_nobody_up() {
    let scratch = started("read", &three(3));
    let once = status(&scratch, "read");
    let arguments = ["status", "read", "--watch", "0.3", "--format", "json"];
    let watch = Follower::follow(&mut scratch.command(&arguments));
    let next = || -> Value { serde_json::from_str(&watch.next()).unwrap() };
    let mut first = next();
    while answering(&first) < 3 || first["leader"].is_null() {
        first = next();
    }
    let mut wanted = fields(&once);
    wanted.extend(["at", "last_election"]);
    assert_eq!(fields(&first), wanted);
    assert_eq!(fields(&first["members"][0]), fields(&once["members"][0]));
    assert_eq!(first["running"], 3);
    assert!(first["members"][0]["lag"].is_u64(), "{first}");
    let election = &first["last_election"];
    assert_eq!(election["leader"], first["leader"]);
    assert_eq!(election["after"], Value::Null);
    assert!(election["told_at"].as_f64() <= first["at"].as_f64());
    let old = first["leader"].as_str().unwrap().to_owned();

    kill_member(&scratch, "read", &old);
    let new = loop {
        let line = next();
        // It may have been elected once more before it was killed.
        let last = &line["last_election"];
        if last["term"].as_u64() > election["term"].as_u64() && last["leader"] != old.as_str() {
            break line;
        }
    };
    let election = &new["last_election"];
    // It may have been told before the term that it began.
    let told = election["told_at"].as_f64().unwrap();
    let after = election["after"].as_f64().unwrap();
    assert!(first["at"].as_f64().unwrap() <= after && after < told);
    assert!(told <= new["at"].as_f64().unwrap());

    // One that is halted accepts connections and says nothing.
    let halted = election["leader"].as_str().unwrap().to_owned();
    let of = |line: &Value, what: &str| {
        let members = line["members"].as_array().unwrap();
        members
            .iter()
            .find(|one| one["name"] == halted.as_str())
            .unwrap()[what]
            .clone()
    };
    signal_member(&scratch, "read", &halted, Signal::SIGSTOP);
    let mut line = next();
    while of(&line, "answers") == true {
        line = next();
    }
    assert_eq!(of(&line, "condition"), "running");
    // Nobody waits for it a second time. Whoever asked it anew and waited each time would be slow every
    // other time at least; a host with much to do may be slow now and then.
    let mut at = line["at"].as_f64().unwrap();
    let mut quick_in_a_row = 0;
    let looks = (0..40).take_while(|_| {
        let next_at = next()["at"].as_f64().unwrap();
        let is_quick = next_at - at < 1.5;
        at = next_at;
        quick_in_a_row = if is_quick { quick_in_a_row + 1 } else { 0 };
        quick_in_a_row < 4
    });
    assert!(looks.count() < 40);

    let begun = Instant::now();
    watch.signal(Signal::SIGINT);
    let ran = watch.child.wait_with_output().unwrap();
    assert!(begun.elapsed() < END);
    assert_eq!(ran.status.code(), Some(130));
    assert_eq!(String::from_utf8(ran.stderr).unwrap(), "");

    signal_member(&scratch, "read", &halted, Signal::SIGCONT);
}

#[test]
fn a_driver_that_cannot_tell_is_said_once_and_hides_no_member() {
    let definition = "members = 1\n[network]\nsubnet = \"10.93.5.0/24\"\n";
    let scratch = started("alone", definition);
    let (lines, ran) = {
        let _lost = LostVagrant::of(&scratch, "alone");
        let arguments = ["status", "alone", "--watch", "0.1", "--format", "json"];
        let mut command = scratch.command(&arguments);
        let watch = Follower::follow(command.env("PATH", "/nowhere"));
        let mut lines = Vec::new();
        while lines.iter().map(answering).sum::<usize>() < 3 {
            lines.push(serde_json::from_str(&watch.next()).unwrap());
        }
        watch.signal(Signal::SIGTERM);
        (lines, Ran::from(watch.child.wait_with_output().unwrap()))
    };
    for line in lines {
        assert_eq!(line["members"][0]["condition"], Value::Null, "{line}");
    }
    let ran = ran.expect(130);
    assert_eq!(ran.stderr.matches("error: ").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("vagrant"), "{}", ran.stderr);
}

/// Vagrant is asked every 15 seconds.
#[test]
fn stand_in_driver_that_was_late_once_is_waited_for_again() {
    let definition = "members = 1\n[network]\nsubnet = \"10.93.6.0/24\"\n";
    let scratch = Scratch::with("late", definition);
    let etcdctl = scratch.root().join("etcdctl");
    fs::write(&etcdctl, "").unwrap();
    let tools = Tools {
        etcd: etcdctl.clone(),
        etcdctl,
        version: "3.6.14".parse().unwrap(),
        origin: ToolsOrigin::Named,
        certificate: None,
        credentials: None,
    };
    let plan = plan("late", definition).on_loopback();
    Record::new(DriverName::Vagrant, &plan, &tools)
        .write(&Workspace::at(scratch.root()).home(&plan.name))
        .unwrap();
    let vagrant = scratch.root().join("vagrant");
    let machine = vagrant.join(".vagrant/machines/late_core-01/libvirt");
    fs::create_dir_all(&machine).unwrap();
    fs::write(machine.join("id"), "1").unwrap();
    fs::create_dir_all(vagrant.join("late")).unwrap();
    fs::write(vagrant.join("late/config.rb"), "").unwrap();
    // The first answer takes longer than anybody waits for. The others tell when they were asked for.
    let script = r#"
        state=running
        if test -e asked; then date +%s.%N > asked; sleep 0.3; else : > asked; sleep 3; state=shutoff; fi
        echo "1,late-core-01,provider-name,libvirt"
        echo "1,late_core-01,state,$state""#;
    let programs = scratch.root().join("bin");
    program(&programs.join("vagrant"), script);

    let arguments = ["status", "late", "--watch", "0.5", "--format", "json"];
    let mut command = scratch.command(&arguments);
    let path = format!("{programs}:/usr/bin:/bin");
    let mut watch = Follower::follow(command.env("PATH", path));
    let condition = |line: &Value| line["members"][0]["condition"].clone();
    let next = || -> Value { serde_json::from_str(&watch.next()).unwrap() };
    let mut line = next();
    while condition(&line).is_null() {
        line = next();
    }
    let first = condition(&line);
    while condition(&line) == first {
        line = next();
    }
    let asked = fs::read_to_string(vagrant.join("late/asked")).unwrap();
    let asked: f64 = asked.trim().parse().unwrap();
    watch.signal(Signal::SIGTERM);
    watch.child.wait().unwrap();
    // No machine is to be destroyed.
    fs::remove_dir_all(scratch.root().join(".state")).unwrap();
    // It is the look that asked to which the answer came.
    assert!(line["at"].as_f64().unwrap() < asked, "{line}");
}

/// A cluster of one local member, as if it were a machine on a host that has lost its Vagrant. It is a
/// local one again when this is dropped, or nobody could stop it.
struct LostVagrant {
    record: Utf8PathBuf,
    local: String,
    machines: Utf8PathBuf,
}

impl LostVagrant {
    fn of(scratch: &Scratch, name: &str) -> Self {
        let record = scratch.root().join(format!(".state/{name}/cluster.json"));
        let local = fs::read_to_string(&record).unwrap();
        fs::write(&record, local.replace("\"local\"", "\"vagrant\"")).unwrap();
        let machines = scratch.root().join("vagrant/.vagrant");
        let machine = machines.join(format!("machines/{name}_core-01/libvirt"));
        fs::create_dir_all(&machine).unwrap();
        fs::write(machine.join("id"), "1").unwrap();
        Self {
            record,
            local,
            machines,
        }
    }
}

impl Drop for LostVagrant {
    fn drop(&mut self) {
        let _ = fs::write(&self.record, &self.local);
        let _ = fs::remove_dir_all(&self.machines);
    }
}
