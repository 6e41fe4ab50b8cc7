//! Reads etcd's log in each of its formats: JSON lines by zap (since 3.4), plain lines with a letter for
//! their level (2.1 to 3.4), plain lines without one (2.0), and Go's own output when it panics.

use serde::Deserialize;

/// Why a member exited, as far as its log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWords {
    /// The reason, in the member's own words.
    pub quoted: String,
    /// The known cause of such words.
    pub cause: Option<Cause>,
}

/// A cause that the log identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The other members have removed it from their cluster.
    Removed,
    /// Its database cannot be read.
    Database,
    /// Its write-ahead log cannot be read, or lacks entries that it has agreed to.
    WriteAheadLog,
    /// The disk is full.
    DiskFull,
    /// It refuses a flag or its value.
    Flag,
    /// It cannot use its certificate, or the key of that.
    Certificate,
}

/// Why a member exited, from what it has logged since it was started. None if it logged no reason.
///
/// The reason is the last panic or fatal error, else the last error, else the last warning that something
/// failed. Errors and warnings count only near the end of the log, because a member survives them.
/// Consequences of its exit and lines about other members do not count.
pub fn last_words(log: &str) -> Option<LastWords> {
    let entries: Vec<Entry> = log.lines().filter_map(Entry::of).collect();
    let quoted = ending(&entries)
        .or_else(|| removal(&entries))
        .or_else(|| cut_short_by_a_full_disk(log))
        .or_else(|| last_near_the_end(&entries, |entry| entry.level == Level::Error))
        .or_else(|| last_near_the_end(&entries, says_that_something_failed))
        .or_else(|| last_without_level(&entries))
        .or_else(|| complaint_before_the_log(log))?;
    Some(LastWords {
        cause: cause(&quoted, log),
        quoted,
    })
}

/// The level of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// No level: etcd 2.0.
    None,
    /// Not important here.
    Info,
    Warning,
    Error,
    /// The process exits with it.
    Ending,
}

#[derive(Debug)]
struct Entry {
    level: Level,
    /// The part of etcd that logged it.
    part: String,
    text: String,
    error: Option<String>,
}

impl Entry {
    /// The entry in a line; none if the line is not a log entry, such as a line of a stack trace.
    fn of(line: &str) -> Option<Self> {
        if line.starts_with('{') {
            return Self::of_json(line);
        }
        for start in ["panic: ", "fatal error: "] {
            if let Some(text) = line.strip_prefix(start) {
                return Some(Self::plain(Level::Ending, "", text));
            }
        }
        Self::of_plain(line)
    }

    fn of_json(line: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Json {
            level: String,
            #[serde(default)]
            caller: String,
            msg: String,
            error: Option<String>,
        }
        let json: Json = serde_json::from_str(line).ok()?;
        Some(Self {
            level: match json.level.as_str() {
                "fatal" | "panic" | "dpanic" => Level::Ending,
                "error" => Level::Error,
                "warn" => Level::Warning,
                _ => Level::Info,
            },
            // The folder of the source file.
            part: json.caller.split('/').next().unwrap_or("").to_owned(),
            text: json.msg,
            error: json.error,
        })
    }

    /// `2026-11-29 21:16:21.823946 E | etcdserver: …`, or as of 2.0 `2026/11/29 21:16:21 etcdserver: …`.
    fn of_plain(line: &str) -> Option<Self> {
        let (date, rest) = line.split_once(' ')?;
        let (time, rest) = rest.split_once(' ')?;
        let is_time = |c: char| c.is_ascii_digit() || c == ':' || c == '.';
        if !time.contains(':') || !time.chars().all(is_time) {
            return None;
        }
        let numbers = |separator| {
            let mut parts = date.split(separator);
            let all = parts.by_ref().take(3);
            all.filter(|part| part.parse::<u32>().is_ok()).count() == 3
        };
        if numbers('-') {
            let (level, said) = rest.split_once(" | ")?;
            let level = match level {
                "C" | "F" | "P" => Level::Ending,
                "E" => Level::Error,
                "W" => Level::Warning,
                _ => Level::Info,
            };
            let (part, text) = said.split_once(": ").unwrap_or(("", said));
            return Some(Self::plain(level, part, text));
        }
        if numbers('/') {
            let (part, text) = rest.split_once(": ").unwrap_or(("", rest));
            return Some(Self::plain(Level::None, part, text));
        }
        None
    }

    fn plain(level: Level, part: &str, text: &str) -> Self {
        Self {
            level,
            part: part.to_owned(),
            text: text.trim_end().to_owned(),
            error: None,
        }
    }

    fn in_words(&self) -> String {
        let Self { text, error, .. } = self;
        match error {
            // etcd puts this before every reason for not starting, even if discovery is not involved.
            Some(error) if text == "discovery failed" => error.clone(),
            Some(error) => format!("{}: {error}", text.trim_end_matches('.')),
            None => text.clone(),
        }
    }

    /// Whether it follows from the member's exit, or is about connections to others.
    fn is_beside_the_point(&self) -> bool {
        let words = self.in_words();
        self.part == "rafthttp" || CONSEQUENCES.iter().any(|end| words.contains(end))
    }
}

/// What a member logs because it exits.
const CONSEQUENCES: &[&str] = &[
    "server stopped",
    "server is stopped",
    "server is stopping",
    "request cancelled",
    "context canceled",
    "raft: stopped",
    "use of closed network connection",
    "failed to publish local member",
    "publish error",
    "aborting publish",
    "data-dir used by this member must be removed",
    // A client or another member was not trusted, or does not trust this one.
    "rejected connection",
];

/// How many entries before the end of the log an error may still be the reason.
const NEAR_END: usize = 20;

