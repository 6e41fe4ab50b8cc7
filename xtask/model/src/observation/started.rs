//! The flags of a running etcd, from its command line and its environment.

use std::collections::BTreeMap;

use crate::facts::flag_table;

/// The flags that an etcd was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartedWith {
    /// The program as it was called; none if it is not named like etcd.
    pub program: Option<String>,
    /// The value of each flag, by the flag's name without dashes.
    pub flags: BTreeMap<String, String>,
    /// Whether it trusts certificate authorities of which another one has taken the place since.
    pub trusts_former: bool,
}

impl StartedWith {
    /// Reads the words of a process's command line, including the program, and the `NAME=value` pairs of its
    /// environment. etcd takes a flag from `ETCD_…` if it is not on the command line.
    pub fn read(words: &[String], environment: &[String]) -> Self {
        let of_environment = environment.iter().filter_map(|pair| {
            let (name, value) = pair.strip_prefix("ETCD_")?.split_once('=')?;
            let name = name.to_ascii_lowercase().replace('_', "-");
            // Programs that run etcd have their own settings with this prefix.
            flag_table::find(&name)?;
            Some((name, value.to_owned()))
        });
        let mut flags: BTreeMap<String, String> = of_environment.collect();
        flags.extend(of_command_line(words));
        Self {
            program: words.iter().find(|word| is_etcd(word)).cloned(),
            flags,
            trusts_former: false,
        }
    }

    /// The value of the flag of this name.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.get(name).map(String::as_str)
    }
}

/// Reads `--name=value`, `-name value`, and `--name` for true. Words before etcd are skipped: a shell may be
/// about to execute it.
fn of_command_line(words: &[String]) -> Vec<(String, String)> {
    let program = words.iter().position(|word| is_etcd(word));
    let program = program.map(|program| program + 1);
    let first = program.or_else(|| words.iter().position(|word| word.starts_with('-')));
    let mut words = words.iter().skip(first.unwrap_or(words.len())).peekable();
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            continue;
        };
        let mut value = || words.next_if(|next| !next.starts_with('-'));
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (
                flag,
                value().map_or_else(|| "true".to_owned(), Clone::clone),
            ),
        };
        flags.push((name.to_owned(), value));
    }
    flags
}

fn is_etcd(word: &str) -> bool {
    let program = word.rsplit('/').next();
    matches!(program, Some("etcd" | "etcd2"))
}
