//! Completion for fish.

use std::fmt::Write;

use super::{Task, Value};

/// Generates the script: one line per task, option and argument, with the condition under which it applies.
pub(super) fn script(tasks: &[Task]) -> String {
    let mut script = HEAD.to_owned();
    for task in tasks {
        let _ = writeln!(
            script,
            "complete -c cargo -n '__cargo_xtask_at \"\"' -f -a {} -d {}",
            task.name,
            quoted(&task.about)
        );
    }
    for task in tasks {
        let condition = format!("complete -c cargo -n '__cargo_xtask_at {}'", task.name);
        for option in &task.options {
            let mut line = condition.clone();
            for spelling in &option.spellings {
                let _ = match spelling.strip_prefix("--") {
                    Some(long) => write!(line, " -l {long}"),
                    None => write!(line, " -s {}", &spelling[1..]),
                };
            }
            if let Some(value) = &option.value {
                line.push_str(&takes(value));
            }
            let _ = writeln!(script, "{line} -d {}", quoted(&option.about));
        }
        match &task.argument {
            Value::Unknown => {
                let _ = writeln!(script, "{condition} -f");
            }
            value => {
                let _ = writeln!(script, "{condition}{}", takes(value).replace(" -x", " -f"));
            }
        }
    }
    script
}

fn takes(value: &Value) -> String {
    match value {
        Value::Words(words) => format!(" -x -a {}", quoted(&words.join(" "))),
        Value::Clusters => " -x -a '(__cargo_xtask_clusters)'".to_owned(),
        Value::ClusterThen(words) => format!(
            " -x -a {}",
            quoted(&format!("(__cargo_xtask_or_cluster {})", words.join(" ")))
        ),
        Value::Members => " -x -a '(__cargo_xtask_members)'".to_owned(),
        Value::Folder => " -x -a '(__fish_complete_directories)'".to_owned(),
        Value::Unknown => " -x".to_owned(),
    }
}

/// Quotes a word for fish: in single quotes, only single quotes and backslashes are special.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

const HEAD: &str = r#"# Completes the words after `cargo xtask` in fish. Made by `cargo xtask completions fish`.

# Whether the words so far are `cargo xtask` and this task, or just `cargo xtask` if the task is empty.
function __cargo_xtask_at
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = xtask; or return 1
    # The words after `--` belong to another program.
    contains -- -- $words; and return 1
    test "$words[3]" = "$argv[1]"
end

# The workspace: the nearest folder, going upwards, that contains `cluster`.
function __cargo_xtask_root
    set -l folder $PWD
    while not test -d "$folder/cluster"; and test -n "$folder"
        set folder (string replace -r '/[^/]*$' '' -- $folder)
    end
    echo $folder
end

function __cargo_xtask_clusters
    for file in (__cargo_xtask_root)/cluster/*.toml
        string replace -r '.*/(.*)\.toml$' '$1' -- $file
    end
    # Of started clusters, whose definitions may be gone.
    for file in (__cargo_xtask_root)/.state/*/cluster.json
        string replace -r '.*/(.*)/cluster\.json$' '$1' -- $file
    end
end

# The words after the task, before the one that is completed.
function __cargo_xtask_earlier
    set -l words (commandline -opc)
    set -e words[1..3]
    string replace -r '^-.*=' '' -- $words
end

# These words, and the clusters unless an earlier word is one of both.
function __cargo_xtask_or_cluster
    set -l clusters (__cargo_xtask_clusters)
    printf '%s\n' $argv
    for word in (__cargo_xtask_earlier)
        contains -- $word $argv $clusters; and return
    end
    printf '%s\n' $clusters
end

# The members of the cluster that an earlier word names, or else of `default`.
function __cargo_xtask_members
    set -l root (__cargo_xtask_root)
    set -l cluster default
    for word in (__cargo_xtask_earlier)
        if test -e "$root/cluster/$word.toml"; or test -e "$root/.state/$word/cluster.json"
            set cluster $word
        end
    end
    set -l record "$root/.state/$cluster/cluster.json"
    test -r "$record"; or return
    string replace -rf '^ *"name": "(.*)",?$' '$1' <"$record"
end

"#;
