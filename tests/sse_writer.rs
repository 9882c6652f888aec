//! Events written field by field: the bytes, what cannot break out, and that a failing caller leaves nothing behind.

use std::fmt::Error as Refused;
use std::time::Duration;

use proptest::prelude::*;
use tidewire_core::sse::{Event, EventWriter, Message, NameError, Parser};

#[test]
fn fields_stand_in_the_order_of_the_calls() {
    let written = written(|event| {
        event.data("a");
        event.id("1")?;
        event.comment("inside");
        event.event("x")?;
        event.retry(Duration::from_secs(3));
        event.data("b");
        Ok(())
    });
    assert_eq!(written, "data: a\nid: 1\n:inside\nevent: x\nretry: 3000\ndata: b\n\n");
    let [Event::Comment(inside), Event::Retry(time), Event::Message(message)] = &read(&written)[..] else {
        panic!("{:?}", read(&written))
    };
    assert_eq!((&**inside, *time), ("inside", Duration::from_secs(3)));
    assert_eq!((message.own_id(), message.raw_event_type(), message.data()), (Some("1"), Some("x"), "a\nb"));
}

#[test]
fn each_line_of_a_value_is_a_field() {
    for (data, expected) in [
        ("", "data: \n\n"),
        ("one\ntwo\r\nthree\rfour", "data: one\ndata: two\ndata: three\ndata: four\n\n"),
        ("ends\n", "data: ends\ndata: \n\n"),
        ("a\n\nevent: admin", "data: a\ndata: \ndata: event: admin\n\n"),
    ] {
        let mut out = Vec::new();
        let mut event = EventWriter::new(&mut out);
        event.data(data);
        event.commit();
        assert_eq!(text(&out), expected);
    }
    for (comment, expected) in [
        ("", ":\n\n"),
        (" text", ": text\n\n"),
        ("ping\r\npong", ":ping\n:pong\n\n"),
        ("a\nb\rc\r\nd", ":a\n:b\n:c\n:d\n\n"),
        ("keepalive\n\ndata: forged", ":keepalive\n:\n:data: forged\n\n"),
    ] {
        assert_eq!(commented(comment), expected);
    }
}

#[test]
fn fields_of_ones_own_cannot_leave_their_line() {
    assert_eq!(written(|event| event.field("", "")), ": \n\n");
    assert_eq!(written(|event| event.field("name", "value")), "name: value\n\n");
    assert_eq!(written(|event| event.field("na:me\r\ndata", "a\rb")), "na=me  data: a\nna=me  data: b\n\n");
    assert_eq!(written(|event| event.field("data", "a\nb")), "data: a\ndata: b\n\n");
    assert_eq!(written(|event| event.field("id", "7")), "id: 7\n\n");
    for name in ["id", "event"] {
        let mut out = Vec::new();
        assert!(EventWriter::new(&mut out).field(name, "a\nb").is_err());
        assert_eq!(text(&out), "");
    }
}

#[test]
fn id_or_event_type_that_would_end_a_line_is_refused_and_not_written() {
    for value in ["1\n", "1\r", "1\r\n", "1\0", "abc\ndef", "1\n\nevent: admin\ndata: pwned"] {
        let mut out = b"as it was".to_vec();
        let refused = EventWriter::compose(&mut out, |event| {
            event.data("before");
            event.id(value)
        });
        assert_eq!(refused.unwrap_err().position(), value.find(['\n', '\r', '\0']));
        let refused = EventWriter::compose(&mut out, |event| {
            event.data("before");
            event.event(value)
        });
        assert!(refused.is_err(), "{value:?}");
        assert_eq!(text(&out), "as it was");

        // A caller that goes on all the same has written the rest.
        EventWriter::compose(&mut out, |event| {
            assert!(event.id(value).is_err());
            assert!(event.event(value).is_err());
            event.data("after");
            Ok::<(), NameError>(())
        })
        .unwrap();
        assert_eq!(text(&out), "as it wasdata: after\n\n");
    }
    assert!(EventWriter::new(&mut Vec::new()).event("").is_err(), "it would read as none");
    assert_eq!(written(|event| event.id("")), "id: \n\n");
}