/// The entry that ended the process. Go repeats the message of a panic that zap has just logged, without the
/// error behind it.
fn ending(entries: &[Entry]) -> Option<String> {
    let counts = |entry: &&Entry| entry.level == Level::Ending && !entry.is_beside_the_point();
    let mut endings = entries.iter().filter(counts).rev();
    let last = endings.next()?;
    let richer = endings.find(|entry| entry.in_words().starts_with(&last.text));
    Some(richer.unwrap_or(last).in_words())
}

/// The entry about its removal from the cluster, after which etcd 3.4 and 3.5 only log a warning and exit
/// cleanly.
fn removal(entries: &[Entry]) -> Option<String> {
    let mut backwards = entries.iter().rev();
    let removal = backwards.find(|entry| entry.part != "rafthttp" && is_removal(&entry.in_words()));
    removal.map(Entry::in_words)
}

fn last_near_the_end(entries: &[Entry], counts: fn(&Entry) -> bool) -> Option<String> {
    let mut near = entries.iter().rev().take(NEAR_END);
    let last = near.find(|entry| counts(entry) && !entry.is_beside_the_point());
    last.map(Entry::in_words)
}

/// Whether this is a warning about a failure: etcd logs refused flags only as a warning, as its last line.
fn says_that_something_failed(entry: &Entry) -> bool {
    entry.level == Level::Warning && entry.text.starts_with("failed to ") && entry.error.is_some()
}

/// In a log without levels, the last line about the member itself, if it reports a failure. A killed member
/// logs no such line.
fn last_without_level(entries: &[Entry]) -> Option<String> {
    const FAILURES: &[&str] = &[
        "error",
        "fail",
        "cannot",
        "couldn't",
        "can't",
        "unable",
        "invalid",
        "no space left",
        "mismatch",
        "unknown",
        "already",
        "denied",
        "corrupt",
        "unmatched",
    ];
    let mut own = entries.iter().rev().filter(|entry| {
        let is_of_raft = entry.part.starts_with("raft");
        entry.level == Level::None && !is_of_raft && !entry.is_beside_the_point()
    });
    let last = own.next()?.in_words();
    let small = last.to_lowercase();
    FAILURES
        .iter()
        .any(|failure| small.contains(failure))
        .then_some(last)
}

/// A complaint about a flag comes before the log, followed by the whole manual. A missing program is reported
/// there too.
fn complaint_before_the_log(log: &str) -> Option<String> {
    let lines = log.lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with("[WARNING]"));
    let first = lines.next()?;
    let is_logged = first.starts_with('{') || Entry::of_plain(first).is_some();
    (!is_logged).then(|| first.to_owned())
}

/// A full disk may cut off the very line that reports it.
fn cut_short_by_a_full_disk(log: &str) -> Option<String> {
    let is_cut = |line: &&str| line.starts_with('{') && Entry::of(line).is_none();
    let mut cut = log.lines().rev().take(NEAR_END).filter(is_cut);
    let tells = cut.find(|line| line.contains(NO_SPACE));
    tells.map(|_| NO_SPACE.to_owned())
}

/// The system's errors when a member cannot get its files or its memory (`strerror(3)`, as spelled in Go's
/// package `syscall`).
const REFUSALS: &[&str] = &[
    "cannot allocate memory",
    "file too large",
    "input/output error",
    "operation not permitted",
    "permission denied",
    "read-only file system",
    "resource temporarily unavailable",
    "too many open files",
];

/// Go's words for a full disk.
const NO_SPACE: &str = "no space left on device";

fn is_removal(words: &str) -> bool {
    words.contains("the member has been permanently removed from the cluster")
}

fn cause(quoted: &str, log: &str) -> Option<Cause> {
    let is_any = |words: &[&str]| words.iter().any(|words| quoted.contains(words));
    // A full disk takes precedence over its consequences.
    if quoted.contains(NO_SPACE) {
        return Some(Cause::DiskFull);
    }
    if is_removal(quoted) {
        return Some(Cause::Removed);
    }
    // Go's `flag` package, and etcd's check of the values (server/etcdmain/config.go).
    if is_any(&[
        "flag provided but not defined",
        " for flag -",
        "verify flags: ",
        "verifying flags",
    ]) {
        return Some(Cause::Flag);
    }
    // The data may be intact if the system refuses access to it.
    if is_any(REFUSALS) {
        return None;
    }
    // Go's `crypto/tls`, and the errors of files that etcd reads for it.
    let is_of_pair = |text: &str| text.contains(".crt: ") || text.contains(".key: ");
    if quoted.contains("tls: failed to ")
        || quoted.contains("tls: private key ")
        || (quoted.contains("open ") && is_of_pair(quoted))
    {
        return Some(Cause::Certificate);
    }
    let is_of_wal = quoted.starts_with("wal: ") || quoted.contains(" wal: ");
    if is_of_wal
        || is_any(&[
            "walpb: ",
            "crc mismatch",
            "failed to read WAL",
            "failed to open WAL",
            "is out of range [lastIndex(",
        ])
    {
        return Some(Cause::WriteAheadLog);
    }
    let is_database = is_any(&[
        "failed to open database",
        "cannot open database",
        "freepages",
        "failed to recover v3 backend",
        "Page expected to be",
        "page already freed",
        "invalid freelist",
    ]);
    // A missing page crashes the process wherever bolt reads it.
    let is_fault = is_any(&[
        "fault",
        "runtime error",
        "invalid memory address",
        "assertion failed",
    ]);
    let in_bolt = || log.contains("bbolt.") || log.contains("boltdb/bolt.");
    (is_database || (is_fault && in_bolt())).then_some(Cause::Database)
}
