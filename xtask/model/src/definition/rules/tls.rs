use super::{Rule, at};
use crate::report::Diagnostic;

/// TLS needs an etcd 3, and a system whose members get certificates.
pub(super) static RULE: Rule = Rule {
    name: "tls",
    judge: |definition, out| {
        let etcd = &definition.etcd;
        let (Some(true), Some(version)) = (etcd.tls.known(), etcd.version.known()) else {
            return;
        };
        let tls = etcd.tls.span();
        if version.is_v2() {
            let diagnostic = Diagnostic::error(format!("etcd {version} is not set up with TLS"))
                .note("its flags for certificates and its client differ from those of etcd 3")
                .hint("use a version from 3.0 on, or remove `tls`");
            let version = (etcd.version.span(), "this version");
            out.push(at(definition, diagnostic, &[(tls, ""), version]));
        } else if let Some(profile) = definition.machine.profile.known()
            // Certificates come with the program that starts members, as joining does.
            && !profile.members_can_join
        {
            let diagnostic = Diagnostic::error(format!(
                "machines with {} get no certificates",
                profile.title
            ))
            .note("they start as the recipe of 2015 says, which has no TLS")
            .hint("use another profile, or remove `tls`");
            let profile = (definition.machine.profile.span(), "the profile");
            out.push(at(definition, diagnostic, &[(tls, ""), profile]));
        }
    },
};