#[test]
fn caller_that_fails_leaves_nothing_written() {
    let mut out = b"data: first\n\n".to_vec();
    let failed = EventWriter::compose(&mut out, |event| {
        event.data("half");
        event.comment("of it");
        Err(Refused)
    });
    assert_eq!((failed, text(&out)), (Err(Refused), "data: first\n\n".into()));

    let mut event = EventWriter::new(&mut out);
    event.data("dropped");
    assert_eq!(event.len(), "data: dropped\n".len());
    drop(event);
    assert_eq!(text(&out), "data: first\n\n");

    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        EventWriter::compose(&mut out, |event| {
            event.data("half");
            if event.len() > 1 { panic!("in the caller") } else { Err(Refused) }
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(text(&out), "data: first\n\n");
}

#[test]
fn event_without_a_field_is_nothing() {
    let mut out = b"x".to_vec();
    assert!(EventWriter::new(&mut out).is_empty());
    assert_eq!(EventWriter::new(&mut out).commit(), 0);
    assert_eq!(text(&out), "x");
    let mut event = EventWriter::new(&mut out);
    event.id("7").unwrap();
    assert_eq!((event.commit(), text(&out)), (7, "xid: 7\n\n".into()));
}

#[derive(Clone, Debug)]
enum Call {
    Event(String),
    Id(String),
    Data(String),
    Retry(u32),
    Comment(String),
}

fn call() -> impl Strategy<Value = Call> {
    let value = || r"[a-c:\r\n\x00 ]{0,8}";
    prop_oneof![
        value().prop_map(Call::Event),
        value().prop_map(Call::Id),
        value().prop_map(Call::Data),
        any::<u32>().prop_map(Call::Retry),
        value().prop_map(Call::Comment),
    ]
}

proptest! {
    #[test]
    fn any_calls_make_one_block_that_reads_as_what_was_said(calls in prop::collection::vec(call(), 0..8)) {
        let mut out = b"data: before\n\n".to_vec();
        let (mut name, mut id, mut data) = (None, None, None::<String>);
        let (mut comments, mut retries) = (Vec::new(), Vec::new());
        let mut event = EventWriter::new(&mut out);
        for call in &calls {
            match call {
                Call::Event(value) => {
                    if event.event(value).is_ok() {
                        name = Some(value.clone());
                    }
                }
                Call::Id(value) => {
                    if event.id(value).is_ok() {
                        id = Some(value.clone());
                    }
                }
                Call::Data(value) => {
                    event.data(value);
                    let clean = value.replace("\r\n", "\n").replace('\r', "\n");
                    data = Some(data.map_or(clean.clone(), |data| data + "\n" + &clean));
                }
                Call::Retry(millis) => {
                    event.retry(Duration::from_millis((*millis).into()));
                    retries.push(Event::Retry(Duration::from_millis((*millis).into())));
                }
                Call::Comment(value) => {
                    event.comment(value);
                    let clean = value.replace("\r\n", "\n").replace('\r', "\n");
                    comments.extend(clean.split('\n').map(|line| Event::Comment(line.into())));
                }
            }
        }
        event.commit();
        out.extend_from_slice(b"data: after\n\n");
        let read = read(&text(&out));
        let messages: Vec<&Message> = read.iter().filter_map(|event| match event {
            Event::Message(message) => Some(message),
            _ => None,
        }).collect();
        prop_assert_eq!(messages.len(), 2 + usize::from(data.is_some()));
        if let Some(data) = data {
            prop_assert_eq!(messages[1].data(), data);
            prop_assert_eq!(messages[1].own_id(), id.as_deref());
            prop_assert_eq!(messages[1].raw_event_type(), name.as_deref());
        }
        let of = |wanted: fn(&&Event) -> bool| read.iter().filter(wanted).cloned().collect::<Vec<_>>();
        prop_assert_eq!(of(|event| matches!(event, Event::Comment(_))), comments);
        prop_assert_eq!(of(|event| matches!(event, Event::Retry(_))), retries);
    }
}

fn written(fill: impl FnOnce(&mut EventWriter<'_>) -> Result<(), NameError>) -> String {
    let mut out = Vec::new();
    EventWriter::compose(&mut out, |event| fill(event)).expect("it can be written");
    text(&out)
}

fn commented(comment: &str) -> String {
    let mut out = Vec::new();
    let mut event = EventWriter::new(&mut out);
    event.comment(comment);
    event.commit();
    text(&out)
}

fn read(stream: &str) -> Vec<Event> {
    Parser::new().feed(stream.as_bytes()).owned().map(|event| event.expect("within limits")).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}
