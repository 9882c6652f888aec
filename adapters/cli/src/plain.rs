//! How events look as text: the data, with the type in brackets before it unless it is `message`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use crate::output::is_obeyed;
use crate::pretty;

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A program: text goes as it is.
    Pipe,
    /// A person: control characters are shown instead of obeyed, for the data is a stranger's.
    Terminal,
    /// A person who likes colours.
    Colors,
}

/// Appends an event.
pub(crate) fn event(kind: &str, data: &str, reader: Reader, out: &mut Vec<u8>) {
    if kind != "message" {
        let (begin, end) = if reader == Reader::Colors { ("\x1b[36m[", "]\x1b[0m ") } else { ("[", "] ") };
        out.extend_from_slice(begin.as_bytes());
        text(kind, reader, out);
        out.extend_from_slice(end.as_bytes());
    }
    text(data, reader, out);
    out.push(b'\n');
}

/// Appends an event for people who want to see all of it: type and last event ID on a line, then the data, indented where it is JSON.
pub(crate) fn pretty(kind: &str, id: &str, data: &str, reader: Reader, out: &mut Vec<u8>) {
    let colors = reader == Reader::Colors;
    let (cyan, dim, off) = if colors { ("\x1b[36m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    out.extend_from_slice(format!("{cyan}[").as_bytes());
    text(kind, reader, out);
    out.extend_from_slice(format!("]{off}").as_bytes());
    if !id.is_empty() {
        out.extend_from_slice(format!(" {dim}id ").as_bytes());
        text(id, reader, out);
        out.extend_from_slice(off.as_bytes());
    }
    out.push(b'\n');
    match pretty::json(&json(data, reader), colors) {
        Some(indented) => out.extend_from_slice(indented.as_bytes()),
        None => text(data, reader, out),
    }
    out.push(b'\n');
}

/// Appends a comment, which is what follows the colon on its line, a space included.
pub(crate) fn comment(comment: &str, reader: Reader, out: &mut Vec<u8>) {
    out.push(b':');
    text(comment, reader, out);
    out.push(b'\n');
}

/// Appends a reconnection time.
pub(crate) fn retry(time: Duration, out: &mut Vec<u8>) {
    // Writing to a Vec does not fail.
    let _ = writeln!(out, "retry: {} ms", time.as_millis());
}

/// Returns JSON as this reader gets it: `serde_json` and senders escape only what the standard wants, which lets a terminal be driven by
/// U+007F to U+009F and by the overrides of the direction of text.
pub(crate) fn json(text: &str, reader: Reader) -> Cow<'_, str> {
    let obeyed = |c: char| is_obeyed(c) && c > ' ';
    if reader == Reader::Pipe || !text.contains(obeyed) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if obeyed(c) {
            // Writing to a String does not fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe.into()
}

/// Appends text as this reader gets it.
pub(crate) fn text(text: &str, reader: Reader, out: &mut Vec<u8>) {
    if reader == Reader::Pipe {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        if is_obeyed(c) && c != '\n' && c != '\t' {
            let _ = write!(out, "{}", c.escape_default());
        } else {
            let _ = write!(out, "{c}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: &str, data: &str, reader: Reader) -> String {
        let mut out = Vec::new();
        event(kind, data, reader, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_type_stands_before_the_data_unless_it_is_message() {
        assert_eq!(shown("message", "1\n2", Reader::Pipe), "1\n2\n");
        assert_eq!(shown("add", "{}", Reader::Pipe), "[add] {}\n");
        assert_eq!(shown("add", "{}", Reader::Colors), "\u{1b}[36m[add]\u{1b}[0m {}\n");
    }

    #[test]
    fn pretty_shows_type_id_and_json_in_lines() {
        let shown = |id, data, reader| {
            let mut out = Vec::new();
            pretty("add", id, data, reader, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(shown("7", r#"{"a":1}"#, Reader::Pipe), "[add] id 7\n{\n  \"a\": 1\n}\n");
        assert_eq!(shown("", "two\nlines", Reader::Pipe), "[add]\ntwo\nlines\n");
        let expected =
            "\u{1b}[36m[add]\u{1b}[0m \u{1b}[2mid \\u{1b}\u{1b}[0m\n{\n  \u{1b}[34m\"\\u009b\"\u{1b}[0m: 1\n}\n";
        assert_eq!(shown("\u{1b}", "{\"\u{9b}\":1}", Reader::Colors), expected);
    }

    #[test]
    fn a_terminal_obeys_nothing_that_a_stranger_sent() {
        let expected = "[a\\u{1b}] \\u{1b}[2J\\u{9b}2J\té\n\n";
        assert_eq!(shown("a\u{1b}", "\u{1b}[2J\u{9b}2J\té\n", Reader::Terminal), expected);
        assert_eq!(shown("message", "\u{1b}[2J", Reader::Pipe), "\u{1b}[2J\n");
        // Backwards, as in a file whose name seems to end with another type.
        for c in ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
            let expected = format!("a{}b\n", c.escape_default());
            assert_eq!(shown("message", &format!("a{c}b"), Reader::Terminal), expected);
            assert_eq!(json(&format!("\"{c}\""), Reader::Terminal), format!("\"\\u{:04x}\"", u32::from(c)));
            assert_eq!(shown("message", &format!("a{c}b"), Reader::Pipe), format!("a{c}b\n"));
        }
    }
}
