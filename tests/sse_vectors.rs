//! The vectors of `vectors/sse`: each stream whole, in its own chunks, byte by byte and cut at every place, through both faces of the
//! parser, and through the naive one.

use std::fs;
use std::path::Path;

use tidewire_core::sse::Parser;
use tidewire_tests::naive_sse::{self, Outcome, Told};
use tidewire_tests::sse::{cut, outcome, outcome_owned};

#[test]
fn every_vector_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/sse");
    let mut cases = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("a folder can be read").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        let file = read(&name, &fs::read_to_string(&path).expect("a vector is text"));
        assert!(!file.is_empty(), "{name} has no case");
        cases += file.len();
        file.iter().for_each(check);
    }
    assert!(cases > 100, "only {cases} cases in {}", folder.display());
}

struct Case {
    name: String,
    last_event_id: String,
    stream: Vec<u8>,
    /// Where the vector cuts.
    cuts: Vec<usize>,
    /// Lines, as in the file.
    expected: String,
}

fn check(case: &Case) {
    let Case { name, last_event_id, stream, cuts, expected } = case;
    let naive = naive_sse::parse(stream, last_event_id);
    assert_eq!(&tell(&naive), expected, "{name}: the naive parser");

    let new = || Parser::new().with_last_event_id(last_event_id);
    let check = |cuts: &[usize]| {
        let chunks = cut(stream, cuts);
        assert_eq!(outcome(new(), chunks.iter().copied()), (naive.clone(), vec![]), "{name}: lending, cut at {cuts:?}");
        assert_eq!(outcome_owned(new(), chunks), (naive.clone(), vec![]), "{name}: owned, cut at {cuts:?}");
    };
    check(&[]);
    check(cuts);
    check(&(0..stream.len()).collect::<Vec<_>>());
    check(&(0..stream.len()).step_by(2).collect::<Vec<_>>());
    (0..=stream.len()).for_each(|at| check(&[at]));
}

fn tell(outcome: &Outcome) -> String {
    let mut lines = String::new();
    for told in &outcome.events {
        lines += &match told {
            Told::Message { event_type, data, own_id, last_event_id } => {
                let event = if event_type == "message" { String::new() } else { format!(" event {event_type:?}") };
                let id = match own_id {
                    Some(id) => format!(" id {id:?}"),
                    None if last_event_id.is_empty() => String::new(),
                    None => format!(" last {last_event_id:?}"),
                };
                format!("message {data:?}{event}{id}\n")
            }
            Told::Comment(text) => format!("comment {text:?}\n"),
            Told::Retry(millis) => format!("retry {millis}\n"),
        };
    }
    lines += if outcome.unfinished { "end unfinished" } else { "end clean" };
    if !outcome.last_event_id.is_empty() {
        lines += &format!(", last {:?}", outcome.last_event_id);
    }
    lines + "\n"
}

/// Reads a file; `vectors/sse/README.md` says how it is written.
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
