//! What to do next, as data: text, command lines, and what the commands do to the cluster.

use std::fmt;

/// What to do about a problem. It is shown as `text: `command`, then `command``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// What to do, in words, without commands.
    pub text: String,
    /// The command lines, in the order to run them. Each works exactly as printed, without placeholders.
    pub commands: Vec<String>,
    /// What running all of them does to the cluster.
    pub effect: Effect,
}

/// What following a hint does to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It fixes what was found.
    Heals,
    /// What was found remains but does less harm.
    MakesSafer,
    /// It changes nothing; the user learns more.
    Informs,
}

impl Hint {
    /// Advice without a command.
    pub fn says(text: impl Into<String>) -> Self {
        Self::new(text, [""; 0], Effect::Informs)
    }

    /// Commands that show more.
    pub fn informs(
        text: impl Into<String>,
        commands: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::new(text, commands, Effect::Informs)
    }

    /// Commands that make the cluster tolerate more than before.
    pub fn makes_safer(
        text: impl Into<String>,
        commands: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::new(text, commands, Effect::MakesSafer)
    }

    /// Commands that fix what was found.
    pub fn heals(
        text: impl Into<String>,
        commands: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::new(text, commands, Effect::Heals)
    }

    fn new(
        text: impl Into<String>,
        commands: impl IntoIterator<Item = impl Into<String>>,
        effect: Effect,
    ) -> Self {
        Self {
            text: text.into(),
            commands: commands.into_iter().map(Into::into).collect(),
            effect,
        }
    }
}

impl<T: Into<String>> From<T> for Hint {
    fn from(text: T) -> Self {
        Self::says(text)
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for (index, command) in self.commands.iter().enumerate() {
            let before = if index == 0 { ": " } else { ", then " };
            write!(f, "{before}`{command}`")?;
        }
        Ok(())
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Heals => "heals",
            Self::MakesSafer => "makes-safer",
            Self::Informs => "informs",
        })
    }
}
