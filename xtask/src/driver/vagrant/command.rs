//! How Vagrant is called.

use camino::{Utf8Path, Utf8PathBuf};
use xshell::{Cmd, Shell};

use super::machine::Machine;
use super::output;
use crate::hint::Hint;
use crate::host_probe;
use crate::process::{Ending, Finished, quoted};
use crate::render;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::workspace::Home;

/// The Vagrantfile, as it is read for one cluster.
pub(super) struct Vagrantfile<'a> {
    home: &'a Home,
    folder: Utf8PathBuf,
}

impl<'a> Vagrantfile<'a> {
    pub(super) fn of(home: &'a Home) -> Self {
        let root = home.workspace.root();
        Self {
            home,
            folder: root.join(render::folder(&home.name)),
        }
    }

    /// Vagrant in the cluster's folder, which is how the Vagrantfile knows what it is about. What
    /// Vagrant prints is for programs.
    ///
    /// # Errors
    /// Fails where the rendered files are not there, or where the machines are another folder's.
    pub(super) fn vagrant<'s>(&self, shell: &'s Shell, words: &[&str]) -> Outcome<Cmd<'s>> {
        if !self.folder.join("config.rb").is_file() {
            return Err(self.not_rendered());
        }
        let members = Machine::all(self.home).into_iter();
        let mut machines = members.map(|member| Machine::of(self.home, &member));
        if let Some(original) = machines.find_map(|machine| machine.original(self.home)) {
            return Err(self.copied(&original));
        }
        shell.change_dir(&self.folder);
        let vagrant = shell
            .cmd("vagrant")
            .args(words)
            .arg("--machine-readable")
            // It would ask its makers whether there is a newer version.
            .env("VAGRANT_CHECKPOINT_DISABLE", "1");
        // Left alone, Vagrant may choose another one than `doctor` has looked at.
        let provider = host_probe::provider_at_a_glance(&self.home.workspace);
        let vagrant =
            vagrant.envs(provider.map(|one| ("VAGRANT_DEFAULT_PROVIDER", one.to_string())));
        // Each of them means another Vagrantfile than this one, or another place for what it notes.
        Ok(
            ["VAGRANT_CWD", "VAGRANT_VAGRANTFILE", "VAGRANT_DOTFILE_PATH"]
                .into_iter()
                .fold(vagrant, Cmd::env_remove),
        )
    }

    fn copied(&self, original: &Utf8Path) -> Failure {
        let here = self.home.workspace.root().join("vagrant");
        Failure::failed(Diagnostic::error(format!("`{here}` is a copy of `{original}`, and its machines are those of the latter"))
                .note("Vagrant knows machines by what it keeps in `.vagrant`, which was copied along: what is done to them here is done to them there")
                .hint(format!("to go on with these machines, work in `{original}`"))
                .hint(Hint::heals("to have others here, forget these", [format!(
                    "rm -r {} {}",
                    quoted(here.join(".vagrant/machines").as_str()),
                    quoted(self.home.folder().as_str())
                )])),
        )
    }

    fn not_rendered(&self) -> Failure {
        let (name, folder) = (&self.home.name, render::folder(&self.home.name));
        Failure::failed(
            Diagnostic::error(format!("there is no `{folder}/config.rb`"))
                .note("without it, Vagrant does not know which machines are this cluster's")
                .hint(Hint::heals(
                    "write it from its definition",
                    [format!("cargo xtask render {name}")],
                ))
                .hint(Hint::informs(
                    "where that is gone, it may be in version control",
                    [format!("git log -- cluster/{name}.toml")],
                )),
        )
    }
}

/// That a call of Vagrant failed, and why in its own words. `log`: where the whole of it stands.
pub(super) fn failed(finished: &Finished, said: &str, log: Option<&Utf8PathBuf>) -> Failure {
    let ending = finished.ending();
    let words: Vec<&str> = finished.command.split(' ').collect();
    let task = words.iter().position(|word| *word == "vagrant");
    let task = task.and_then(|at| words.get(at + 1)).unwrap_or(&"");
    let mut diagnostic = Diagnostic::error(format!("`vagrant {task}` {ending}"));
    let mut reasons = output::errors(said);
    if reasons.is_empty() && !finished.stderr.trim().is_empty() {
        reasons.push(finished.last_lines(3));
    }
    for reason in reasons {
        diagnostic = diagnostic.note(reason);
    }
    if let Some(log) = log {
        diagnostic = diagnostic.note(format!("all that Vagrant said is in `{log}`"));
    }
    let kind = match finished.ending {
        Ending::NotStarted(_) => FailureKind::Host,
        _ => FailureKind::Failed,
    };
    Failure::new(
        kind,
        diagnostic.hint(Hint::informs(
            "see what is in its way on this host",
            ["cargo xtask doctor"],
        )),
    )
}
