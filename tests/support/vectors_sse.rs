//! The vectors under `vectors/sse`.

use std::fs;
use std::path::Path;

/// One case of a file of vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The file and the number of the case in it.
    pub name: String,
    /// That of an earlier stream.
    pub last_event_id: String,
    /// The bytes.
    pub stream: Vec<u8>,
    /// Where the vector cuts.
    pub cuts: Vec<usize>,
    /// What comes of them, in lines as in the file.
    pub expected: String,
}

/// Reads all vectors.
///
/// # Panics
///
/// If a file is not in the format that `vectors/sse/README.md` describes.
pub fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/sse");
    let mut cases = Vec::new();
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("a folder can be read").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        let file = read(&name, &fs::read_to_string(&path).expect("a vector is text"));
        assert!(!file.is_empty(), "{name} has no case");
        cases.extend(file);
    }
    cases
}

/// Reads a file.
fn read(name: &str, text: &str) -> Vec<Case> {
    assert!(text.starts_with("# "), "{name} has no title");
    let mut cases = Vec::new();
    for block in text.split("\n```stream").skip(1) {
        let (head, rest) = block.split_once('\n').expect("the bytes follow");
        let (stream, rest) = rest.split_once("```\n```events\n").unwrap_or_else(|| panic!("{name}: no events"));
        let (expected, _) = rest.split_once("```").unwrap_or_else(|| panic!("{name}: no end of the events"));
        let last_event_id = head.strip_prefix(" after ").unwrap_or_default().to_string();
        let (stream, cuts) = unescape(name, stream);
        let name = format!("{name}, case {}", cases.len() + 1);
        cases.push(Case { name, last_event_id, stream, cuts, expected: expected.to_string() });
    }
    cases
}

fn unescape(name: &str, text: &str) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut cuts) = (Vec::new(), Vec::new());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match first {
            b'\n' => rest = tail,
            b'|' => {
                cuts.push(bytes.len());
                rest = tail;
            }
            _ => {
                let (times, tail) = times(rest);
                let (byte, tail) = unit(name, tail);
                bytes.extend(std::iter::repeat_n(byte, times));
                rest = tail;
            }
        }
    }
    (bytes, cuts)
}

/// Reads `{N}`, if it stands here.
fn times(text: &[u8]) -> (usize, &[u8]) {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
    let Some(inner) = text.strip_prefix(b"{") else { return (1, text) };
    let Some(end) = inner.iter().position(|&byte| byte == b'}') else { return (1, text) };
    number(&inner[..end]).map_or((1, text), |times| (times, &inner[end + 1..]))
}

/// Reads a byte or an escape.
fn unit<'a>(name: &str, text: &'a [u8]) -> (u8, &'a [u8]) {
    match text {
        [b'\\', b'r', rest @ ..] => (b'\r', rest),
        [b'\\', b'n', rest @ ..] => (b'\n', rest),
        [b'\\', b't', rest @ ..] => (b'\t', rest),
        [b'\\', b'0', rest @ ..] => (0, rest),
        [b'\\', b'\\', rest @ ..] => (b'\\', rest),
        [b'\\', b'x', high, low, rest @ ..] => {
            let digit =
                |byte: &u8| (*byte as char).to_digit(16).unwrap_or_else(|| panic!("{name}: no hex digit")) as u8;
            (digit(high) << 4 | digit(low), rest)
        }
        [byte, rest @ ..] if *byte != b'\\' => (*byte, rest),
        _ => panic!("{name}: unknown escape"),
    }
}
