use alloc::string::String;
use core::fmt::Write as _;

/// Appends a JSON string (RFC 8259 §7).
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            // Writing to memory does not fail.
            '\0'..='\x1f' => drop(write!(out, "\\u{:04x}", char as u32)),
            char => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_escape_what_they_must() {
        let mut out = String::new();
        quote("a\"\\\n\0é\u{2028}", &mut out);
        assert_eq!(out, "\"a\\\"\\\\\\u000a\\u0000é\u{2028}\"");
    }
}
