//! Reads what etcd writes to its log: JSON lines by its logger zap, and plain lines before that
//! logger is there and after it has gone.

use serde::Deserialize;

/// Why a member ended, in its own words, out of what it has logged since it was started. None where
/// it gave no reason.
pub fn last_words(log: &str) -> Option<String> {
    let last = |tell: fn(&Entry) -> bool| {
        let backwards = log.lines().rev();
        let mut entries = backwards.filter_map(|line| serde_json::from_str(line).ok());
        entries.find(tell).map(|entry| in_words(&entry))
    };
    last(|entry| ["error", "fatal", "panic"].contains(&entry.level.as_str()))
        // What makes it refuse its flags is but a warning to etcd, and the last thing it says.
        .or_else(|| last(|entry| entry.msg.starts_with("failed to ") && entry.error.is_some()))
        .or_else(|| first_plain(log))
}

#[derive(Deserialize)]
struct Entry {
    level: String,
    msg: String,
    error: Option<String>,
}

fn in_words(Entry { msg, error, .. }: &Entry) -> String {
    match error {
        // What etcd puts before every reason for not starting, whatever it has to do with discovery.
        Some(error) if msg == "discovery failed" => error.clone(),
        Some(error) => format!("{msg}: {error}"),
        None => msg.clone(),
    }
}

/// A complaint about a flag comes before the logger, and the whole manual after it.
fn first_plain(log: &str) -> Option<String> {
    let mut plain = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('{'));
    plain.find(|line| !line.is_empty()).map(str::to_owned)
}
