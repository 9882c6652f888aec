//! The parser against itself: cuts change nothing, limits hold exactly, memory stays where it should.

use std::time::Duration;

use proptest::prelude::*;
use tidewire_core::sse::{End, Error, Event, Item, Limits, Message, Parser};

/// What a stream gave: everything that can be seen of each item, and the end.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    items: Vec<Result<Seen, Error>>,
    last_event_id: String,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Message { event_type: Option<String>, own_id: Option<String>, last_event_id: String, data: String },
    Comment(String),
    Retry(Duration),
}

impl From<Item<'_>> for Seen {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Message(message) => Self::Message {
                event_type: message.raw_event_type().map(str::to_owned),
                own_id: message.own_id().map(str::to_owned),
                last_event_id: message.last_event_id().to_owned(),
                data: message.data().to_owned(),
            },
            Item::Comment(text) => Self::Comment(text.to_owned()),
            Item::Retry(time) => Self::Retry(time),
        }
    }
}

fn parse<'a>(mut parser: Parser, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut items = Vec::new();
    for chunk in chunks {
        let mut events = parser.feed(chunk);
        while let Some(item) = events.next() {
            items.push(item.map(Seen::from));
        }
        assert!(events.rest().is_empty());
    }
    let end = parser.finish();
    Outcome { items, last_event_id: parser.last_event_id().to_owned(), end }
}

/// Parses item by item, feeding what is left again, as a reader with a buffer does.
fn parse_by_rest(mut parser: Parser, stream: &[u8]) -> Outcome {
    let (mut items, mut rest) = (Vec::new(), stream);
    loop {
        let mut events = parser.feed(rest);
        let Some(item) = events.next() else { break };
        items.push(item.map(Seen::from));
        rest = events.rest();
    }
    let end = parser.finish();
    Outcome { items, last_event_id: parser.last_event_id().to_owned(), end }
}

fn cut<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect()
}

