//! Stable codes of everything that a user can be told is wrong.

use core::fmt;

use crate::ExitCode;

/// A diagnostic: its stable identifier, how a command that ends with it exits, and what to do.
///
/// Each crate defines its own with [`codes!`](crate::codes), in a module `codes`, under its letter:
/// `O` object, `V` verifier, `S` statement, `T` trust, `L` loader, `C` Click, `P` pki and command
/// line. Errors carry the values; the code carries what does not change between two occurrences.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `BPF-O001` and the like; never reused for another meaning.
    pub id: &'static str,
    /// The exit code of a command that ends with this diagnostic.
    pub exit: ExitCode,
    /// What is wrong, without the values.
    pub title: &'static str,
    /// Why it is refused and what to do about it, in a sentence or two.
    pub help: &'static str,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (exit {})", self.id, self.exit.number())
    }
}

/// Defines diagnostics as constants of type [`Code`](crate::Code), and `ALL`, the list of them.
///
/// ```
/// platform_click::codes! {
///     EMPTY = "BPF-X001", Input, "the file is empty", "Pass an object compiled by clang.";
/// }
/// assert_eq!(EMPTY.exit, platform_click::ExitCode::Input);
/// assert_eq!(ALL.len(), 1);
/// ```
#[macro_export]
macro_rules! codes {
    ($( $name:ident = $id:literal, $exit:ident, $title:literal, $help:literal; )*) => {
        $(
            #[doc = concat!($id, ": ", $title, ".")]
            pub const $name: $crate::Code = $crate::Code {
                id: $id,
                exit: $crate::ExitCode::$exit,
                title: $title,
                help: $help,
            };
        )*
        /// Every diagnostic of this crate.
        pub const ALL: &[$crate::Code] = &[ $( $name, )* ];
    };
}
