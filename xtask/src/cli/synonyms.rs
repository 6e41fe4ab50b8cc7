//! Words of other programs for tasks and options of this one.

use crate::hint::Hint;

/// Words of other programs, and the equivalent tasks here, some with an option.
static TASKS: &[(&[&str], &[&str])] = &[
    (
        &[
            "boot",
            "create",
            "deploy",
            "launch",
            "new",
            "provision",
            "resume",
            "run",
            "start",
        ],
        &["up"],
    ),
    (&["halt", "pause", "shutdown", "stop", "suspend"], &["down"]),
    (&["bounce", "reload", "roll"], &["restart"]),
    (&["compact", "defragment", "vacuum"], &["defrag"]),
    (&["import", "load", "rollback", "undo"], &["restore"]),
    (
        &["fix", "heal", "recover", "repair"],
        &["up", "replace", "restore"],
    ),
    (&["rebuild", "recreate"], &["replace", "restore"]),
    (
        &["clean", "delete", "purge", "remove", "reset", "rm"],
        &["destroy"],
    ),
    (&["clusters", "ls", "ps"], &["list"]),
    (&["dump", "save", "snapshot"], &["backup"]),
    (&["describe", "info", "inspect", "show"], &["status"]),
    (&["follow", "top", "watch"], &["status --watch"]),
    (&["check", "health", "ping"], &["verify"]),
    (
        &["diff", "dry-run", "lint", "preview", "validate"],
        &["render --check", "plan"],
    ),
    (
        &["grow", "reconfigure", "resize", "scale", "shrink"],
        &["plan", "apply"],
    ),
    (&["build", "compile", "generate"], &["render"]),
    (
        &["attach", "connect", "console", "exec", "login", "shell"],
        &["ssh", "etcdctl"],
    ),
    (&["ctl", "del", "get", "member", "put"], &["etcdctl"]),
    (&["journal", "tail"], &["logs"]),
    (&["export", "use"], &["env"]),
    (&["id", "ids"], &["identity"]),
    (&["break", "chaos", "failover", "fault", "kill"], &["drill"]),
    (&["diagnose", "preflight"], &["doctor"]),
    (&["image"], &["box"]),
    (&["man", "usage"], &["help"]),
    (&["version"], &["--version"]),
];

/// Options, and their spellings here: the first one that the task accepts with this value is used.
static OPTIONS: &[(&[&str], &str)] = &[
    (&["--json"], "--format json"),
    (&["-o", "--output", "-w", "--write-out"], "--format"),
    (&["-f", "--follow", "-w"], "--watch"),
    (&["-f", "--force", "--assume-yes", "-y"], "--yes"),
    (&["--tail"], "--lines"),
];

/// Options whose purpose another task has, that purpose, and a command.
static OTHER_TASKS: &[(&[&str], &str, &str)] = &[
    (
        &["--check", "--diff", "--dry-run"],
        "to see which rendered files would change",
        "cargo xtask render --check",
    ),
    (
        &["--follow", "--watch"],
        "to watch a cluster",
        "cargo xtask status --watch",
    ),
];

/// The tasks that do what this word means elsewhere.
pub(super) fn tasks(word: &str) -> &'static [&'static str] {
    let found = TASKS.iter().find(|(words, _)| words.contains(&word));
    found.map_or(&[], |(_, tasks)| tasks)
}

/// The possible spellings of an option of other programs, the most likely first.
pub(super) fn options(word: &str) -> impl Iterator<Item = &'static str> {
    let rows = OPTIONS
        .iter()
        .filter(move |(words, _)| words.contains(&word));
    rows.map(|(_, spelling)| *spelling)
}

/// The task that has the purpose of this option.
pub(super) fn other_task(option: &str) -> Option<Hint> {
    let mut rows = OTHER_TASKS.iter();
    let (_, purpose, command) = rows.find(|(words, ..)| words.contains(&option))?;
    Some(Hint::informs(*purpose, [*command]))
}
