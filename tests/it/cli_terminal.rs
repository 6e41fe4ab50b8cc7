//! Behaviour on a terminal: questions, colors, and lines that are rewritten in place.

use test_attribute::test;

use crate::cli_cluster::{one, started};
use crate::local_support::{is_healthy, processes, with_packaged};
use crate::scratch::{Ran, Scratch};
use crate::terminal::{Terminal, on_terminal};

#[test]
fn destroy_does_nothing_unless_confirmed() {
    let scratch = started("asked", &one(20));
    let before = processes(&scratch, "asked");
    let destroy = scratch.command(&["destroy", "asked"]);
    let question = "destroy cluster `asked` with all its data? [y/N] ";
    // The last is Ctrl-D.
    for answer in ["n\n", "\n", "yess\n", "\u{4}"] {
        let ran = on_terminal(&destroy, 80, answer).expect(1);
        assert!(ran.stdout.starts_with(question), "{}", ran.stdout);
        assert!(
            ran.stdout.ends_with("\nnothing was destroyed\n"),
            "{}",
            ran.stdout
        );
        assert_eq!(processes(&scratch, "asked"), before);
    }
    // Ctrl-C.
    on_terminal(&destroy, 80, "\u{3}").expect(130);
    assert_eq!(processes(&scratch, "asked"), before);
    is_healthy(&scratch, "asked");

    let ran = on_terminal(&destroy, 80, "y\n").expect(0);
    assert!(
        ran.stdout.ends_with("\nasked is destroyed\n"),
        "{}",
        ran.stdout
    );
    scratch.run(&["status", "asked"]).expect(4);
    let ran = on_terminal(&destroy, 80, "").expect(0);
    assert!(
        ran.stdout.starts_with("nothing to destroy"),
        "{}",
        ran.stdout
    );
}

#[test]
fn color_is_printed_only_on_terminals_that_want_it() {
    let scratch = Scratch::new();
    let mut command = scratch.command(&["status"]);
    let colored = |ran: Ran| ran.expect(4).stdout.contains("\u{1b}[");
    assert!(colored(on_terminal(&command, 80, "")));
    assert!(!colored(on_terminal(command.env("NO_COLOR", "1"), 80, "")));
    let mut command = scratch.command(&["status"]);
    assert!(!colored(on_terminal(command.env("TERM", "dumb"), 80, "")));
}

#[test]
fn progress_keeps_its_lines_on_a_narrow_terminal() {
    let name = |number: u8| format!("{number}-{}", "long".repeat(15));
    let member = |number: u8| {
        format!(
            "[[members]]\nname = \"{}\"\naddress = \"10.78.21.10{number}\"\n",
            name(number)
        )
    };
    let scratch = Scratch::new();
    let arguments = [&["up", "narrow"][..], &with_packaged()].concat();
    for (variable, count) in [("SHLVL", 3), ("NO_COLOR", 1)] {
        let members: String = (1..=count).map(member).collect();
        let definition = format!("{members}[network]\nsubnet = \"10.78.21.0/24\"\n");
        scratch.define("narrow", &definition);
        let mut command = scratch.command(&arguments);
        let (ran, screen) = Terminal::open(command.env(variable, "1"), 40, 24).end();
        ran.expect(0);
        let shown = |mark: char| {
            let lines = screen.lines.iter().filter(|line| line.starts_with(mark));
            lines
                .map(|line| line.chars().take(39).collect())
                .collect::<Vec<String>>()
        };
        let wanted: Vec<String> = (1..=count)
            .map(|number| format!("✓ {}", name(number)).chars().take(39).collect())
            .collect();
        assert_eq!(shown('✓'), wanted, "{}", screen.text());
        assert_eq!(shown('·'), Vec::<String>::new(), "{}", screen.text());
        assert!(screen.lines.iter().all(|line| line.chars().count() <= 40));
        scratch.run(&["destroy", "narrow", "--yes"]).expect(0);
    }
}

#[test]
fn progress_on_a_dumb_terminal_is_plain_lines() {
    let scratch = Scratch::with("dumb", &one(22));
    let mut command = scratch.command(&[&["up", "dumb"][..], &with_packaged()].concat());
    let ran = on_terminal(command.env("TERM", "dumb"), 80, "").expect(0);
    assert!(!ran.stdout.contains('\u{1b}'), "{:?}", ran.stdout);
    assert!(ran.stdout.contains("core-01"), "{}", ran.stdout);
}

#[test]
fn env_on_a_terminal_says_that_it_is_for_a_shell() {
    let scratch = started("eval", &one(23));
    let ran = on_terminal(&scratch.command(&["env", "eval"]), 200, "").expect(0);
    let hint =
        "hint: set the variables in this shell: `e=$(cargo xtask env eval) && eval \"$e\"`\n";
    assert!(ran.stdout.ends_with(hint), "{}", ran.stdout);
    assert_eq!(scratch.run(&["env", "eval"]).expect(0).stderr, "");
}
