use core::fmt;

/// Why a [`Parser`](super::Parser) stopped, or what a strict one objects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A line is longer than [`Limits::max_line`](super::Limits::max_line). The parser takes nothing more of this stream.
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// An event holds more than [`Limits::max_event`](super::Limits::max_event). The parser takes nothing more of this
    /// stream.
    EventTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A [strict](super::Parser::strict) parser met what a lenient one passes over. It goes on as a lenient one would, if the
    /// caller does.
    Violation {
        /// The line of the stream, counted from 1.
        line: u64,
        /// What is wrong with it.
        violation: Violation,
    },
}

impl Error {
    /// Returns whether the parser takes nothing more of this stream.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Violation { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong { limit } => {
                write!(f, "a line is longer than {limit} bytes; raise the limit `max_line` if such lines are expected")
            }
            Self::EventTooLong { limit } => {
                write!(
                    f,
                    "an event holds more than {limit} bytes; raise the limit `max_event` if such events are expected"
                )
            }
            Self::Violation { line, violation } => write!(f, "line {line}: {violation}"),
        }
    }
}

impl core::error::Error for Error {}

/// What a [strict](super::Parser::strict) parser objects to and a lenient one passes over as the standard says. At most one
/// is told for a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Violation {
    /// A value or a comment is not UTF-8; it was read with U+FFFD instead.
    InvalidUtf8,
    /// A line is neither a comment nor a field that the standard knows; it was ignored.
    UnknownField,
    /// A `retry` is not made of digits only; it was ignored.
    InvalidRetry,
    /// An `id` has a NUL in it; it was ignored.
    NulInId,
    /// An event has a type and no data; it was dropped.
    NoData,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidUtf8 => "not UTF-8; read with U+FFFD instead",
            Self::UnknownField => "unknown field; ignored",
            Self::InvalidRetry => "`retry` is not made of digits only; ignored",
            Self::NulInId => "`id` has a NUL in it; ignored",
            Self::NoData => "event has a type and no data; dropped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_fatal_and_violations_are_not() {
        assert!(Error::LineTooLong { limit: 1 }.is_fatal());
        assert!(Error::EventTooLong { limit: 1 }.is_fatal());
        assert!(!Error::Violation { line: 1, violation: Violation::NoData }.is_fatal());
    }
}
