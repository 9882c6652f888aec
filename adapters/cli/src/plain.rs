//! How events look without `--json`: the data, with the type in brackets before it unless it is `message`.

use std::io::Write;

/// Appends an event; on a terminal, control characters are shown instead of obeyed, for the data is a stranger's.
pub(crate) fn event(kind: &str, data: &str, terminal: bool, out: &mut Vec<u8>) {
    if kind != "message" {
        out.push(b'[');
        text(kind, terminal, out);
        out.extend_from_slice(b"] ");
    }
    text(data, terminal, out);
    out.push(b'\n');
}

/// Appends a comment, which is what follows the colon on its line, a space included.
pub(crate) fn comment(comment: &str, terminal: bool, out: &mut Vec<u8>) {
    out.push(b':');
    text(comment, terminal, out);
    out.push(b'\n');
}

/// Appends a reconnection time.
pub(crate) fn retry(millis: u128, out: &mut Vec<u8>) {
    // Writing to a Vec does not fail.
    let _ = writeln!(out, "retry: {millis} ms");
}

fn text(text: &str, terminal: bool, out: &mut Vec<u8>) {
    if !terminal {
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

    fn shown(kind: &str, data: &str, terminal: bool) -> String {
        let mut out = Vec::new();
        event(kind, data, terminal, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_type_stands_before_the_data_unless_it_is_message() {
        assert_eq!(shown("message", "1\n2", false), "1\n2\n");
        assert_eq!(shown("add", "{}", false), "[add] {}\n");
    }

    #[test]
    fn a_terminal_obeys_nothing_that_a_stranger_sent() {
        assert_eq!(shown("a\u{1b}", "\u{1b}[2J\u{9b}2J\té\n", true), "[a\\u{1b}] \\u{1b}[2J\\u{9b}2J\té\n\n");
        assert_eq!(shown("message", "\u{1b}[2J", false), "\u{1b}[2J\n");
    }
}
