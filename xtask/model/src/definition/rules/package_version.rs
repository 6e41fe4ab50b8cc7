use super::{Rule, at};
use crate::profile::Runtime;
use crate::report::Diagnostic;

/// With the distribution's package, the version must be the package's.
pub(super) static RULE: Rule = Rule {
    name: "package_version",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(profile), Some(Runtime::Package), Some(&version)) = (
            definition.machine.profile.known(),
            etcd.runtime.known(),
            etcd.version.known(),
        ) else {
            return;
        };
        let Some(packaged) = profile
            .packaged_etcd
            .filter(|&packaged| packaged != version)
        else {
            return;
        };
        let title = profile.title;
        let diagnostic = Diagnostic::error(format!(
            "the etcd package of {title} is {packaged}, not {version}"
        ))
        .hint(format!("write `version = \"{packaged}\"`"))
        .hint(format!(
            "or get {version} with `runtime = \"release\"` or `runtime = \"container\"`"
        ));
        out.push(at(
            definition,
            diagnostic,
            &[
                (etcd.version.span(), ""),
                (etcd.runtime.span(), "from the package"),
            ],
        ));
    },
};
