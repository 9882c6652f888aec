//! Bytes for people: a line for each sixteen, in hexadecimal and as what they are in ASCII.

use std::fmt::Write;

use crate::plain::Reader;

/// Appends a message of a WebSocket that is not text: how long it is, then its first bytes.
pub(super) fn pretty(bytes: &[u8], reader: Reader, out: &mut Vec<u8>) {
    let (cyan, dim, off) = if reader == Reader::Colors { ("\x1b[36m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{cyan}[binary]{off} {dim}{} bytes{off}\n", bytes.len());
    for (number, line) in bytes.chunks(WIDTH).take(LINES).enumerate() {
        let hexadecimal: String = line.iter().map(|byte| format!("{byte:02x} ")).collect();
        let ascii: String =
            line.iter().map(|&byte| if (b' '..0x7f).contains(&byte) { byte as char } else { '.' }).collect();
        // Writing to a String does not fail.
        let _ = writeln!(text, "{:08x}  {hexadecimal:48} |{ascii}|", number * WIDTH);
    }
    let more = bytes.len().saturating_sub(WIDTH * LINES);
    if more > 0 {
        let _ = writeln!(text, "{dim}… and {more} bytes more; --output data prints them all{off}");
    }
    out.extend_from_slice(text.as_bytes());
}

const WIDTH: usize = 16;

/// How many lines of one message are shown.
const LINES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], reader: Reader) -> String {
        let mut out = Vec::new();
        pretty(bytes, reader, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn bytes_are_shown_in_hexadecimal_and_ascii() {
        let text = shown(b"hello, \x1b[2J\xff\0 wired", Reader::Terminal);
        let expected = "[binary] 19 bytes\n\
            00000000  68 65 6c 6c 6f 2c 20 1b 5b 32 4a ff 00 20 77 69  |hello, .[2J.. wi|\n\
            00000010  72 65 64                                         |red|\n";
        assert_eq!(text, expected);
        assert_eq!(shown(b"", Reader::Pipe), "[binary] 0 bytes\n");
        assert!(shown(b"", Reader::Colors).contains("\u{1b}[36m[binary]"));
    }

    #[test]
    fn a_long_one_is_shown_in_part() {
        assert_eq!(shown(&[0; 1024], Reader::Pipe).lines().count(), 65);
        let text = shown(&[0; 1025], Reader::Pipe);
        assert!(text.ends_with("… and 1 bytes more; --output data prints them all\n"), "{text}");
    }
}
