//! Reads what Vagrant prints with `--machine-readable`: a line for each thing, of the time, the
//! machine, the kind and then what depends on the kind, with commas between them (Vagrant's
//! documentation, "Machine Readable Output").

/// What Vagrant tells of a machine's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// The machine, by Vagrant's name for it.
    pub(super) machine: String,
    /// The provider that runs it.
    pub(super) provider: String,
    /// Its state, by the provider's word for it.
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

/// What a line says that a machine is at: its headlines, not their details.
pub(super) fn headline(line: &str) -> Option<(&str, String)> {
    let (_, kind, values) = parts(line)?;
    let (_level, text) = values.split_once(',').filter(|_| kind == "ui")?;
    let (machine, said) = text.strip_prefix("==> ")?.split_once(": ")?;
    let said = unescaped(said);
    // A list of settings begins each of its lines so.
    let said = said.trim();
    (!said.is_empty() && !said.starts_with("--")).then(|| {
        let first = said.lines().next().unwrap_or_default();
        (machine, first.trim_end_matches(['.', ' ']).to_owned())
    })
}

/// The machine that is done with this action, where a line says so. It is not said of one that failed.
pub(super) fn done<'a>(line: &'a str, action: &str) -> Option<&'a str> {
    let (machine, kind, values) = parts(line)?;
    let (name, moment) = values.split_once(',').filter(|_| kind == "action")?;
    (name == action && moment == "end").then_some(machine)
}

/// The configuration for ssh in the output of `vagrant ssh-config`, of all machines together.
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

/// The machine, the kind and the rest of a line.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (time, rest) = line.split_once(',')?;
    time.parse::<u64>().ok()?;
    let (machine, rest) = rest.split_once(',')?;
    let (kind, values) = rest.split_once(',')?;
    Some((machine, kind, values))
}

/// Vagrant writes commas and line ends in words of its own.
fn unescaped(text: &str) -> String {
    text.replace("%!(VAGRANT_COMMA)", ",")
        .replace("\\n", "\n")
        .replace("\\r", "")
}
