/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Comment,
    Data,
    Event,
    Id,
    Retry,
    Unknown,
}

/// How many bytes of a line say which field it is and where its value begins: those of `event: `.
pub(super) const HEAD: usize = 7;

/// Splits a line, or at least its first [`HEAD`] bytes, into field and value.
#[inline]
pub(super) fn split(line: &[u8]) -> (Field, &[u8]) {
    let (field, rest) = match line {
        // HTML §9.2.6: "If the line starts with a U+003A COLON character (:): Ignore the line."
        [b':', rest @ ..] => return (Field::Comment, rest),
        [b'd', b'a', b't', b'a', rest @ ..] => (Field::Data, rest),
        [b'e', b'v', b'e', b'n', b't', rest @ ..] => (Field::Event, rest),
        [b'i', b'd', rest @ ..] => (Field::Id, rest),
        [b'r', b'e', b't', b'r', b'y', rest @ ..] => (Field::Retry, rest),
        _ => return (Field::Unknown, &[]),
    };
    match rest {
        // HTML §9.2.6: "If value starts with a U+0020 SPACE character, remove it from value."
        [b':', b' ', value @ ..] | [b':', value @ ..] => (field, value),
        // HTML §9.2.6: "Process the field … using the whole line as the field name, and the empty string as the field value."
        [] => (field, &[]),
        _ => (Field::Unknown, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_space_behind_the_colon_is_not_value() {
        assert_eq!(split(b"data:x"), (Field::Data, &b"x"[..]));
        assert_eq!(split(b"data: x"), (Field::Data, &b"x"[..]));
        assert_eq!(split(b"data:  x"), (Field::Data, &b" x"[..]));
        assert_eq!(split(b"event: "), (Field::Event, &b""[..]));
        assert_eq!(split(b": x"), (Field::Comment, &b" x"[..]));
    }

    #[test]
    fn names_are_exact() {
        assert_eq!(split(b"id"), (Field::Id, &b""[..]));
        assert_eq!(split(b"retry"), (Field::Retry, &b""[..]));
        for line in ["", " data: x", "Data: x", "dataa: x", "data : x", "dat", "events", "ID", "\u{feff}data: x"] {
            assert_eq!(split(line.as_bytes()).0, Field::Unknown, "{line:?}");
        }
    }
}
