//! Merges the author's cloud-config into ours: mappings key by key, and lists by appending theirs.

use std::collections::BTreeSet;

use serde_yaml::{Mapping, Value};

use super::{Collision, Entry, Node, NodeKind};
use crate::wording::list_of_words;

/// Keys that would change how our own parts work, and why.
const RESERVED: &[(&str, &str)] = &[
    ("hostname", NAMED),
    ("fqdn", NAMED),
    ("coreos.etcd", DEFINED),
    ("coreos.etcd2", DEFINED),
    ("cloud_init_modules", MODULES),
    ("cloud_config_modules", MODULES),
    ("cloud_final_modules", MODULES),
    ("merge_how", MERGED),
    ("merge_type", MERGED),
];

const NAMED: &str = "each machine has the name of its member and starts the member of that name";
const DEFINED: &str = "etcd's settings are in the definition, under `[etcd]`";
const MODULES: &str = "the machine needs the usual steps of cloud-init to set up etcd";
const MERGED: &str = "it decides whether the machine sees what sets up etcd";

/// Merges theirs into ours. Returns what collides.
pub(super) fn merge(ours: &mut Value, theirs: &[Entry]) -> Vec<Collision> {
    let mut collisions = Vec::new();
    files(&our_paths(ours), theirs, &mut collisions);
    without_effect(ours, theirs, &mut collisions);
    if ours.get("coreos").is_none() {
        commands(theirs, &mut collisions);
    }
    if let Value::Mapping(ours) = ours {
        mapping(ours, theirs, "", &mut collisions);
    }
    collisions.sort_by_key(|collision| collision.span.start);
    collisions
}

fn mapping(ours: &mut Mapping, theirs: &[Entry], parent: &str, out: &mut Vec<Collision>) {
    for (key, value) in theirs {
        let name = key.text().unwrap_or_default();
        let path = if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}.{name}")
        };
        let shown = path.escape_debug().to_string();
        let collision = |message: String, note: &str, hint: String| Collision {
            span: key.span.clone(),
            message,
            note: note.to_owned(),
            hint,
        };
        let plain = plain(&path);
        if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| *reserved == plain) {
            let message = format!("`{shown}` cannot be set here");
            out.push(collision(message, why, "remove it".to_owned()));
            continue;
        }
        let is_same = |ours: &Value| ours.as_str().is_some_and(|ours| same_key(ours, name));
        match ours.iter_mut().find(|(ours, _)| is_same(ours)) {
            None => {
                ours.insert(key.value(), value.value());
            }
            Some((ours, Value::Mapping(_) | Value::Sequence(_))) if ours.as_str() != Some(name) => {
                let ours = ours.as_str().unwrap_or_default();
                let message = format!("`{shown}` is spelled `{ours}`");
                let note = "the rendered user-data already has this key in the other spelling";
                out.push(collision(message, note, format!("write `{ours}`")));
            }
            Some((_, Value::Mapping(ours))) if matches!(value.kind, NodeKind::Map(_)) => {
                mapping(ours, value.entries(), &path, out);
            }
            Some((_, Value::Sequence(ours))) if matches!(value.kind, NodeKind::List(_)) => {
                ours.extend(value.items().iter().map(Node::value));
            }
            Some((_, ours)) => {
                let (message, note, hint) = unlike(&shown, ours);
                out.push(collision(message, &note, hint));
            }
        }
    }
}

/// Says that theirs cannot be merged with this value of ours.
fn unlike(key: &str, ours: &Value) -> (String, String, String) {
    let kind = match ours {
        Value::Mapping(_) => "mapping",
        Value::Sequence(_) => "list",
        _ => {
            let ours = ours.as_str().unwrap_or_default();
            return (
                format!("`{key}` is already set"),
                format!("the rendered user-data sets it to `{ours}`, which etcd's machines need"),
                "remove it".to_owned(),
            );
        }
    };
    (
        format!("`{key}` is not a {kind}"),
        format!("it is merged with the {kind} `{key}` of the rendered user-data"),
        format!("write it as a {kind}"),
    )
}

/// Where systemd reads the units of a cloud-config.
const UNITS: &str = "/etc/systemd/system";

/// The files that our cloud-config writes, units included.
fn our_paths(ours: &Value) -> BTreeSet<String> {
    let texts = |list: &Value, key: &str| -> Vec<String> {
        let items = list.as_sequence().into_iter().flatten();
        let texts = items.filter_map(|item| item.get(key)?.as_str());
        texts.map(str::to_owned).collect()
    };
    let of = |value: Option<&Value>, key: &str| value.map_or_else(Vec::new, |v| texts(v, key));
    let files = of(ours.get("write_files"), "path");
    let units = of(
        ours.get("coreos").and_then(|coreos| coreos.get("units")),
        "name",
    );
    let units = units.iter().map(|name| format!("{UNITS}/{name}"));
    files.into_iter().chain(units).collect()
}

