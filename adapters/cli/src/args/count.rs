//! Counts and sizes as one writes them on a command line, from one on.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

/// Reads a number that is not zero; its words are for who types, not for who programs.
pub(super) fn positive<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::Zero => "it must be at least 1".into(),
        IntErrorKind::PosOverflow => "too much".into(),
        _ => "write a whole number, such as 1000".into(),
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn a_number_from_one_on_is_read_and_anything_else_is_explained() {
        assert_eq!(positive("1"), Ok(NonZeroU32::MIN));
        assert_eq!(positive("4294967295"), Ok(NonZeroU32::MAX));
        let error = |text| positive::<NonZeroU32>(text).unwrap_err();
        assert_eq!(error("0"), "it must be at least 1");
        assert_eq!(error("4294967296"), "too much");
        for text in ["", "-1", "1.5", "1k", "many"] {
            assert_eq!(error(text), "write a whole number, such as 1000", "{text}");
        }
    }
}
