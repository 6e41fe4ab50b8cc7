use super::{Rule, at};
use crate::definition::suggest::nearest;
use crate::definition::{Definition, ExtraFlag};
use crate::facts::flag_table::{FLAGS, FlagFact, Owner, find};
use crate::report::Diagnostic;
use crate::values::{Compaction, EtcdVersion};
use crate::wording::either;

/// Additional flags must exist in this version of etcd, and nothing else may set them.
pub(super) static RULE: Rule = Rule {
    name: "flags",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(&version), Some(flags)) = (etcd.version.known(), etcd.flags.known()) else {
            return;
        };
        for flag in flags {
            let complaint = match flag.name.known().map(|name| find(name.as_str())) {
                None => None,
                Some(None) => Some(unknown(flag, version)),
                Some(Some(fact)) if !fact.exists_in(version) => {
                    Some(of_another_version(fact, version))
                }
                Some(Some(fact)) => owned(definition, fact, flag),
            };
            if let Some(diagnostic) = complaint {
                out.push(at(definition, diagnostic, &[(flag.name.span(), "")]));
            }
        }
    },
};

fn unknown(flag: &ExtraFlag, version: EtcdVersion) -> Diagnostic {
    let name = flag.name.get();
    let known = FLAGS
        .iter()
        .filter(|fact| fact.exists_in(version) && fact.owner.is_author())
        .map(|fact| fact.name);
    let diagnostic = Diagnostic::error(format!("etcd has no flag `{name}`"));
    match nearest(name.as_str(), known) {
        Some(right) => diagnostic.hint(format!("did you mean `{right}`?")),
        None => diagnostic.hint(format!("etcd {version} lists its flags with `--help`")),
    }
}

fn of_another_version(fact: &FlagFact, version: EtcdVersion) -> Diagnostic {
    let name = fact.name;
    let diagnostic = Diagnostic::error(format!("etcd {version} has no flag `{name}`"));
    if version < fact.since {
        return diagnostic
            .note(format!("it was added in {}", fact.since))
            .hint("remove it, or use that version or a later one");
    }
    let diagnostic = match fact.last {
        Some((major, minor)) => {
            diagnostic.note(format!("{major}.{minor} was the last version to have it"))
        }
        None => diagnostic,
    };
    // An experimental flag lost the prefix of its name, or became a feature gate.
    let plain = name.strip_prefix("experimental-");
    let successor = plain.and_then(find).filter(|fact| fact.exists_in(version));
    match (successor, plain) {
        (Some(FlagFact { name, .. }), _) => diagnostic.hint(format!("its name is now `{name}`")),
        (None, Some(_)) => {
            diagnostic.hint("see `feature-gates`, which replaced most experimental flags")
        }
        (None, None) => diagnostic.hint("remove it"),
    }
}

fn owned(definition: &Definition, fact: &FlagFact, flag: &ExtraFlag) -> Option<Diagnostic> {
    let name = fact.name;
    match fact.owner {
        Owner::Author => None,
        Owner::AuthorOfTls => (definition.etcd.tls.known() == Some(&false)).then(|| {
            Diagnostic::error(format!("the flag `{name}` has no effect without TLS"))
                .note("the members use plain HTTP, and etcd ignores it")
                .hint("write `tls = true` under `[etcd]`, or remove it")
        }),
        Owner::OneOf(words, why) => {
            let value = flag.value.known()?.as_str();
            // Only outputs can be combined, and `default` only stands alone.
            let is_list = name == "log-outputs" && !value.contains("default");
            let mut listed = value.split(|letter| is_list && letter == ',');
            let other = listed.find(|word| !words.contains(word))?;
            Some(
                Diagnostic::error(match other {
                    "" => format!("the flag `{name}` cannot be empty"),
                    other => format!("the flag `{name}` cannot be `{other}` here"),
                })
                .note(why)
                .hint(format!(
                    "use {}, or remove it",
                    either(words.iter().copied())
                )),
            )
        }
        // If compaction is off, its flags may be set.
        Owner::Key("etcd.auto_compaction")
            if definition.etcd.auto_compaction.known() == Some(&Compaction::Off) =>
        {
            None
        }
        Owner::Key(key) => {
            let (table, last) = key.rsplit_once('.').unwrap_or(("", key));
            Some(
                Diagnostic::error(format!("the flag `{name}` is set by `{key}`"))
                    .hint(format!("write `{last}` under `[{table}]` instead")),
            )
        }
        Owner::Plan(why) => Some(
            Diagnostic::error(format!("the flag `{name}` cannot be set here"))
                .note(why)
                .hint("remove it"),
        ),
    }
}
