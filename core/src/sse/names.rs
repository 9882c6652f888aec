use alloc::borrow::Cow;
use core::fmt;

use memchr::memchr3;

/// An event type that can be sent: not empty, without CR, LF and NUL.
///
/// An empty one would read as none (HTML §9.2.6: "if the event type buffer has a value other than the empty string"), so it cannot be
/// made: leave the event type out instead. `message` can: it is sent, and reads as what it is.
///
/// ```
/// use tidewire_core::sse::EventName;
///
/// assert!(EventName::new("greeting").is_ok());
/// let error = EventName::new("update\ndata: forged").unwrap_err();
/// assert_eq!(error.to_string(), "an event name cannot have a line feed in it (byte 6)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName<'a>(Cow<'a, str>);

impl<'a> EventName<'a> {
    /// Checks an event type.
    ///
    /// # Errors
    ///
    /// It is empty, or has a CR, LF or NUL in it.
    pub fn new(name: impl Into<Cow<'a, str>>) -> Result<Self, NameError> {
        let name = name.into();
        if name.is_empty() {
            return Err(NameError { kind: Kind::Event, reason: Reason::Empty });
        }
        match forbidden(&name) {
            Some(reason) => Err(NameError { kind: Kind::Event, reason }),
            None => Ok(Self(name)),
        }
    }

    /// Returns the event type.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Copies the event type, if it is borrowed.
    pub fn into_owned(self) -> EventName<'static> {
        EventName(Cow::Owned(self.0.into_owned()))
    }
}

impl<'a> TryFrom<&'a str> for EventName<'a> {
    type Error = NameError;

    fn try_from(name: &'a str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl fmt::Display for EventName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event's id that can be sent: without CR, LF and NUL.
///
/// An empty one can be made: it resets the reader's last event ID (HTML §9.2.6), which no id at all does not.
///
/// ```
/// use tidewire_core::sse::EventId;
///
/// assert!(EventId::new("").is_ok());
/// let error = EventId::new("7\0").unwrap_err();
/// assert_eq!((error.character(), error.position()), (Some('\0'), Some(1)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId<'a>(Cow<'a, str>);

impl<'a> EventId<'a> {
    /// Checks an id.
    ///
    /// # Errors
    ///
    /// It has a CR, LF or NUL in it.
    pub fn new(id: impl Into<Cow<'a, str>>) -> Result<Self, NameError> {
        let id = id.into();
        match forbidden(&id) {
            Some(reason) => Err(NameError { kind: Kind::Id, reason }),
            None => Ok(Self(id)),
        }
    }

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Copies the id, if it is borrowed.
    pub fn into_owned(self) -> EventId<'static> {
        EventId(Cow::Owned(self.0.into_owned()))
    }
}

impl<'a> TryFrom<&'a str> for EventId<'a> {
    type Error = NameError;

    fn try_from(id: &'a str) -> Result<Self, NameError> {
        Self::new(id)
    }
}

impl fmt::Display for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no [`EventName`] or no [`EventId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError {
    kind: Kind,
    reason: Reason,
}

impl NameError {
    /// Returns the character that cannot be: CR, LF or NUL; none if the name is empty.
    pub fn character(&self) -> Option<char> {
        match self.reason {
            Reason::Empty => None,
            Reason::Forbidden { character, .. } => Some(character),
        }
    }

    /// Returns where the character stands, in bytes from 0; none if the name is empty.
    pub fn position(&self) -> Option<usize> {
        match self.reason {
            Reason::Empty => None,
            Reason::Forbidden { at, .. } => Some(at),
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Event => "an event name",
            Kind::Id => "an event id",
        };
        match self.reason {
            Reason::Empty => write!(f, "{kind} cannot be empty; leave it out instead"),
            Reason::Forbidden { character, at } => {
                let character = match character {
                    '\r' => "carriage return",
                    '\n' => "line feed",
                    _ => "NUL",
                };
                write!(f, "{kind} cannot have a {character} in it (byte {at})")
            }
        }
    }
}

impl core::error::Error for NameError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Event,
    Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Empty,
    Forbidden { character: char, at: usize },
}

/// Finds what would end a line, or make a reader ignore an id (HTML §9.2.6: "If the field value does not contain U+0000 NULL").
fn forbidden(text: &str) -> Option<Reason> {
    let at = memchr3(b'\r', b'\n', 0, text.as_bytes())?;
    let character = text.get(at..).and_then(|rest| rest.chars().next())?;
    Some(Reason::Forbidden { character, at })
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    #[test]
    fn what_ends_a_line_is_refused_with_its_place() {
        for (text, character, at) in
            [("\n", '\n', 0), ("a\r\n", '\r', 1), ("hä\0", '\0', 3), ("a\n\nevent: admin", '\n', 1)]
        {
            for error in [EventName::new(text).unwrap_err(), EventId::new(text).unwrap_err()] {
                assert_eq!((error.character(), error.position()), (Some(character), Some(at)), "{text:?}");
            }
        }
    }

    #[test]
    fn error_says_what_and_where() {
        assert_eq!(
            EventName::new("a\rb").unwrap_err().to_string(),
            "an event name cannot have a carriage return in it (byte 1)"
        );
        assert_eq!(EventId::new("\n").unwrap_err().to_string(), "an event id cannot have a line feed in it (byte 0)");
        assert_eq!(EventId::new("ab\0").unwrap_err().to_string(), "an event id cannot have a NUL in it (byte 2)");
        let empty = EventName::new("").unwrap_err();
        assert_eq!(empty.to_string(), "an event name cannot be empty; leave it out instead");
        assert_eq!((empty.character(), empty.position()), (None, None));
    }

    #[test]
    fn all_else_is_accepted_and_kept() {
        for text in [" ", "message", " a: b ", "\u{feff}", "\u{85}\u{2028}", "\u{b}\u{c}", "豆腐"] {
            assert_eq!(EventName::new(text).unwrap().as_str(), text);
            assert_eq!(EventId::try_from(text).unwrap().into_owned().to_string(), text);
            assert_eq!(EventName::try_from(text).unwrap().into_owned().to_string(), text);
        }
        assert_eq!(EventId::new(String::new()).unwrap().as_str(), "");
    }
}
