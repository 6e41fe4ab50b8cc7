//! Completion for zsh.

use std::fmt::Write;

use super::{Task, Value};
use crate::process::quoted;

/// Generates the script. Candidates depend on the task and the previous word: one `case` arm each.
pub(super) fn script(tasks: &[Task]) -> String {
    let mut arms = String::new();
    let all = tasks.iter().map(|task| (&task.name, &task.about));
    let _ = writeln!(arms, "        ' '*) {} ;;", described("task", all));
    for task in tasks {
        for option in &task.options {
            if let Some(value) = &option.value {
                let patterns: Vec<String> = option
                    .spellings
                    .iter()
                    .map(|spelling| format!("'{} {spelling}'", task.name))
                    .collect();
                let _ = writeln!(arms, "        {}) {} ;;", patterns.join(" | "), find(value));
            }
        }
        let options = task.options.iter().flat_map(|option| {
            option
                .spellings
                .iter()
                .map(move |spelling| (spelling, &option.about))
        });
        let _ = writeln!(
            arms,
            "        '{} '*) if [[ $current == -* ]]; then {}; else {}; fi ;;",
            task.name,
            described("option", options),
            find(&task.argument),
        );
    }
    format!("{HEAD}{arms}{TAIL}")
}

fn described<'a>(what: &str, all: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let all: Vec<String> = all
        .map(|(word, about)| quoted(&format!("{word}:{about}")))
        .collect();
    format!("found=({}); _describe {what} found", all.join(" "))
}

fn find(value: &Value) -> String {
    match value {
        Value::Words(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!("compadd -- {}", words.join(" "))
        }
        Value::Clusters => "compadd -- $root/cluster/*.toml(N:t:r)".to_owned(),
        Value::Members => "compadd -- $root/.state/*/members/*(N/:t)".to_owned(),
        Value::Folder => "_files -/".to_owned(),
        Value::Unknown => "_message 'no completions'".to_owned(),
    }
}

const HEAD: &str = r#"# Completes the words after `cargo xtask` in zsh. Made by `cargo xtask completions zsh`.

_cargo_xtask() {
    local root=$PWD current=$PREFIX before=$words[CURRENT-1] task=
    local -a found
    if (( CURRENT > 3 )); then task=$words[3]; fi
    # The words after `--` belong to another program.
    if (( ${words[(i)--]} < CURRENT )); then return 1; fi
    # The workspace: the nearest folder, going upwards, that contains `cluster`.
    until [[ -d $root/cluster || -z $root ]]; do root=${root%/*}; done
    if [[ $current == --*=* ]]; then
        before=${current%%=*}
        compset -P '*='
        current=
    fi
    case "$task $before" in
"#;

const TAIL: &str = r"    esac
}

_cargo_with_xtask() {
    if [[ $words[2] == xtask ]] && (( CURRENT > 2 )); then
        _cargo_xtask
    else
        $_cargo_before_xtask
    fi
}

# The earlier completion of cargo handles everything else.
if [[ $_comps[cargo] != _cargo_with_xtask ]]; then
    typeset -g _cargo_before_xtask=${_comps[cargo]:-_default}
    compdef _cargo_with_xtask cargo
fi
";
