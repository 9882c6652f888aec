//! JSON for people: indented, and otherwise as it was sent: no number is rounded, no name moves.

use std::io::Write;

use serde::de::IgnoredAny;

/// Returns an object or array with its lines indented; `None` where `text` is neither, or no JSON, or nested so deeply that the indents
/// would outgrow it.
pub(crate) fn json(text: &str, colors: bool) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let (token, after) = rest.split_at(if char == '"' { string(rest) } else { char.len_utf8() });
        rest = after.trim_start_matches(SPACE);
        match char {
            // An empty one stays in one piece.
            '{' | '[' if rest.starts_with(['}', ']']) => out.extend_from_slice(token.as_bytes()),
            '{' | '[' => {
                depth += 1;
                if depth > DEEP {
                    return None;
                }
                out.extend_from_slice(token.as_bytes());
                line(depth, &mut out);
            }
            '}' | ']' => {
                if !matches!(out.last(), Some(b'{' | b'[')) {
                    depth = depth.saturating_sub(1);
                    line(depth, &mut out);
                }
                out.extend_from_slice(token.as_bytes());
            }
            ',' => {
                out.push(b',');
                line(depth, &mut out);
            }
            ':' => out.extend_from_slice(b": "),
            '"' if colors && rest.starts_with(':') => {
                // Writing to a Vec does not fail.
                let _ = write!(out, "\x1b[34m{token}\x1b[0m");
            }
            ' ' | '\n' | '\r' | '\t' => {}
            _ => out.extend_from_slice(token.as_bytes()),
        }
    }
    String::from_utf8(out).ok()
}

/// Returns the length of the string that `text` begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

fn line(depth: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', depth * 2));
}

/// How deep what is indented may be nested.
const DEEP: usize = 100;

/// RFC 8259 §2: "Insignificant whitespace is allowed before or after any of the six structural characters."
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn objects_and_arrays_are_indented_and_nothing_else_changes() {
        let text = r#" {"b":[1.10, 12345678901234567890123],"a" : {},"s":"x\"{,}: \\","e":[ ],"n":null}"#;
        let expected = concat!(
            "{\n  \"b\": [\n    1.10,\n    12345678901234567890123\n  ],\n  \"a\": {},\n",
            "  \"s\": \"x\\\"{,}: \\\\\",\n  \"e\": [],\n  \"n\": null\n}"
        );
        assert_eq!(json(text, false).as_deref(), Some(expected));
    }

    #[test]
    fn names_are_blue_where_colours_are_wanted() {
        assert_eq!(json(r#"{"a":"b"}"#, true).as_deref(), Some("{\n  \u{1b}[34m\"a\"\u{1b}[0m: \"b\"\n}"));
    }

    #[test]
    fn what_is_no_object_or_array_is_left_alone() {
        for text in ["", "hello", "3", "\"a\"", "{", "[1,]", "{\"a\":1} x", &nested(DEEP + 1)] {
            assert_eq!(json(text, false), None, "{text}");
        }
    }

    #[test]
    fn what_is_nested_deeply_is_indented_to_the_limit() {
        assert!(json(&nested(DEEP), false).is_some());
    }

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + "1" + &"]".repeat(depth)
    }

    proptest! {
        #[test]
        fn the_value_stays_the_same(text in "[\\[{]([{}\\[\\],:]|\"[a\\\\\"]{0,3}\"|1| ){0,12}") {
            if let Some(indented) = json(&text, false) {
                let before: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(serde_json::from_str::<Value>(&indented).unwrap(), before);
                prop_assert_eq!(json(&indented, false), Some(indented.clone()));
            }
        }
    }
}
