//! How events look without `--json`: the data, with the type in brackets before it unless it is `message`.

use std::io::Write;
use std::time::Duration;

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

fn text(text: &str, reader: Reader, out: &mut Vec<u8>) {
    if reader == Reader::Pipe {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        if c.is_control() && c != '\n' && c != '\t' {
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
    fn a_terminal_obeys_nothing_that_a_stranger_sent() {
        let expected = "[a\\u{1b}] \\u{1b}[2J\\u{9b}2J\té\n\n";
        assert_eq!(shown("a\u{1b}", "\u{1b}[2J\u{9b}2J\té\n", Reader::Terminal), expected);
        assert_eq!(shown("message", "\u{1b}[2J", Reader::Pipe), "\u{1b}[2J\n");
    }
}
