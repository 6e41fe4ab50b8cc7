//! Completion for bash.

use super::{Task, Value, arms};
use crate::process::quoted;

/// Generates the script. Candidates depend on the task and the previous word: one `case` arm each.
pub(super) fn script(tasks: &[Task]) -> String {
    let offer = |_: &str, all: Vec<(&str, &str)>| words(all.iter().map(|(word, _)| *word));
    format!("{HEAD}{}{TAIL}", arms(tasks, offer, find))
}

fn words<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.collect();
    format!("words={}", quoted(&words.join(" ")))
}

fn find(value: &Value) -> String {
    match value {
        Value::Words(all) => words(all.iter().map(String::as_str)),
        Value::Clusters => "words=$(_cargo_xtask_clusters)".to_owned(),
        Value::ClusterThen(all) => {
            let words = words(all.iter().map(String::as_str));
            format!("{words}; _cargo_xtask_or_cluster")
        }
        Value::Members => "words=$(_cargo_xtask_members)".to_owned(),
        Value::Folder => "_cargo_xtask_reply -d; return".to_owned(),
        Value::Unknown => ":".to_owned(),
    }
}

const HEAD: &str = r#"# Completes the words after `cargo xtask` in bash. Made by `cargo xtask completions bash`.

# The workspace: the nearest folder, going upwards, that contains `cluster`.
_cargo_xtask_root() {
    local folder=$PWD
    until [[ -d $folder/cluster || -z $folder ]]; do folder=${folder%/*}; done
    printf '%s' "$folder"
}

_cargo_xtask_clusters() {
    local root file name
    root=$(_cargo_xtask_root)
    for file in "$root"/cluster/*.toml "$root"/.state/*/cluster.json; do
        [[ -e $file ]] || continue
        name=${file%/cluster.json}
        name=${name##*/}
        name=${name%.toml}
        # The definition of a started cluster may be gone.
        [[ $file == *.toml || ! -e $root/cluster/$name.toml ]] && printf '%s\n' "$name"
    done
}

# Adds the clusters to the words, unless an earlier word is one of both.
_cargo_xtask_or_cluster() {
    local all index
    all=" $words $(_cargo_xtask_clusters) "
    all=${all//$'\n'/ }
    for ((index = 3; index < COMP_CWORD; index++)); do
        if [[ $all == *" ${COMP_WORDS[index]} "* ]]; then return; fi
    done
    words=$all
}

# The members of the cluster that an earlier word names, or else of `default`.
_cargo_xtask_members() {
    local root index word cluster=default key value
    root=$(_cargo_xtask_root)
    for ((index = 3; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ -e $root/cluster/$word.toml || -e $root/.state/$word/cluster.json ]]; then cluster=$word; fi
    done
    [[ -r $root/.state/$cluster/cluster.json ]] || return
    while IFS='"' read -r _ key _ value _; do
        if [[ $key == name ]]; then printf '%s\n' "$value"; fi
    done <"$root/.state/$cluster/cluster.json"
}

_cargo_xtask_reply() {
    local candidate
    while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen "$@" -- "$current")
}

_cargo_xtask() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=
    # bash splits `--format=json` into three words.
    if [[ $before == '=' ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $current == '=' ]]; then
        current=
    fi
    local task=
    if ((COMP_CWORD > 2)); then task=${COMP_WORDS[2]}; fi
    local word
    for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
        # The words after `--` belong to another program.
        if [[ $word == -- ]]; then return; fi
    done
    COMPREPLY=()
    case "$task $before" in
"#;

const TAIL: &str = r#"    esac
    _cargo_xtask_reply -W "$words"
}

# The earlier completion of cargo handles everything else.
if [[ -z ${_cargo_before_xtask-} ]]; then
    if ! complete -p cargo &>/dev/null && declare -F _completion_loader &>/dev/null; then
        _completion_loader cargo
    fi
    _cargo_before_xtask=$(complete -p cargo 2>/dev/null)
    if [[ $_cargo_before_xtask =~ -F\ ([^ ]+) ]]; then
        _cargo_before_xtask=${BASH_REMATCH[1]}
    else
        _cargo_before_xtask=:
    fi
fi

_cargo_with_xtask() {
    if [[ ${COMP_WORDS[1]} == xtask ]] && ((COMP_CWORD > 1)); then
        _cargo_xtask
    else
        "$_cargo_before_xtask" "$@"
    fi
}

complete -o bashdefault -F _cargo_with_xtask cargo
"#;
