//! Clusters named as an argument by tasks that take them with an option.

use crate::hint::Hint;
use crate::process::quoted;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::workspace::Workspace;

/// The commands of all etcdctl versions. A cluster may have the same name as one.
const ETCDCTL: &[&str] = &[
    "alarm",
    "auth",
    "backup",
    "check",
    "cluster-health",
    "compaction",
    "completion",
    "defrag",
    "del",
    "downgrade",
    "elect",
    "endpoint",
    "exec-watch",
    "export",
    "get",
    "help",
    "import",
    "lease",
    "lock",
    "ls",
    "make-mirror",
    "member",
    "migrate",
    "mk",
    "mkdir",
    "move-leader",
    "put",
    "rm",
    "rmdir",
    "role",
    "set",
    "setdir",
    "snapshot",
    "txn",
    "update",
    "updatedir",
    "user",
    "version",
    "watch",
];

/// Refuses a cluster where etcdctl's command is expected, as in `etcdctl five get a`.
pub(super) fn refuse_as_command(arguments: &[String]) -> Outcome<()> {
    let [task, word, rest @ ..] = arguments else {
        return Ok(());
    };
    if task != "etcdctl" || ETCDCTL.contains(&&**word) || !is_cluster(word) {
        return Ok(());
    }
    let rest: Vec<String> = rest.iter().map(|word| quoted(word)).collect();
    let rest = match rest.first() {
        None => "endpoint health".to_owned(),
        Some(option) if option.starts_with('-') => format!("-- {}", rest.join(" ")),
        Some(_) => rest.join(" "),
    };
    let command = format!("cargo xtask etcdctl --cluster {word} {rest}");
    Err(Failure::usage(
        Diagnostic::error(format!("`{word}` is a cluster, not a command of etcdctl"))
            .hint(with_option([command])),
    ))
}

/// What to type instead of `logs five core-01` or `ssh core-01 five`.
pub(super) fn beside_member(task: &str, arguments: &[String]) -> Option<Hint> {
    let words = arguments.iter().skip_while(|word| *word != task).skip(1);
    let words: Vec<&String> = words.collect();
    let at = words.iter().take(2).position(|word| is_cluster(word))?;
    let cluster = quoted(words[at]);
    let others = words.iter().enumerate().filter(|(index, _)| *index != at);
    let others: Vec<String> = others.map(|(_, word)| quoted(word)).collect();
    if others.is_empty() {
        return None;
    }
    let command = format!(
        "cargo xtask {task} --cluster {cluster} {}",
        others.join(" ")
    );
    Some(with_option([command]))
}

fn with_option(commands: [String; 1]) -> Hint {
    Hint::heals("name the cluster with an option", commands)
}

/// Whether this is the name of a definition or of a started cluster.
fn is_cluster(word: &str) -> bool {
    let (Ok(workspace), Ok(name)) = (Workspace::find(), word.parse()) else {
        return false;
    };
    workspace.cluster().join(format!("{word}.toml")).is_file() || workspace.state(&name).is_dir()
}
