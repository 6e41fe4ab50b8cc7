//! A value together with its origin.

use std::ops::Range;

/// A value of a definition, and its place in the file.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    value: T,
    origin: SettingOrigin,
}

#[derive(Debug, Clone)]
enum SettingOrigin {
    Default,
    Written(Range<usize>),
    Unreadable(Range<usize>),
}

impl<T> Setting<T> {
    /// A default, because the author wrote nothing.
    pub const fn default(value: T) -> Self {
        Self {
            value,
            origin: SettingOrigin::Default,
        }
    }

    /// A value that the author wrote at this place (byte offsets).
    pub const fn written(value: T, span: Range<usize>) -> Self {
        Self {
            value,
            origin: SettingOrigin::Written(span),
        }
    }

    /// A placeholder for something at this place that could not be read.
    pub const fn unreadable(value: T, span: Range<usize>) -> Self {
        Self {
            value,
            origin: SettingOrigin::Unreadable(span),
        }
    }

    /// Sets the value that the author wrote at this place (byte offsets). If it is none, because it could not
    /// be read, the previous value remains as a placeholder.
    pub fn set(&mut self, span: Range<usize>, value: Option<T>) {
        match value {
            Some(value) => *self = Self::written(value, span),
            None => self.origin = SettingOrigin::Unreadable(span),
        }
    }

    /// Whether the author wrote something here, readable or not.
    pub const fn is_written(&self) -> bool {
        !matches!(self.origin, SettingOrigin::Default)
    }

    /// The value, in a definition without errors.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// The value, unless it is a placeholder for one that could not be read. Rules judge this.
    pub const fn known(&self) -> Option<&T> {
        match self.origin {
            SettingOrigin::Unreadable(_) => None,
            SettingOrigin::Default | SettingOrigin::Written(_) => Some(&self.value),
        }
    }

    /// The place where the author wrote it (byte offsets), if they did.
    pub fn span(&self) -> Option<Range<usize>> {
        match &self.origin {
            SettingOrigin::Default => None,
            SettingOrigin::Written(span) | SettingOrigin::Unreadable(span) => Some(span.clone()),
        }
    }
}