/// Pieces of streams that meet all rules often.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"\n".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        2 => Just(b"\n\n".to_vec()),
        6 => Just(b"data: some text\n".to_vec()),
        2 => Just(b"data: [DONE]\n\n".to_vec()),
        2 => Just(b"data:".to_vec()),
        1 => Just(b"data".to_vec()),
        2 => Just(b"event: name\n".to_vec()),
        1 => Just(b"event:".to_vec()),
        2 => Just(b"id: 7\n".to_vec()),
        1 => Just(b"id".to_vec()),
        1 => Just(b"retry: 30".to_vec()),
        1 => Just(b":".to_vec()),
        1 => Just(b": hi\r\n".to_vec()),
        1 => Just(b"unknown: x".to_vec()),
        1 => Just("\u{feff}".as_bytes().to_vec()),
        1 => Just("zwölf €, 🌊".as_bytes().to_vec()),
        1 => Just("🌊".repeat(40).into_bytes()),
        1 => Just(b"\xf0\x9f\x8c".to_vec()),
        1 => Just(b"\0".to_vec()),
        1 => Just(b" ".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn parsers() -> impl Strategy<Value = (bool, usize, usize)> {
    let limit = prop_oneof![2 => Just(1 << 20), 1 => 1usize..60];
    (any::<bool>(), limit.clone(), limit)
}

fn parser((strict, max_line, max_event): (bool, usize, usize)) -> Parser {
    let mut limits = Limits::default();
    (limits.max_line, limits.max_event) = (max_line, max_event);
    let parser = Parser::with_limits(limits).with_last_event_id("before");
    if strict { parser.strict() } else { parser }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn cuts_change_nothing(stream in stream(), config in parsers(), cuts in prop::collection::vec(any::<usize>(), 0..8)) {
        let whole = parse(parser(config), [&stream[..]]);
        prop_assert_eq!(&parse(parser(config), cut(&stream, &cuts)), &whole);
        prop_assert_eq!(&parse(parser(config), stream.chunks(1)), &whole);
        prop_assert_eq!(&parse_by_rest(parser(config), &stream), &whole);
    }

    #[test]
    fn strict_parser_gives_the_events_of_a_lenient_one(stream in stream()) {
        let lenient = parse(Parser::new(), [&stream[..]]);
        let mut strict = parse(Parser::new().strict(), [&stream[..]]);
        strict.items.retain(Result::is_ok);
        prop_assert_eq!(strict, lenient);
    }

    #[test]
    fn invalid_utf8_is_replaced_as_in_the_whole_stream(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<usize>()) {
        let value: Vec<u8> = bytes.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        let stream = [b"data: ", &value[..], b"\n\n"].concat();
        let expected = String::from_utf8_lossy(&value).into_owned();
        for chunks in [cut(&stream, &[]), cut(&stream, &[at])] {
            let outcome = parse(Parser::new(), chunks);
            let Some(Ok(Seen::Message { data, .. })) = outcome.items.first() else { panic!("a message") };
            prop_assert_eq!(data, &expected);
        }
    }
}

#[test]
fn line_as_long_as_the_limit_is_taken_and_one_byte_more_is_not() {
    for head in ["data: ", "data:", "event: ", "id: ", ":", "unknown: ", "retry: "] {
        for (length, is_taken) in [(99, true), (100, true), (101, false)] {
            let line = head.to_owned() + &"1".repeat(length - head.len());
            for end in ["\n\n", "\r\r", "\r\n\r\n"] {
                let stream = line.clone() + end;
                for chunks in [stream.as_bytes().chunks(1), stream.as_bytes().chunks(7), stream.as_bytes().chunks(200)]
                {
                    let outcome = parse(parser((false, 100, 1000)), chunks);
                    let error = outcome.items.iter().find_map(|item| item.as_ref().err());
                    assert_eq!(error, (!is_taken).then_some(&Error::LineTooLong { limit: 100 }), "{stream:?}");
                }
            }
        }
    }
}

#[test]
fn event_as_large_as_the_limit_is_taken_and_one_byte_more_is_not() {
    // Data lines count with their line ends, so that empty ones count; type and id count too.
    let forms: [fn(usize) -> String; 5] = [
        |size| format!("data: {}\n\n", "x".repeat(size - 1)),
        |size| "data\n".repeat(size) + "\n",
        |size| "data:\r\n".repeat(size - 4) + "id: 12\nevent: ab\n\n",
        |size| format!("event: ab\nid: 12\ndata: {}\n\n", "x".repeat(size - 5)),
        |size| format!("data: 123456789\nevent: {}\n\n", "x".repeat(size - 10)),
    ];
    for form in forms {
        for (size, is_taken) in [(49, true), (50, true), (51, false)] {
            let stream = form(size);
            for step in [1, 7, 1000] {
                let outcome = parse(parser((false, 1000, 50)), stream.as_bytes().chunks(step));
                let expected = (!is_taken).then_some(&Error::EventTooLong { limit: 50 });
                assert_eq!(outcome.items.iter().find_map(|item| item.as_ref().err()), expected, "{stream:?} by {step}");
                assert_eq!(outcome.items.len(), 1, "{stream:?} by {step}");
            }
        }
    }
}

#[test]
fn nothing_comes_of_a_stream_behind_a_limit_and_a_new_stream_is_read() {
    let mut parser = parser((false, 10, 1000));
    let mut events = parser.feed(b"id: 1\n\ndata: too long a line\n\ndata: x\n\n");
    assert_eq!(events.next(), Some(Err(Error::LineTooLong { limit: 10 })));
    assert_eq!(events.next(), None);
    assert_eq!(events.rest(), b"");
    assert_eq!(parser.feed(b"\n\ndata: x\n\n").next(), None);
    assert_eq!(parser.finish(), End::MidEvent);
    assert_eq!(parser.last_event_id(), "1");
    assert_eq!(parser.feed(b"data: x\n\n").owned().count(), 1);
}

#[test]
fn errors_say_which_limit_and_what_to_do() {
    let line = Error::LineTooLong { limit: 10 }.to_string();
    assert!(line.contains("10 bytes") && line.contains("`max_line`"), "{line}");
    let event = Error::EventTooLong { limit: 20 }.to_string();
    assert!(event.contains("20 bytes") && event.contains("`max_event`"), "{event}");
}

#[test]
fn endless_lines_end_at_the_limit_and_are_given_back() {
    for head in ["data: ", "event: ", "id: ", ":", "unknown: ", "retry: 1"] {
        let mut parser = parser((false, 1 << 20, 1 << 20));
        parser.feed(head.as_bytes()).owned().for_each(drop);
        let (mut errors, mut most) = (0, 0);
        for _ in 0..100 {
            errors += parser.feed(&[b'1'; 16 << 10]).owned().filter(Result::is_err).count();
            most = most.max(parser.allocated());
        }
        assert_eq!(errors, 1, "{head:?}");
        assert!(most <= (1 << 20) + 1024, "{head:?}: {most} bytes");
        assert!(parser.allocated() <= 1024, "{head:?}: {} bytes", parser.allocated());
    }
}

#[test]
fn endless_data_lines_end_at_the_limit_even_empty_ones() {
    for lines in [&b"data\n"[..], b"data:\r\n", b"data: some text\n"] {
        let mut parser = parser((false, 1 << 20, 1 << 16));
        let (mut errors, mut most) = (0, 0);
        for _ in 0..100 {
            errors += parser.feed(&lines.repeat(1000)).owned().filter(Result::is_err).count();
            most = most.max(parser.allocated());
        }
        assert_eq!(errors, 1);
        assert!(most <= (1 << 16) + 1024, "{most} bytes");
    }
}

#[test]
fn flood_of_comments_costs_no_memory() {
    let mut parser = Parser::new();
    let flood = b": comment of some length\r\n:\n".repeat(1000);
    for step in [1, 13, flood.len()] {
        let comments: usize = flood.chunks(step).map(|chunk| parser.feed(chunk).owned().count()).sum();
        assert_eq!(comments, 2000);
        assert!(parser.allocated() <= 1 << 10, "{} bytes", parser.allocated());
    }
}

#[test]
fn flood_of_retries_unknown_fields_and_empty_lines_costs_no_memory() {
    let mut parser = Parser::new();
    let flood = b"retry: 5\ncolor: blue\n\nevent: x\n\nid: 1\n\n".repeat(1000);
    for step in [1, 13, flood.len()] {
        flood.chunks(step).for_each(|chunk| parser.feed(chunk).owned().for_each(drop));
        assert!(parser.allocated() <= 1 << 10, "{} bytes", parser.allocated());
    }
}

#[test]
fn small_event_does_not_carry_the_buffer_of_a_large_one() {
    let large = format!("data: {}\ndata: end\n\n", "x".repeat(4 << 20));
    let mut parser = Parser::new();
    large.as_bytes().chunks(16 << 10).for_each(|chunk| parser.feed(chunk).owned().for_each(drop));
    for _ in 0..2 {
        parser.feed(b"data: small\n\n").owned().for_each(drop);
    }
    assert!(parser.allocated() <= 64 << 10, "{} bytes", parser.allocated());
}

#[test]
fn line_of_16_mib_byte_by_byte_takes_linear_time() {
    const LENGTH: usize = 16 << 20;
    let mut limits = Limits::default();
    (limits.max_line, limits.max_event) = (LENGTH + 6, LENGTH + 1);
    let mut parser = Parser::with_limits(limits);
    parser.feed(b"data: ").owned().for_each(drop);
    for _ in 0..LENGTH {
        assert!(parser.feed(b"x").next().is_none());
    }
    let events: Vec<_> = parser.feed(b"\n\n").owned().collect();
    assert!(matches!(&events[..], [Ok(Event::Message(message))] if message.data().len() == LENGTH));
}

#[test]
fn many_short_lines_of_one_event_take_linear_time() {
    let mut parser = Parser::new();
    let chunk = b"data: x\n".repeat(1000);
    for _ in 0..1000 {
        assert!(parser.feed(&chunk).next().is_none());
    }
    let events: Vec<_> = parser.feed(b"\n").owned().collect();
    assert!(matches!(&events[..], [Ok(Event::Message(message))] if message.data().len() == 1_999_999));
}

#[test]
fn lent_message_can_be_kept() {
    let mut parser = Parser::new();
    let mut kept: Vec<Message> = Vec::new();
    for chunk in [&b"id: 1\nevent: a\ndata: x\n\nda"[..], b"ta: y\n\n"] {
        let mut events = parser.feed(chunk);
        while let Some(item) = events.next() {
            if let Ok(Item::Message(message)) = item {
                kept.push(message.to_owned());
            }
        }
    }
    assert_eq!((kept[0].event_type(), kept[0].own_id(), kept[0].data()), ("a", Some("1"), "x"));
    assert_eq!((kept[1].event_type(), kept[1].own_id(), kept[1].data()), ("message", None, "y"));
    assert_eq!(kept[1].last_event_id(), "1");
}
