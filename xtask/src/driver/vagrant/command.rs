//! Calls Vagrant.

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

/// The Vagrantfile of one cluster.
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

    /// A Vagrant command in the cluster's folder, by which the Vagrantfile knows the cluster. Its
    /// output is machine-readable.
    ///
    /// # Errors
    ///
    /// Fails if the rendered files are missing, or if the machines belong to another folder.
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
            // Disables the online check for updates.
            .env("VAGRANT_CHECKPOINT_DISABLE", "1");
        // Vagrant might choose another provider than the one that `doctor` checked.
        let provider = host_probe::provider_at_a_glance(&self.home.workspace);
        let vagrant =
            vagrant.envs(provider.map(|one| ("VAGRANT_DEFAULT_PROVIDER", one.to_string())));
        // Each of these variables selects another Vagrantfile or another state folder.
        Ok(
            ["VAGRANT_CWD", "VAGRANT_VAGRANTFILE", "VAGRANT_DOTFILE_PATH"]
                .into_iter()
                .fold(vagrant, Cmd::env_remove),
        )
    }

    fn copied(&self, original: &Utf8Path) -> Failure {
        let here = self.home.workspace.root().join("vagrant");
        Failure::failed(
            Diagnostic::error(format!(
                "`{here}` is a copy of `{original}` and would act on the same machines"
            ))
            .note("Vagrant finds its machines by the folder `.vagrant`, which was copied too")
            .hint(format!("to use these machines, work in `{original}`"))
            .hint(Hint::heals(
                "to create new machines here, remove the copied state",
                [format!(
                    "rm -r {} {}",
                    quoted(here.join(".vagrant/machines").as_str()),
                    quoted(self.home.folder().as_str())
                )],
            )),
        )
    }

    fn not_rendered(&self) -> Failure {
        let (name, folder) = (&self.home.name, render::folder(&self.home.name));
        let definition = Utf8PathBuf::from(format!("cluster/{name}.toml"));
        let definition = self.home.workspace.typed(&definition);
        Failure::failed(
            Diagnostic::error(format!("there is no `{folder}/config.rb`"))
                .note("Vagrant reads from it which machines belong to this cluster")
                .hint(Hint::heals(
                    "render it from the definition",
                    [format!("cargo xtask render {name}")],
                ))
                .hint(Hint::informs(
                    "if the definition is gone, look for it in version control",
                    [format!("git log -- {definition}")],
                )),
        )
    }
}

/// The failure of a Vagrant command, in its own words. `log`: the file with its full output.
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
        diagnostic = diagnostic.note(format!("Vagrant's full output is in `{log}`"));
    }
    let kind = match finished.ending {
        Ending::NotStarted(_) => FailureKind::Host,
        _ => FailureKind::Failed,
    };
    Failure::new(
        kind,
        diagnostic.hint(Hint::informs("check this host", ["cargo xtask doctor"])),
    )
}
