//! A value together with where it comes from.

use std::ops::Range;

/// A value of a definition, and its place in the file.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    value: T,
    origin: Origin,
}

#[derive(Debug, Clone)]
enum Origin {
    Default,
    Written(Range<usize>),
    Unreadable(Range<usize>),
}

impl<T> Setting<T> {
    /// The author wrote nothing, so this holds.
    pub const fn default(value: T) -> Self {
        Self {
            value,
            origin: Origin::Default,
        }
    }

    /// The author wrote this, there (byte offsets).
    pub const fn written(value: T, span: Range<usize>) -> Self {
        Self {
            value,
            origin: Origin::Written(span),
        }
    }

    /// The author wrote something there that could not be read; `value` merely stands in.
    pub const fn unreadable(value: T, span: Range<usize>) -> Self {
        Self {
            value,
            origin: Origin::Unreadable(span),
        }
    }

    /// Takes over what the author wrote there (byte offsets); nothing, where it could not be read.
    /// What held before then merely stands in.
    pub fn set(&mut self, span: Range<usize>, value: Option<T>) {
        match value {
            Some(value) => *self = Self::written(value, span),
            None => self.origin = Origin::Unreadable(span),
        }
    }

    /// Whether the author wrote something here, readable or not.
    pub const fn is_written(&self) -> bool {
        !matches!(self.origin, Origin::Default)
    }

    /// The value, in a definition without errors.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// The value, unless it merely stands in for one that could not be read. Rules judge this.
    pub const fn known(&self) -> Option<&T> {
        match self.origin {
            Origin::Unreadable(_) => None,
            Origin::Default | Origin::Written(_) => Some(&self.value),
        }
    }

    /// Where the author wrote it (byte offsets), if they did.
    pub fn span(&self) -> Option<Range<usize>> {
        match &self.origin {
            Origin::Default => None,
            Origin::Written(span) | Origin::Unreadable(span) => Some(span.clone()),
        }
    }
}
