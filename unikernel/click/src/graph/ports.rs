//! What ports there can be, and who moves packets through them.

use core::fmt;

/// A side of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Where packets come in.
    Input,
    /// Where packets go out.
    Output,
}

impl Direction {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Input, Self::Output];

    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Input => Self::Output,
            Self::Output => Self::Input,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// Who moves a packet through a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processing {
    /// The upstream element.
    Push,
    /// The downstream element.
    Pull,
    /// Whoever the port is connected to; all agnostic ports of an element agree.
    Agnostic,
}

impl fmt::Display for Processing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Agnostic => "agnostic",
        })
    }
}

/// How many ports the elements of a class have on one side, and of what kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The fewest.
    pub least: usize,
    /// The most; `None` if there is no bound but [`crate::limits::MAX_PORTS`].
    pub most: Option<usize>,
    /// What they are, or the first of them.
    pub processing: Processing,
    /// What the others are.
    pub further: Processing,
    /// Whether agnostic ports agree with those on the other side of the element: packets go through.
    pub tied: bool,
}

impl Side {
    /// No ports.
    pub const NONE: Self = Self::exactly(0, Processing::Agnostic);

    /// This many ports.
    #[must_use]
    pub const fn exactly(count: usize, processing: Processing) -> Self {
        Self {
            least: count,
            most: Some(count),
            processing,
            further: processing,
            tied: true,
        }
    }

    /// From `least` ports on.
    #[must_use]
    pub const fn at_least(least: usize, processing: Processing) -> Self {
        Self {
            least,
            most: None,
            processing,
            further: processing,
            tied: true,
        }
    }

    /// From `least` to `most` ports.
    #[must_use]
    pub const fn between(least: usize, most: usize, processing: Processing) -> Self {
        Self {
            least,
            most: Some(most),
            processing,
            further: processing,
            tied: true,
        }
    }

    /// The same, where all ports but the first are `further`: `a/ah` in Click's codes.
    #[must_use]
    pub const fn then(self, further: Processing) -> Self {
        Self { further, ..self }
    }

    /// The same, where each agnostic port is what it is connected to, whatever the others are: `x/y`
    /// as Click's flow code.
    #[must_use]
    pub const fn untied(self) -> Self {
        Self {
            tied: false,
            ..self
        }
    }

    /// What the port with this number is.
    pub(super) const fn at(self, port: usize) -> Processing {
        match port {
            0 => self.processing,
            _ => self.further,
        }
    }

    /// Whether there can be a port with this number.
    pub(super) const fn allows(self, port: usize) -> bool {
        match self.most {
            Some(most) => port < most,
            None => true,
        }
    }
}

/// Click's port count code of one side: `1`, `0-1`, `1-`, or `-` for any number.
impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (0, None) => f.write_str("-"),
            (least, None) => write!(f, "{least}-"),
            (least, Some(most)) if least == most => write!(f, "{least}"),
            (least, Some(most)) => write!(f, "{least}-{most}"),
        }
    }
}
