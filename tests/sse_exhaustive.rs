//! All short inputs over alphabets that reach every part of the grammar: the parser agrees with the naive one, however they are cut.

use tidewire_core::sse::Parser;
use tidewire_tests::naive_sse::{self, Outcome, Told};
use tidewire_tests::sse::{cut, outcome, outcome_owned};

#[test]
fn fields_letter_by_letter() {
    every_input(&[b"data", b":", b" ", b"\n", b"\r", b"a", b"d"], 6);
    every_input(&[b"event", b"id", b"data", b":", b" ", b"\n", b"x"], 6);
}

#[test]
fn lines_and_their_ends() {
    every_input(&[b"data:a", b"data", b"event:x", b"id:1", b":c", b"\n", b"\r", b"\r\n"], 5);
    every_input(&[b"data: a\n", b"data\r", b"\n", b"\r", b"event: x\r\n", b":c\r"], 6);
}

#[test]
fn start_of_the_stream() {
    every_input(&[b"\xef", b"\xbb", b"\xbf", b"\n", b"\r", b":", b"data:"], 6);
    every_input(&[b"\xef\xbb\xbf", b"\xef\xbb", b"\r\n", b"\n", b"id", b"data", b":"], 5);
}

#[test]
fn ids_types_and_times() {
    every_input(&[b"id", b"id:", b"1", b"\0", b"data:a\n", b"\n", b"event:x\n", b"event"], 5);
    every_input(&[b"retry", b":", b" ", b"7", b"+", b"\n", b"data\n"], 5);
}

#[test]
fn text_that_is_not_utf_8() {
    every_input(&[b"data:", b":", b"\xe2", b"\x82", b"\xac", b"\n", b"\r"], 6);
    every_input(&[b"event:", b"id:", b"data\n", b"\xf0", b"\x9f", b"\xff", b"\n"], 5);
}

/// The matrix of another implementation's line reader: three lines, each line end of every kind, the last one also missing.
#[test]
fn lines_end_in_all_36_ways() {
    let ends = ["\n", "\r\n", "\r"];
    for (a, b) in ends.iter().flat_map(|a| ends.map(|b| (a, b))) {
        for c in ["\n", "\r\n", "\r", ""] {
            let stream = format!(":line1{a}:line2{b}:line3{c}");
            let lines = ["line1", "line2", "line3"].iter().take(if c.is_empty() { 2 } else { 3 });
            let events = lines.map(|line| Told::Comment(line.to_string())).collect();
            let expected = Outcome { events, last_event_id: String::new(), unfinished: c.is_empty() };
            assert_eq!(naive_sse::parse(stream.as_bytes(), ""), expected, "{stream:?}");
            every_cut(stream.as_bytes(), "", true);
        }
    }
}

/// Checks every input of up to `length` tokens.
fn every_input(alphabet: &[&[u8]], length: u32) {
    let mut stream = Vec::new();
    for length in 0..=length {
        for number in 0..alphabet.len().pow(length) {
            stream.clear();
            let mut digits = number;
            for _ in 0..length {
                stream.extend_from_slice(alphabet[digits % alphabet.len()]);
                digits /= alphabet.len();
            }
            every_cut(&stream, "0", length < 4);
        }
    }
}

/// Checks a stream whole and byte by byte, and, if `cuts`, cut at every one and two places.
fn every_cut(stream: &[u8], before: &str, cuts: bool) {
    let expected = naive_sse::parse(stream, before);
    let new = || Parser::new().with_last_event_id(before);
    let check = |chunks: &[&[u8]]| {
        let (outcome, errors) = outcome(new(), chunks.iter().copied());
        assert!(
            outcome == expected && errors.is_empty(),
            "{:?}\n{outcome:#?}\n{errors:?}\n{expected:#?}",
            show(chunks)
        );
    };
    check(&[stream]);
    check(&stream.chunks(1).collect::<Vec<_>>());
    if cuts {
        assert_eq!(outcome_owned(new(), stream.chunks(3)), (expected.clone(), vec![]), "{:?}", show(&[stream]));
        for first in 0..=stream.len() {
            (first..=stream.len()).for_each(|second| check(&cut(stream, &[first, second])));
        }
    }
}

fn show(chunks: &[&[u8]]) -> Vec<String> {
    chunks.iter().map(|chunk| chunk.escape_ascii().to_string()).collect()
}
