//! All short inputs over alphabets that reach every part of the grammar: the parser agrees with the naive one, however they are cut.

use tidewire_core::sse::{Error, Limits, Parser};
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

/// An event is too long when type, id and data, with one for each data line, are more than the limit; wherever it is cut.
#[test]
fn limit_of_an_event_holds_for_all_its_shapes() {
    const MAX_EVENT: usize = 9;
    let mut limits = Limits::default();
    limits.max_event = MAX_EVENT;
    let shapes = (0..6).flat_map(|event| (0..6).map(move |id| (event, id))).flat_map(|(event, id)| {
        let data = [None].into_iter().chain((0..12).map(Some));
        data.map(move |data| (event, id, data))
    });
    for (event, id, data) in shapes {
        let field = |name: &str, length: Option<usize>| match length {
            Some(length) => format!("{name}: {}\n", "x".repeat(length)),
            None => String::new(),
        };
        let [event_line, id_line] = [field("event", Some(event)), field("id", Some(id))];
        for head in [format!("{event_line}{id_line}"), format!("{id_line}{event_line}")] {
            for ends in ["\n", "\r\n"] {
                let stream = format!("{head}{}\n", field("data", data)).replace('\n', ends);
                let too_long = event + id + data.map_or(0, |data| data + 1) > MAX_EVENT;
                let expected = if too_long { vec![Error::EventTooLong { limit: MAX_EVENT }] } else { vec![] };
                told_at_once(&limits, stream.as_bytes());
                for cuts in (0..=stream.len()).map(|at| vec![at]).chain([(0..stream.len()).collect()]) {
                    let chunks = cut(stream.as_bytes(), &cuts);
                    let (outcome, errors) = outcome(Parser::with_limits(limits.clone()), chunks);
                    assert_eq!(errors, expected, "{stream:?} cut at {cuts:?}");
                    assert_eq!(
                        outcome.events.len(),
                        usize::from(!too_long && data.is_some()),
                        "{stream:?} cut at {cuts:?}"
                    );
                }
            }
        }
    }
}

/// A line is too long when it is longer than the limit without its end; wherever it is cut, and whatever it is.
#[test]
fn limit_of_a_line_holds_for_all_its_kinds() {
    const MAX_LINE: usize = 12;
    let mut limits = Limits::default();
    limits.max_line = MAX_LINE;
    for head in ["data: ", "data:", "event: ", "id: ", "id:", ":", ": ", "retry: ", "unknown: ", "unknown"] {
        for (length, ends) in
            (head.len()..MAX_LINE + 4).flat_map(|length| ["\n", "\r", "\r\n"].map(|ends| (length, ends)))
        {
            let line = format!("{head:1<length$}");
            for before in ["", "event: x\n", "data: x\n", "id: x\n", ":x\n"] {
                let stream = format!("{before}{line}{ends}\n:end\n");
                let too_long = length > MAX_LINE;
                let expected = if too_long { vec![Error::LineTooLong { limit: MAX_LINE }] } else { vec![] };
                told_at_once(&limits, stream.as_bytes());
                for cuts in (0..=stream.len()).map(|at| vec![at]).chain([(0..stream.len()).collect()]) {
                    let (outcome, errors) = outcome(Parser::with_limits(limits.clone()), cut(stream.as_bytes(), &cuts));
                    assert_eq!(errors, expected, "{stream:?} cut at {cuts:?}");
                    assert_eq!(
                        outcome.events.last() == Some(&Told::Comment("end".into())),
                        !too_long,
                        "{stream:?} cut at {cuts:?}"
                    );
                }
            }
        }
    }
}

/// Of two limits that a line breaks, the one is told that its bytes reach first, the line's if both at once; wherever it is cut.
#[test]
fn limit_that_is_reached_first_is_told() {
    let befores = [("", ""), ("data", "data: xx\n"), ("event", "event: xx\n"), ("id", "id: xx\n")];
    for (max_line, max_event) in (9..14).flat_map(|line| (3..9).map(move |event| (line, event))) {
        let mut limits = Limits::default();
        (limits.max_line, limits.max_event) = (max_line, max_event);
        for (name, head) in
            [("data", "data: "), ("event", "event:"), ("id", "id: "), ("", ":"), ("retry", "retry: "), ("", "unknown")]
        {
            for (before_name, before) in befores {
                for length in head.len()..max_line + 4 {
                    let pending = match before_name {
                        "data" => 3,
                        before if before == name => 0,
                        _ => before.len().min(2),
                    };
                    let room = max_event - pending;
                    // The byte of the line, from 1, that is one too many; the line's end counts for data.
                    let line_at = (length > max_line).then_some(max_line + 1);
                    let value = length - head.len() + usize::from(name == "data");
                    let event_at =
                        (["data", "event", "id"].contains(&name) && value > room).then_some(head.len() + room + 1);
                    let expected = match (line_at, event_at) {
                        (Some(line), Some(event)) if event < line => vec![Error::EventTooLong { limit: max_event }],
                        (Some(_), _) => vec![Error::LineTooLong { limit: max_line }],
                        (None, Some(_)) => vec![Error::EventTooLong { limit: max_event }],
                        (None, None) => vec![],
                    };
                    let stream = format!("{before}{head:1<length$}\n\n");
                    for cuts in (before.len()..stream.len()).map(|at| vec![at]).chain([(0..stream.len()).collect()]) {
                        let chunks = cut(stream.as_bytes(), &cuts);
                        let (_, errors) = outcome(Parser::with_limits(limits.clone()), chunks);
                        assert_eq!(errors, expected, "{stream:?} cut at {cuts:?}, {limits:?}");
                    }
                    let (_, errors) = outcome(Parser::with_limits(limits.clone()), [stream.as_bytes()]);
                    assert_eq!(errors, expected, "{stream:?}, {limits:?}");
                }
            }
        }
    }
}

/// Whether a limit is reached shows at the byte that reaches it, also when the chunk has more before it.
fn told_at_once(limits: &Limits, stream: &[u8]) {
    for at in 0..stream.len() {
        let begun = &stream[..at];
        let whole = outcome(Parser::with_limits(limits.clone()), [begun]);
        assert_eq!(whole, outcome(Parser::with_limits(limits.clone()), begun.chunks(1)), "{:?}", show(&[begun]));
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
