use core::fmt;
use core::str::FromStr;

use crate::Random;

/// One life of a log: new whenever its history was lost, so that an id of another life is never taken for one of this.
///
/// Its text is the number in base 36, lower case and without leading zeros: at most 13 characters, and 10 for those
/// that [`random`](Self::random) draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Returns the epoch of that number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Draws an epoch of 48 random bits: two of them are equal once in 280 million million restarts.
    pub fn random(random: &mut dyn Random) -> Self {
        Self(random.next_u64() >> 16)
    }

    /// Returns its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; MAX_EPOCH];
        let mut left = self.0;
        let mut used = 0;
        for digit in text.iter_mut().rev() {
            *digit = DIGITS.get((left % 36) as usize).copied().unwrap_or(b'0');
            used += 1;
            left /= 36;
            if left == 0 {
                break;
            }
        }
        let text = text.get(MAX_EPOCH - used..).unwrap_or_default();
        f.write_str(core::str::from_utf8(text).unwrap_or_default())
    }
}

impl FromStr for Epoch {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.is_empty() || text.len() > MAX_EPOCH || (text.starts_with('0') && text != "0") {
            return Err(ParseIdError);
        }
        let mut number = 0_u64;
        for byte in text.bytes() {
            let digit = DIGITS.iter().position(|&digit| digit == byte).ok_or(ParseIdError)?;
            number = number.checked_mul(36).and_then(|n| n.checked_add(digit as u64)).ok_or(ParseIdError)?;
        }
        Ok(Self(number))
    }
}

/// Where a publication stands in its log: 1 for the first, and so on over all topics. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Before the first publication.
    pub const START: Self = Self(0);

    /// Returns the position of that number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    pub(super) const fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub(super) const fn preceding(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The public id of a publication, `epoch-position`: what stands in the `id` field of an event, and what a reader brings
/// back as its last event ID.
///
/// Exactly one text stands for each id: what [`Display`](fmt::Display) prints is all that parses.
///
/// ```
/// use tidewire_core::log::{Epoch, EventId, Position};
///
/// let id = EventId { epoch: Epoch::new(1_296), position: Position::new(42) };
/// assert_eq!(id.to_string(), "100-42");
/// assert_eq!("100-42".parse(), Ok(id));
/// assert!("0100-42".parse::<EventId>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The life of the log.
    pub epoch: Epoch,
    /// The place in it.
    pub position: Position,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.position)
    }
}

impl FromStr for EventId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (epoch, position) = text.split_once('-').ok_or(ParseIdError)?;
        let leading_zero = position.starts_with('0') && position != "0";
        // `u64::from_str` would take a plus sign.
        if position.is_empty() || leading_zero || !position.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseIdError);
        }
        let position = position.parse().map(Position).map_err(|_| ParseIdError)?;
        Ok(Self { epoch: epoch.parse()?, position })
    }
}

/// The text is not an id of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an event id of the form epoch-position")
    }
}

impl core::error::Error for ParseIdError {}

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Digits of `u64::MAX` in base 36.
const MAX_EPOCH: usize = 13;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn id(epoch: u64, position: u64) -> EventId {
        EventId { epoch: Epoch(epoch), position: Position(position) }
    }

    #[test]
    fn ids_print_and_parse_back() {
        for number in [0, 1, 35, 36, 1_295, 1_296, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let id = id(number, number);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!(id(u64::MAX, 7).to_string(), "3w5e11264sgsf-7");
        assert_eq!(id(0, 0).to_string(), "0-0");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "1-+1",
            "1- 1",
            "A-1",
            "1-1 ",
            "01-1",
            "1-01",
            "1-1-1",
            "00-1",
            "1-1a",
            "3w5e11264sgsg-1",
            "zzzzzzzzzzzzzz-1",
            "1-18446744073709551616",
            "é-1",
        ] {
            assert_eq!(text.parse::<EventId>(), Err(ParseIdError), "{text}");
        }
    }
}
