//! Reads the output of `systemd --test` for a unit.

/// The arguments of each command, in the unit's order.
pub(crate) fn command_lines(dump: &str) -> Vec<Vec<String>> {
    dump.lines()
        .filter_map(|line| line.trim_start().strip_prefix("Command Line: "))
        .map(words)
        .collect()
}

/// The unit's environment, in its order.
pub(crate) fn environment(dump: &str) -> Vec<String> {
    let mut assignments: Vec<String> = Vec::new();
    let mut inside = false;
    for line in dump.split('\n') {
        if let Some(assignment) = line.strip_prefix("\t\tEnvironment: ") {
            assignments.push(assignment.to_owned());
            inside = true;
        } else if inside && !line.starts_with("\t\t") {
            // A value with a line break continues on the next line.
            let last = assignments.last_mut().unwrap();
            last.push('\n');
            last.push_str(line);
        } else {
            inside = false;
        }
    }
    assignments
}

/// Splits a line that systemd has quoted (`quote_command_line`).
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            '\\' if quoted => {
                let escaped = match chars.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some(other) => other,
                    None => '\\',
                };
                word.get_or_insert_default().push(escaped);
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
