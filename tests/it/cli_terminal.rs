//! What only shows on a terminal: questions, colors, and lines that are rewritten in place.

use std::process::Command;

use crate::cli_cluster::{started, three};
use crate::etcd_binaries::packaged;
use crate::scratch::{Ran, Scratch};

/// Runs the program on a terminal of this width, which answers a question if there is one. Returns
/// what the terminal received.
fn on_terminal(command: &Command, columns: u16, answer: &str) -> Ran {
    let program = r#"
import fcntl, os, pty, struct, sys, termios
columns, answer, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
process, terminal = pty.fork()
if process == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    os.execv(words[0], words)
seen = b''
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    seen += piece
    if answer and seen.endswith(b'[y/N] '):
        os.write(terminal, answer.encode())
        answer = ''
sys.stdout.buffer.write(seen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"#;
    let mut python = Command::new("/usr/bin/python3");
    python
        .args(["-c", program, &columns.to_string(), answer])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap())
        .env("TERM", "xterm-256color");
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        python.env_remove(name);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => python.env(name, value),
            None => python.env_remove(name),
        };
    }
    let mut ran = Ran::from(python.output().unwrap());
    // A terminal turns each newline into these two.
    ran.stdout = ran.stdout.replace("\r\n", "\n");
    ran
}

#[test]
fn destroy_asks_and_does_nothing_unless_told_yes() {
    let scratch = started("asked", &three(20));
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
        scratch.run(&["verify", "asked"]).expect(0);
    }
    // Ctrl-C.
    on_terminal(&destroy, 80, "\u{3}").expect(130);
    scratch.run(&["verify", "asked"]).expect(0);

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
fn color_is_for_terminals_that_want_it() {
    let scratch = Scratch::new();
    let mut command = scratch.command(&["status"]);
    let colored = |ran: Ran| ran.expect(4).stdout.contains("\u{1b}[");
    assert!(colored(on_terminal(&command, 80, "")));
    assert!(!colored(on_terminal(command.env("NO_COLOR", "1"), 80, "")));
    let mut command = scratch.command(&["status"]);
    assert!(!colored(on_terminal(command.env("TERM", "dumb"), 80, "")));
}

/// What a terminal shows after these bytes: the lines of its screen.
fn screen(received: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column, mut wraps) = (0_usize, 0_usize, true);
    let mut rest = received.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => {
                row += 1;
                column = 0;
            }
            '\r' => column = 0,
            '\u{1b}' => {
                assert_eq!(rest.next(), Some('['));
                let mut parameters = String::new();
                let last = rest
                    .by_ref()
                    .find(|c| {
                        let is_last = c.is_ascii_alphabetic();
                        if !is_last {
                            parameters.push(*c);
                        }
                        is_last
                    })
                    .unwrap();
                match (parameters.as_str(), last) {
                    (_, 'm') => {}
                    ("?7", 'l') => wraps = false,
                    ("?7", 'h') => wraps = true,
                    ("2", 'K') => lines[row].clear(),
                    (count, 'F') => {
                        row -= count.parse::<usize>().unwrap();
                        column = 0;
                    }
                    other => panic!("an unknown sequence {other:?}"),
                }
            }
            c => {
                if column == columns && wraps {
                    row += 1;
                    column = 0;
                } else if column == columns {
                    column -= 1;
                }
                if lines.len() <= row {
                    lines.resize(row + 1, Vec::new());
                }
                let line = &mut lines[row];
                if line.len() <= column {
                    line.resize(column + 1, ' ');
                }
                line[column] = c;
                column += 1;
            }
        }
        if lines.len() <= row {
            lines.resize(row + 1, Vec::new());
        }
    }
    assert!(wraps, "the terminal is left as it was");
    lines.into_iter().map(String::from_iter).collect()
}

#[test]
fn progress_stays_in_its_lines_on_a_narrow_terminal() {
    let name = |number: u8| format!("{number}-{}", "long".repeat(15));
    let member = |number: u8| {
        format!(
            "[[members]]\nname = \"{}\"\naddress = \"10.78.21.10{number}\"\n",
            name(number)
        )
    };
    let members: String = (1..=3).map(member).collect();
    let definition = format!("{members}[network]\nsubnet = \"10.78.21.0/24\"\n");
    let scratch = Scratch::with("narrow", &definition);
    let arguments = ["up", "narrow", "--etcd-dir", packaged().as_str()];
    for variable in ["SHLVL", "NO_COLOR"] {
        let mut command = scratch.command(&arguments);
        let ran = on_terminal(command.env(variable, "1"), 40, "").expect(0);
        let screen = screen(&ran.stdout, 40);
        let shown = |mark: char| {
            let lines = screen.iter().filter(|line| line.starts_with(mark));
            lines
                .map(|line| line.chars().take(39).collect())
                .collect::<Vec<String>>()
        };
        let wanted: Vec<String> = (1..=3)
            .map(|number| format!("✓ {}", name(number)).chars().take(39).collect())
            .collect();
        assert_eq!(shown('✓'), wanted, "{}", screen.join("\n"));
        assert_eq!(shown('·'), Vec::<String>::new(), "{}", screen.join("\n"));
        assert!(screen.iter().all(|line| line.chars().count() <= 40));
        scratch.run(&["destroy", "narrow", "--yes"]).expect(0);
    }
}

#[test]
fn progress_on_a_dumb_terminal_is_plain_lines() {
    let scratch = Scratch::with("dumb", &three(22));
    let mut command = scratch.command(&["up", "dumb", "--etcd-dir", packaged().as_str()]);
    let ran = on_terminal(command.env("TERM", "dumb"), 80, "").expect(0);
    assert!(!ran.stdout.contains('\u{1b}'), "{:?}", ran.stdout);
    assert!(ran.stdout.contains("core-03"), "{}", ran.stdout);
}

#[test]
fn env_on_a_terminal_says_that_it_is_for_a_shell() {
    let scratch = started("eval", &three(23));
    let ran = on_terminal(&scratch.command(&["env", "eval"]), 200, "").expect(0);
    let hint = "hint: have your shell read this: `eval \"$(cargo xtask env eval)\"`\n";
    assert!(ran.stdout.ends_with(hint), "{}", ran.stdout);
    assert_eq!(scratch.run(&["env", "eval"]).expect(0).stderr, "");
}
