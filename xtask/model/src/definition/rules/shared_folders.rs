use super::{Rule, at};
use crate::report::Diagnostic;

/// No two folders may be shared to the same path, or hide a folder that the machine needs.
pub(super) static RULE: Rule = Rule {
    name: "shared_folders",
    judge: |definition, out| {
        let Some(folders) = definition.machine.shared_folders.known() else {
            return;
        };
        for (index, folder) in folders.iter().enumerate() {
            if let Some(note) = hides(folder.guest.get().as_str()) {
                let guest = folder.guest.get();
                let diagnostic = Diagnostic::error(format!("nothing can be shared as `{guest}`"))
                    .note(note)
                    .hint("share it as a separate folder, such as `/srv/shared`");
                out.push(at(definition, diagnostic, &[(folder.guest.span(), "")]));
            }
            let before = folders.iter().take(index);
            let Some(first) = before
                .map(|folder| &folder.guest)
                .find(|first| first.get() == folder.guest.get())
            else {
                continue;
            };
            let guest = folder.guest.get();
            let diagnostic = Diagnostic::error(format!("two folders are shared as `{guest}`"))
                .note("the machine would see only the one that is mounted last")
                .hint("give each its own path");
            out.push(at(
                definition,
                diagnostic,
                &[
                    (folder.guest.span(), "again here"),
                    (first.span(), "first here"),
                ],
            ));
        }
    },
};

/// What goes wrong if a folder of the host hides this folder of the machine.
fn hides(guest: &str) -> Option<&'static str> {
    let holds_data = |data: &&str| {
        let below = guest.strip_prefix(*data);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if DATA.iter().any(holds_data) {
        Some("etcd keeps its data there, and every machine would get the same folder")
    } else if SYSTEM.contains(&guest) {
        Some("it would hide the system's own folder, without which the machine would not work")
    } else {
        None
    }
}

/// Where the machines' etcd keeps its data: in a container of 2015, in most cases, in CoreOS's own unit.
const DATA: &[&str] = &["/opt/etcd", "/var/lib/etcd", "/var/lib/etcd2"];

/// The folders that every Linux system has and uses (Filesystem Hierarchy Standard 3.0, section 3).
const SYSTEM: &[&str] = &[
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run",
    "/sbin", "/sys", "/tmp", "/usr", "/var", "/var/lib",
];
