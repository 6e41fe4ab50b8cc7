//! Reads Vagrant's `--machine-readable` output: one line per event, with the time, the machine, the
//! kind and the data of that kind, separated by commas (Vagrant's documentation, "Machine Readable
//! Output").

/// A machine's state as Vagrant reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// Vagrant's name of the machine.
    pub(super) machine: String,
    /// The provider that runs it.
    pub(super) provider: String,
    /// The provider's name of the state.
    pub(super) state: String,
}

/// The states in the output of `vagrant status`.
pub(super) fn states(output: &str) -> Vec<State> {
    let mut states: Vec<State> = Vec::new();
    let mut providers: Vec<(&str, &str)> = Vec::new();
    for (machine, kind, values) in output.lines().filter_map(parts) {
        match kind {
            "provider-name" => providers.push((machine, values)),
            "state" => states.push(State {
                machine: machine.to_owned(),
                provider: String::new(),
                state: values.to_owned(),
            }),
            _ => {}
        }
    }
    for state in &mut states {
        let provider = providers.iter().find(|(name, _)| *name == state.machine);
        provider
            .map_or("", |(_, provider)| provider)
            .clone_into(&mut state.provider);
    }
    states
}

/// The progress in a line: a headline, without its details.
pub(super) fn headline(line: &str) -> Option<(&str, String)> {
    let (_, kind, values) = parts(line)?;
    let (_level, text) = values.split_once(',').filter(|_| kind == "ui")?;
    let (machine, said) = text.strip_prefix("==> ")?.split_once(": ")?;
    let said = unescaped(said);
    // The lines of a list of settings look like this.
    let said = said.trim();
    (!said.is_empty() && !said.starts_with("--")).then(|| {
        let first = said.lines().next().unwrap_or_default();
        (machine, first.trim_end_matches(['.', ' ']).to_owned())
    })
}

/// The machine that finished this action, if the line says so. Vagrant does not print this for
/// failed machines.
pub(super) fn done<'a>(line: &'a str, action: &str) -> Option<&'a str> {
    let (machine, kind, values) = parts(line)?;
    let (name, moment) = values.split_once(',').filter(|_| kind == "action")?;
    (name == action && moment == "end").then_some(machine)
}

/// The ssh configuration of all machines, in the output of `vagrant ssh-config`.
pub(super) fn ssh_config(output: &str) -> String {
    let parts = output.lines().filter_map(parts);
    parts
        .filter(|(_, kind, _)| *kind == "ssh-config")
        .map(|(_, _, values)| unescaped(values) + "\n")
        .collect()
}

/// Why Vagrant failed, in its own words.
pub(super) fn errors(output: &str) -> Vec<String> {
    let errors = output.lines().filter_map(|line| {
        let (_, kind, values) = parts(line)?;
        let (_class, text) = values.split_once(',').filter(|_| kind == "error-exit")?;
        Some(unescaped(text).trim().to_owned())
    });
    errors.collect()
}

/// The machine, the kind and the data of a line.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (time, rest) = line.split_once(',')?;
    time.parse::<u64>().ok()?;
    let (machine, rest) = rest.split_once(',')?;
    let (kind, values) = rest.split_once(',')?;
    Some((machine, kind, values))
}

/// Vagrant escapes commas and line ends.
fn unescaped(text: &str) -> String {
    text.replace("%!(VAGRANT_COMMA)", ",")
        .replace("\\n", "\n")
        .replace("\\r", "")
}
