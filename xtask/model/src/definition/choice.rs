//! Values that are one of a few words.

use super::keys::Shape;
use crate::profile::{PROFILES, Profile, Runtime};
use crate::values::{DriverName, Virtualization};

/// A value that is one of a few words.
pub(super) trait Choice: Copy + 'static {
    /// Every value, in the order in which they are listed.
    const ALL: &'static [Self];

    /// The value as definitions spell it.
    fn word(self) -> &'static str;
}

/// The shape of a key that takes such a value.
pub(super) const fn choice<T: Choice>() -> Shape {
    Shape::Choice(|| T::ALL.iter().map(|one| one.word()).collect())
}

impl Choice for &'static Profile {
    const ALL: &'static [Self] = PROFILES;

    fn word(self) -> &'static str {
        self.id
    }
}

macro_rules! choices {
    ($($type:ident),*) => {
        $(
            impl Choice for $type {
                const ALL: &'static [Self] = $type::ALL;

                fn word(self) -> &'static str {
                    self.as_str()
                }
            }
        )*
    };
}
choices!(DriverName, Runtime, Virtualization);
