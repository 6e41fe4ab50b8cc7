//! Completion for zsh.

use super::{Task, Value, arms};
use crate::process::quoted;

/// Generates the script. Candidates depend on the task and the previous word: one `case` arm each.
pub(super) fn script(tasks: &[Task]) -> String {
    format!("{HEAD}{}{TAIL}", arms(tasks, described, find))
}

fn described(what: &str, all: Vec<(&str, &str)>) -> String {
    let all = all
        .iter()
        .map(|(word, about)| quoted(&format!("{word}:{about}")));
    let all: Vec<String> = all.collect();
    format!("found=({}); _describe {what} found", all.join(" "))
}

fn find(value: &Value) -> String {
    match value {
        Value::Words(words) => format!("compadd -- {}", list(words)),
        Value::Clusters => "compadd -- $clusters".to_owned(),
        Value::ClusterThen(words) => format!("_cargo_xtask_or_cluster {}", list(words)),
        Value::Members => "_cargo_xtask_members $root/.state/$cluster/cluster.json".to_owned(),
        Value::Folder => "_files -/".to_owned(),
        Value::Unknown => "_message 'no completions'".to_owned(),
    }
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

const HEAD: &str = r#"# Completes the words after `cargo xtask` in zsh. Made by `cargo xtask completions zsh`.

# These words, and the clusters unless an earlier word is one of both.
_cargo_xtask_or_cluster() {
    local -a known
    known=(${argv:*earlier} ${clusters:*earlier})
    compadd -- $argv
    if (( $#known == 0 )); then compadd -- $clusters; fi
}

# The members in the record of a cluster.
_cargo_xtask_members() {
    local before key between value after
    [[ -r $1 ]] || return
    while IFS='"' read -r before key between value after; do
        if [[ $key == name ]]; then compadd -- $value; fi
    done <$1
}

_cargo_xtask() {
    local root=$PWD current=$PREFIX before=$words[CURRENT-1] task= cluster=default word
    local -a found clusters earlier
    if (( CURRENT > 3 )); then task=$words[3]; fi
    # The words after `--` belong to another program.
    if (( ${words[(i)--]} < CURRENT )); then return 1; fi
    # The workspace: the nearest folder, going upwards, that contains `cluster`.
    until [[ -d $root/cluster || -z $root ]]; do root=${root%/*}; done
    # The definition of a started cluster may be gone.
    clusters=($root/cluster/*.toml(N:t:r) $root/.state/*/cluster.json(N:h:t))
    clusters=(${(u)clusters})
    # The members of the cluster that an earlier word names, or else of `default`.
    earlier=(${words[4,CURRENT-1]#*=})
    for word in $earlier; do
        if [[ -n ${clusters[(r)$word]} || -e $root/.state/$word/cluster.json ]]; then cluster=$word; fi
    done
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
