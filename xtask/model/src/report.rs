//! Messages to the user, as data. Nothing here prints: `ui` does.

use std::ops::Range;
use std::sync::Arc;

use camino::Utf8PathBuf;

use crate::hint::Hint;

/// A text that messages can point into.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The file, relative to the workspace if possible.
    pub path: Utf8PathBuf,
    /// The text that spans point into, from its first byte to its last.
    pub text: String,
}

/// Whether a [`Diagnostic`] stops the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The task cannot be done.
    Error,
    /// The task can be done, and its user should know this.
    Warning,
}

/// A place in a [`Source`], with a text about it.
#[derive(Debug, Clone)]
pub struct Label {
    /// The text that the label points into.
    pub source: Arc<Source>,
    /// Byte offsets into [`Source::text`].
    pub span: Range<usize>,
    /// What is wrong at this place, in a few words. May be empty.
    pub text: String,
}

/// A problem: what is wrong, where, why it matters, and what to do next.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Whether it stops the work.
    pub severity: Severity,
    /// A lowercase fact, with names in backticks.
    pub message: String,
    /// The place that is wrong.
    pub place: Option<Label>,
    /// Other places involved, such as the first of two that clash.
    pub related: Vec<Label>,
    /// Why it matters, one sentence each.
    pub notes: Vec<String>,
    /// What to do next, one step or alternative each.
    pub hints: Vec<Hint>,
    /// Whether it is about a choice that may be deliberate, so that saying it once is enough.
    pub is_about_a_choice: bool,
}

impl Diagnostic {
    /// Something that stops the work.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// Something that the user should know, but that stops nothing.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        Self {
            severity,
            message,
            place: None,
            related: Vec::new(),
            notes: Vec::new(),
            hints: Vec::new(),
            is_about_a_choice: false,
        }
    }

    /// Marks it as being about a choice that may be deliberate.
    #[must_use]
    pub const fn about_a_choice(mut self) -> Self {
        self.is_about_a_choice = true;
        self
    }

    /// Sets the place that is wrong.
    #[must_use]
    pub fn at(mut self, source: &Arc<Source>, span: Range<usize>, text: impl Into<String>) -> Self {
        self.place = Some(Label {
            source: Arc::clone(source),
            span,
            text: text.into(),
        });
        self
    }

    /// Adds another place, such as the first of two that clash.
    #[must_use]
    pub fn and_at(
        mut self,
        source: &Arc<Source>,
        span: Range<usize>,
        text: impl Into<String>,
    ) -> Self {
        self.related.push(Label {
            source: Arc::clone(source),
            span,
            text: text.into(),
        });
        self
    }

    /// Adds a reason why it matters.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// What kind of failure ended a task. The commands give each kind its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The command line asks for something that is not possible.
    Usage,
    /// A definition has errors.
    Definition,
    /// The cluster could not be queried, or only in part.
    CouldNotLook,
    /// This host lacks something, or something on it is in the way.
    Host,
    /// The work was started and failed.
    Failed,
    /// The work was not started, because it would have done harm.
    Refused,
    /// The user ended the work.
    Interrupted,
}

/// Why a task ended without success.
#[derive(Debug)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What is wrong; at least one error.
    pub diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// A failure with a single cause.
    pub fn new(kind: FailureKind, diagnostic: Diagnostic) -> Self {
        Self {
            kind,
            diagnostics: vec![diagnostic],
        }
    }

    /// The command line asks for something that is not possible.
    pub fn usage(diagnostic: Diagnostic) -> Self {
        Self::new(FailureKind::Usage, diagnostic)
    }

    /// A definition has an error.
    pub fn definition(diagnostic: Diagnostic) -> Self {
        Self::new(FailureKind::Definition, diagnostic)
    }

    /// The cluster could not be queried.
    pub fn could_not_look(diagnostic: Diagnostic) -> Self {
        Self::new(FailureKind::CouldNotLook, diagnostic)
    }

    /// This host lacks something, or something on it is in the way.
    pub fn host(diagnostic: Diagnostic) -> Self {
        Self::new(FailureKind::Host, diagnostic)
    }

    /// The work was started and failed.
    pub fn failed(diagnostic: Diagnostic) -> Self {
        Self::new(FailureKind::Failed, diagnostic)
    }

    /// The work was not started, because it would have done harm.
    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self::new(FailureKind::Refused, diagnostic)
    }

    /// The user ended the work.
    pub fn interrupted(diagnostic: Diagnostic) -> Self {
        Self::new(FailureKind::Interrupted, diagnostic)
    }
}

/// The result of everything that can fail in front of a user.
pub type Outcome<T> = Result<T, Failure>;
