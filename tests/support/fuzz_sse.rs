//! Fuzz bodies of the SSE parser and the serializer.

use std::time::Duration;

use tidewire_core::sse::{
    Error, Event, EventId, EventName, Fields, Item, Limits, Message, NameError, Parser, encode, encode_comment,
    encoded_comment_len, encoded_len,
};

use crate::sse::{outcome, outcome_owned};
use crate::{fuzz, naive_sse};

/// The parser against the naive one. The input's first line gives the lengths of the chunks ([`fuzz::chunks`]).
pub fn parser(input: &[u8]) {
    let (lengths, stream) = fuzz::split_line(input);
    let chunks = || fuzz::chunks(stream, lengths);
    let naive = naive_sse::parse(stream, "before");

    let new = || Parser::new().with_last_event_id("before");
    assert_eq!(outcome(new(), chunks()), (naive.clone(), vec![]), "lending");
    assert_eq!(outcome_owned(new(), chunks()), (naive.clone(), vec![]), "owned");
    let (strict, errors) = outcome(new().strict(), chunks());
    assert_eq!(strict, naive, "strict");
    assert!(errors.iter().all(|error| !error.is_fatal()), "{errors:?}");
    assert_eq!(outcome(new().strict(), [stream]), (strict, errors), "strict, whole");

    // Limits that such inputs reach, and the same answer whatever the cuts.
    for (max_line, max_event) in [(20, 1000), (1000, 12), (16, 16)] {
        let mut limits = Limits::default();
        (limits.max_line, limits.max_event) = (max_line, max_event);
        let whole = outcome(Parser::with_limits(limits.clone()), [stream]);
        assert_eq!(outcome(Parser::with_limits(limits), chunks()), whole, "max_line {max_line}, max_event {max_event}");
        assert!(whole.1.len() <= 1, "a limit is told once");
    }
}

/// What can be composed reads as what it was. The input is text, its records separated by `|`; a record's first character says what it
/// is: `=` a message with this data, `+` more data, `@` event type, `#` id, `:` a comment, `~` a reconnection time.
pub fn round_trip(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut events = Vec::new();
    for record in text.split('|') {
        let mut chars = record.chars();
        let (kind, rest) = (chars.next(), chars.as_str());
        let message = match events.last_mut() {
            Some(Event::Message(message)) => Some(message),
            _ => None,
        };
        match (kind, message) {
            (Some('='), _) => events.push(Event::Message(Message::new(rest))),
            (Some('+'), Some(message)) => message.push_data(rest),
            (Some('@'), Some(message)) => match EventName::new(rest) {
                Ok(name) => message.set_event(name),
                Err(error) => check_refusal(rest, error),
            },
            (Some('#'), Some(message)) => match EventId::new(rest) {
                Ok(id) => message.set_id(id),
                Err(error) => check_refusal(rest, error),
            },
            (Some(':'), _) => events.push(Event::Comment(rest.into())),
            (Some('~'), _) => events.push(Event::Retry(Duration::from_millis(rest.parse().unwrap_or(u64::MAX)))),
            _ => {}
        }
    }

    let mut out = Vec::new();
    for event in &events {
        let before = out.len();
        event.encode(&mut out);
        let len = match event {
            Event::Message(message) => encoded_len(message.as_ref(), None),
            Event::Comment(text) => encoded_comment_len(text),
            _ => continue,
        };
        assert_eq!(out.len() - before, len, "the size hint is exact");
    }
    let expected: Vec<_> = events.iter().flat_map(lines_of_comment).collect();
    let read: Vec<_> = Parser::new().feed(&out).owned().collect::<Result<_, Error>>().expect("nothing is too long");
    assert_eq!(read, expected);

    for event in &events {
        if let Event::Message(message) = event {
            parts_and_dump(message);
        }
    }
}

/// A message in parts is encoded as one in a whole, and its readable form reads as itself.
fn parts_and_dump(message: &Message) {
    let retry = Some(Duration::from_secs(3));
    let mut whole = Vec::new();
    encode(message.as_ref(), retry, &mut whole);
    assert_eq!(encoded_len(message.as_ref(), retry), whole.len());

    let id = message.own_id().map(|id| EventId::new(id).expect("was one"));
    let event = message.raw_event_type().map(|name| EventName::new(name).expect("was one"));
    let fields = Fields { id: id.as_ref(), event: event.as_ref(), retry, data: message.data() };
    let mut parts = Vec::new();
    fields.encode(&mut parts);
    assert_eq!(parts, whole);
    assert_eq!(fields.encoded_len(), whole.len());

    let dump = message.to_string();
    let mut parser = Parser::new();
    let mut events = parser.feed(dump.as_bytes());
    let mut messages = 0;
    while let Some(item) = events.next() {
        match item.expect("nothing is too long") {
            Item::Message(read) => {
                assert_eq!(read, message.as_ref());
                messages += 1;
            }
            Item::Comment(text) => assert!([" {", " }"].contains(&text), "{text:?}"),
            Item::Retry(time) => panic!("no time was set: {time:?}"),
        }
    }
    assert_eq!(messages, 1);
}

fn check_refusal(text: &str, error: NameError) {
    match (error.character(), error.position()) {
        (Some(character), Some(at)) => {
            assert!(['\r', '\n', '\0'].contains(&character));
            assert!(text[at..].starts_with(character) && !text[..at].contains(['\r', '\n', '\0']));
        }
        _ => assert!(text.is_empty()),
    }
}

/// A comment of several lines reads as several comments.
fn lines_of_comment(event: &Event) -> Vec<Event> {
    let Event::Comment(text) = event else { return vec![event.clone()] };
    let mut out = Vec::new();
    encode_comment(text, &mut out);
    let normal = text.replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(out, normal.split('\n').flat_map(|line| [":", line, "\n"]).collect::<String>().into_bytes());
    normal.split('\n').map(|line| Event::Comment(line.into())).collect()
}
