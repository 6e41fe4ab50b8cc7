//! A pseudo terminal for programs, and what its screen shows.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::scratch::Ran;

/// How long to wait for output.
const LONG: Duration = Duration::from_secs(60);

/// Runs another program on a terminal, and passes on its output and the typed input.
const PROGRAM: &str = r#"
import fcntl, os, pty, select, struct, sys, termios
columns, rows, words = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
process, terminal = pty.fork()
if process == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
    os.execv(words[0], words)
sources = [terminal, 0]
while True:
    ready = select.select(sources, [], [])[0]
    if 0 in ready:
        keys = os.read(0, 65536)
        if keys:
            os.write(terminal, keys)
        else:
            sources.remove(0)
    if terminal in ready:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        os.write(1, piece)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"#;

/// A terminal with a running program.
pub(crate) struct Terminal {
    columns: usize,
    rows: usize,
    child: Child,
    keys: ChildStdin,
    pieces: Receiver<Vec<u8>>,
    received: Vec<u8>,
}

impl Terminal {
    /// Runs the program on a terminal of this size.
    pub(crate) fn open(command: &Command, columns: u16, rows: u16) -> Self {
        let mut python = Command::new("/usr/bin/python3");
        python
            .args(["-c", PROGRAM, &columns.to_string(), &rows.to_string()])
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
        let mut child = python
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (tell, pieces) = mpsc::channel();
        thread::spawn(move || {
            let mut piece = vec![0; 65536];
            while let Ok(length @ 1..) = stdout.read(&mut piece) {
                if tell.send(piece[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            columns: columns.into(),
            rows: rows.into(),
            keys: child.stdin.take().unwrap(),
            child,
            pieces,
            received: Vec::new(),
        }
    }

    /// Waits until the received text matches.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, mut is_so: impl FnMut(&str) -> bool) {
        let until = Instant::now() + LONG;
        while !is_so(&self.received()) {
            let wait = until.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(wait) {
                Ok(piece) => self.received.extend(piece),
                Err(error) => panic!("{error}\n{}", self.screen().text()),
            }
        }
    }

    /// Waits until the screen matches.
    #[track_caller]
    pub(crate) fn wait_until_it_shows(&mut self, mut is_so: impl FnMut(&Screen) -> bool) {
        let (columns, rows) = (self.columns, self.rows);
        self.wait_until(|received| is_so(&Screen::of(received, columns, rows)));
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// All text that the terminal has received.
    pub(crate) fn received(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    pub(crate) fn screen(&self) -> Screen {
        Screen::of(&self.received(), self.columns, self.rows)
    }

    /// Waits until the program ends. Returns the received text and the final screen.
    pub(crate) fn end(mut self) -> (Ran, Screen) {
        self.received.extend(self.pieces.iter().flatten());
        let mut ran = Ran::from(self.child.wait_with_output().unwrap());
        ran.stdout = String::from_utf8(self.received).unwrap();
        let screen = Screen::of(&ran.stdout, self.columns, self.rows);
        assert!(screen.wraps, "the terminal is left as it was");
        (ran, screen)
    }
}

/// Runs the program on a terminal of this width, answers its question if there is one, and returns
/// the received text.
pub(crate) fn on_terminal(command: &Command, columns: u16, answer: &str) -> Ran {
    let mut terminal = Terminal::open(command, columns, 24);
    if !answer.is_empty() {
        terminal.wait_until(|received| received.ends_with("[y/N] "));
        terminal.press(answer);
    }
    let (mut ran, _) = terminal.end();
    // A terminal turns each newline into these two characters.
    ran.stdout = ran.stdout.replace("\r\n", "\n");
    ran
}

/// The screen of a terminal.
pub(crate) struct Screen {
    /// The lines, including those that scrolled out.
    pub(crate) lines: Vec<String>,
    /// The cursor's line.
    pub(crate) row: usize,
    /// The cursor's column.
    pub(crate) column: usize,
    /// Whether long lines wrap, as they do by default.
    wraps: bool,
}

impl Screen {
    /// The screen of a terminal of this size after this text.
    pub(crate) fn of(received: &str, columns: usize, rows: usize) -> Self {
        let mut lines: Vec<Vec<char>> = vec![Vec::new()];
        let (mut row, mut column, mut wraps) = (0_usize, 0_usize, true);
        let mut rest = received.chars();
        while let Some(c) = rest.next() {
            // Lines above the screen have scrolled out, and the cursor cannot reach them.
            let top = lines.len().saturating_sub(rows);
            match c {
                '\n' => row += 1,
                '\r' => column = 0,
                '\u{1b}' => match sequence(&mut rest).as_str() {
                    "[?7l" => wraps = false,
                    "[?7h" => wraps = true,
                    "[K" => lines[row].truncate(column.min(columns - 1)),
                    "[J" => {
                        lines[row].truncate(column);
                        lines[row + 1..].fill(Vec::new());
                    }
                    "[E" => {
                        row = (row + 1).min((top + rows).min(lines.len()) - 1);
                        column = 0;
                    }
                    "" => {}
                    other => {
                        if let Some(count) = other.strip_suffix('F') {
                            row = row.saturating_sub(count[1..].parse().unwrap()).max(top);
                            column = 0;
                        } else {
                            assert!(other.ends_with('m'), "an unknown sequence {other:?}");
                        }
                    }
                },
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
        Self {
            lines: lines.into_iter().map(String::from_iter).collect(),
            row,
            column,
            wraps,
        }
    }

    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The line that starts with this.
    pub(crate) fn line(&self, beginning: &str) -> Option<&str> {
        let mut lines = self.lines.iter().map(String::as_str);
        lines.find(|line| line.starts_with(beginning))
    }
}

/// An escape sequence; `None` if the rest has not arrived yet.
fn sequence(rest: &mut std::str::Chars<'_>) -> String {
    let mut text = String::new();
    for c in rest.by_ref() {
        text.push(c);
        if c.is_ascii_alphabetic() {
            return text;
        }
    }
    String::new()
}