/// Finds files and units of theirs that ours has too.
fn files(ours: &BTreeSet<String>, theirs: &[Entry], out: &mut Vec<Collision>) {
    let at = |entries, name| find(entries, name).map_or(&[][..], Node::items);
    for file in at(theirs, "write_files") {
        let Some(path) = find(file.entries(), "path") else {
            continue;
        };
        let clean = clean(path.text().unwrap_or_default());
        if ours.contains(&clean) || is_of_etcd(&clean) {
            out.push(Collision {
                span: path.span.clone(),
                message: format!("the file `{clean}` cannot be written here"),
                note: "it belongs to what sets up etcd, or names the machine".to_owned(),
                hint: "remove it, or write to another path".to_owned(),
            });
        }
    }
    let coreos = find(theirs, "coreos").map_or(&[][..], Node::entries);
    for unit in at(coreos, "units") {
        let Some(name) = find(unit.entries(), "name") else {
            continue;
        };
        let text = name.text().unwrap_or_default();
        let path = clean(&format!("{UNITS}/{text}"));
        if ours.contains(&path) || is_of_etcd(&path) {
            out.push(Collision {
                span: name.span.clone(),
                message: format!("the unit `{}` cannot be defined here", text.escape_debug()),
                note: "a unit of this name runs etcd, or may run a second one".to_owned(),
                hint: format!(
                    "add settings with a file `{UNITS}/{text}.d/my.conf` in `write_files`"
                ),
            });
        }
    }
}

/// Finds commands that cloud-init refuses together with all others, ours included (`shellify`).
fn commands(theirs: &[Entry], out: &mut Vec<Collision>) {
    for key in ["runcmd", "bootcmd"] {
        for command in find(theirs, key).map_or(&[][..], Node::items) {
            let is_right = match &command.kind {
                NodeKind::Text(_) => true,
                NodeKind::Plain(text) => is_text(text),
                NodeKind::List(words) => words.iter().all(|word| word.text().is_some()),
                NodeKind::Map(_) => false,
            };
            if !is_right {
                out.push(Collision {
                    span: command.span.clone(),
                    message: format!("an entry of `{key}` is neither a text nor a list of texts"),
                    note:
                        "cloud-init would then run none of the commands, and etcd would not start"
                            .to_owned(),
                    hint: "write it in quotes".to_owned(),
                });
            }
        }
    }
}

/// Whether every reader of YAML, also of YAML 1.1, takes a scalar without quotes for a text.
fn is_text(plain: &str) -> bool {
    const BOOLEANS: &[&str] = &["y", "n", "yes", "no", "on", "off"];
    let is_string = serde_yaml::from_str(plain).is_ok_and(|value: Value| value.is_string());
    let has_letter = plain.contains(|letter: char| letter.is_ascii_alphabetic());
    is_string && has_letter && !BOOLEANS.contains(&plain.to_ascii_lowercase().as_str())
}

/// Whether this is a file that etcd is set up with, on any system.
fn is_of_etcd(path: &str) -> bool {
    const FILES: &[&str] = &[
        "/etc/hostname",
        "/etc/systemd/system/etcd.service",
        "/etc/systemd/system/etcd2.service",
        "/etc/systemd/system/etcd-member.service",
        "/usr/local/bin/etcd",
        "/usr/local/bin/etcdctl",
    ];
    FILES.contains(&path) || path.starts_with("/var/lib/etcd/")
}

/// Finds keys that the reader of this cloud-config does not know (coreos-cloudinit, `config/config.go`).
fn without_effect(ours: &Value, theirs: &[Entry], out: &mut Vec<Collision>) {
    const COREOS: &[&str] = &[
        "coreos",
        "hostname",
        "manage_etc_hosts",
        "ssh_authorized_keys",
        "users",
        "write_files",
    ];
    let is_coreos = ours.get("coreos").is_some();
    for (key, _) in theirs {
        let name = plain(key.text().unwrap_or_default());
        let (note, hint) = match (is_coreos, COREOS.contains(&name.as_str())) {
            (true, false) => (
                format!("coreos-cloudinit reads only {}", list_of_words(COREOS)),
                "remove it".to_owned(),
            ),
            (false, _) if name == "coreos" => (
                "cloud-init does not read it".to_owned(),
                format!(
                    "write units below `{UNITS}` with `write_files`, and start them in `runcmd`"
                ),
            ),
            _ => continue,
        };
        out.push(Collision {
            span: key.span.clone(),
            message: format!(
                "`{}` has no effect on this system",
                key.text().unwrap_or_default().escape_debug()
            ),
            note,
            hint,
        });
    }
}

fn find<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Node> {
    let is_it = |key: &Node| key.text().is_some_and(|text| same_key(text, name));
    let (_, value) = entries.iter().find(|(key, _)| is_it(key))?;
    Some(value)
}

/// Whether two keys are the same for a reader that takes hyphens for underscores.
fn same_key(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

fn plain(key: &str) -> String {
    key.replace('-', "_")
}

/// An absolute path without `.`, `..` and repeated slashes.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
