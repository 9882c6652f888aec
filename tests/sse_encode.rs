//! What the serializer writes, byte for byte. (`sse_properties` has the round trips.)

use std::borrow::Cow;
use std::time::Duration;

use tidewire_core::sse::{
    Event, EventId, EventName, Fields, Item, Message, NameError, Parser, ToMessage, encode, encode_comment,
    encode_field, encode_retry, encoded_comment_len, encoded_len,
};

#[test]
fn fields_stand_in_order_and_absent_ones_are_not_written() {
    assert_eq!(fields(None, None, "aaa"), "data: aaa\n\n");
    assert_eq!(fields(None, Some("aaa"), "bbb"), "event: aaa\ndata: bbb\n\n");
    assert_eq!(fields(Some("aaa"), None, "bbb"), "id: aaa\ndata: bbb\n\n");
    assert_eq!(fields(Some("aaa"), Some("bbb"), "ccc"), "id: aaa\nevent: bbb\ndata: ccc\n\n");
    assert_eq!(fields(None, None, ""), "data: \n\n");

    let retry = Some(Duration::from_secs(3));
    let message = message(Some("aaa"), Some("bbb"), "ccc");
    let mut out = Vec::new();
    encode(message.as_ref(), retry, &mut out);
    assert_eq!(text(&out), "id: aaa\nevent: bbb\nretry: 3000\ndata: ccc\n\n");
    assert_eq!(encoded_len(message.as_ref(), retry), out.len());
}

#[test]
fn each_line_of_the_data_is_a_field() {
    assert_eq!(fields(None, None, "\nfirst"), "data: \ndata: first\n\n");
    assert_eq!(fields(None, None, "first\nsecond\nthird"), "data: first\ndata: second\ndata: third\n\n");
    assert_eq!(fields(None, None, "ends with newline\n"), "data: ends with newline\ndata: \n\n");
    assert_eq!(fields(None, None, "first\nends with newline\n"), "data: first\ndata: ends with newline\ndata: \n\n");
    assert_eq!(
        fields(None, None, "line one\nline two\r\nline three\rline four"),
        "data: line one\ndata: line two\ndata: line three\ndata: line four\n\n"
    );
    assert_eq!(fields(None, None, "\n\r\n\r\r"), "data: \n".repeat(5) + "\n");
    assert_eq!(fields(None, None, "\r\n"), "data: \ndata: \n\n");
    assert_eq!(fields(None, None, " a\u{85}b\u{2028}c\0\u{b}"), "data:  a\u{85}b\u{2028}c\0\u{b}\n\n");
}

#[test]
fn empty_id_is_written_and_an_absent_one_is_not() {
    assert_eq!(fields(Some(""), None, "x"), "id: \ndata: x\n\n");
    assert_eq!(fields(None, None, "x"), "data: x\n\n");
}

#[test]
fn type_message_is_written_when_it_was_set() {
    assert_eq!(fields(None, Some("message"), "x"), "event: message\ndata: x\n\n");
    assert_ne!(message(None, Some("message"), "x"), message(None, None, "x"));
}

#[test]
fn comment_is_a_line_for_each_of_its_lines() {
    for (comment, expected) in [
        ("hello", ":hello\n"),
        ("", ":\n"),
        ("ping\r\npong", ":ping\n:pong\n"),
        ("a\nb\rc\r\nd", ":a\n:b\n:c\n:d\n"),
        ("keepalive\n\ndata: forged", ":keepalive\n:\n:data: forged\n"),
        (" text", ": text\n"),
        ("\r", ":\n:\n"),
    ] {
        let mut out = Vec::new();
        encode_comment(comment, &mut out);
        assert_eq!(text(&out), expected);
        assert_eq!(encoded_comment_len(comment), out.len(), "{comment:?}");
    }
}

#[test]
fn reconnection_time_is_a_block_of_its_own_in_whole_milliseconds() {
    for (time, expected) in [
        (Duration::ZERO, "retry: 0\n\n"),
        (Duration::from_secs(3), "retry: 3000\n\n"),
        (Duration::from_millis(9), "retry: 9\n\n"),
        (Duration::from_millis(10), "retry: 10\n\n"),
        (Duration::from_nanos(1), "retry: 1\n\n"),
        (Duration::from_micros(1001), "retry: 2\n\n"),
        (Duration::from_millis(u64::MAX), "retry: 18446744073709551615\n\n"),
        (Duration::MAX, "retry: 18446744073709551615\n\n"),
    ] {
        let mut out = Vec::new();
        encode_retry(time, &mut out);
        assert_eq!(text(&out), expected);
        let fields = Fields { retry: Some(time), ..Fields::default() };
        out.clear();
        fields.encode(&mut out);
        assert_eq!(fields.encoded_len(), out.len(), "{time:?}");
    }
}

#[test]
fn batch_is_one_buffer() {
    let mut out = b"before ".to_vec();
    Item::Comment("hi").encode(&mut out);
    Event::Message(message(Some("1"), None, "a")).encode(&mut out);
    Item::Message(message(None, None, "b").as_ref()).encode(&mut out);
    Item::Retry(Duration::from_millis(5)).encode(&mut out);
    Event::Retry(Duration::from_millis(6)).encode(&mut out);
    Event::Comment("end".into()).encode(&mut out);
    assert_eq!(text(&out), "before :hi\nid: 1\ndata: a\n\ndata: b\n\nretry: 5\n\nretry: 6\n\n:end\n");
}

#[test]
fn message_of_one_line_takes_one_allocation() {
    let data = "x".repeat(246);
    for message in
        [message(None, None, &data), message(Some("17"), Some("delta"), &data), message(Some(""), Some("x"), "")]
    {
        for retry in [None, Some(Duration::from_secs(3))] {
            let mut out = Vec::new();
            encode(message.as_ref(), retry, &mut out);
            assert_eq!((out.len(), out.capacity()), (out.len(), encoded_len(message.as_ref(), retry)), "{message:?}");
        }
    }
    let mut out = Vec::new();
    encode_comment(&data, &mut out);
    assert_eq!(out.capacity(), encoded_comment_len(&data));
}

#[test]
fn hint_is_enough_for_many_lines() {
    let message = message(Some("17"), None, &"line\n".repeat(100));
    let mut out = Vec::with_capacity(encoded_len(message.as_ref(), None));
    let capacity = out.capacity();
    encode(message.as_ref(), None, &mut out);
    assert_eq!((out.len(), out.capacity()), (capacity, capacity));
}

#[test]
fn any_field_can_be_written_and_none_breaks_out() {
    for (name, value, expected) in [
        ("", "", ": \n"),
        ("name", "value", "name: value\n"),
        ("data", "a\nb\rc\r\nd", "data: a\ndata: b\ndata: c\ndata: d\n"),
        ("event", "x\n\ndata: y", "event: x\nevent: \nevent: data: y\n"),
        ("a\nb\rc:d", "x", "a b c=d: x\n"),
    ] {
        let mut out = Vec::new();
        encode_field(name, value, &mut out);
        assert_eq!(text(&out), expected);
    }
}

#[test]
fn names_that_inject_are_refused() {
    for name in ["update\n\nevent: admin", "a\rb", "a\r\n", "\n", "\0"] {
        assert!(EventName::new(name).is_err(), "{name:?}");
    }
    for id in ["1\n", "1\r", "1\r\n", "1\n\nevent: admin\ndata: pwned", "abc\ndef", "a\0"] {
        assert!(EventId::new(id).is_err(), "{id:?}");
        let mut out = b"as it was".to_vec();
        assert!(Note { id: Some(id), event: None, data: "x" }.encode_to(&mut out).is_err());
        assert!(Note { id: None, event: Some(id), data: "x" }.encode_to(&mut out).is_err());
        assert_eq!(text(&out), "as it was", "nothing is written");
    }
    assert!(EventName::new("").is_err());
}

#[test]
fn anything_with_id_name_and_data_can_be_published() {
    for (id, event, data) in [(Some("7"), Some("tick"), "a\r\nb"), (None, None, ""), (Some(""), Some("x"), "\n")] {
        let note = Note { id, event, data };
        let (mut written, mut expected) = (Vec::new(), Vec::new());
        note.encode_to(&mut written).unwrap();
        encode(message(id, event, data).as_ref(), None, &mut expected);
        assert_eq!(text(&written), text(&expected));
        assert_eq!(note.to_message(), Ok(message(id, event, data)));
        assert_eq!(<&Note>::to_message(&&note), Ok(message(id, event, data)), "by reference, too");
        written.clear();
        <&Note>::encode_to(&&note, &mut written).unwrap();
        assert_eq!(text(&written), text(&expected));
    }
    let empty_name = Note { id: None, event: Some(""), data: "x" };
    assert_eq!(empty_name.to_message(), Ok(Message::new("x")), "an empty event type is none");
}

#[test]
fn texts_and_messages_can_be_published() {
    let mut out = Vec::new();
    "a".encode_to(&mut out).unwrap();
    String::from("b\nc").encode_to(&mut out).unwrap();
    let full = message(Some("1"), Some("x"), "d");
    full.encode_to(&mut out).unwrap();
    full.as_ref().encode_to(&mut out).unwrap();
    assert_eq!(text(&out), "data: a\n\ndata: b\ndata: c\n\nid: 1\nevent: x\ndata: d\n\nid: 1\nevent: x\ndata: d\n\n");
    assert_eq!(ToMessage::to_message(&full), Ok(full.clone()));
    assert_eq!(full.as_ref().to_message(), Ok(full.clone()));
    assert_eq!("a".to_message(), Ok(Message::new("a")));
    // By the trait alone, as generic code sees it.
    fn parts(message: &impl ToMessage) -> (Option<&str>, Option<&str>, Cow<'_, str>) {
        (message.own_id(), message.raw_event_type(), message.data())
    }
    for parts in [parts(&full), parts(&full.as_ref()), parts(&&full)] {
        assert_eq!(parts, (Some("1"), Some("x"), "d".into()));
    }
    assert_eq!(parts(&String::from("s")), (None, None, "s".into()));
}

#[test]
fn what_a_parser_gave_can_be_published_though_its_type_has_a_nul() {
    let mut parser = Parser::new();
    let mut events = parser.feed(b"event: a\0b\ndata: x\n\n");
    let Some(Ok(Item::Message(message))) = events.next() else { panic!("a message was sent") };
    let mut out = Vec::new();
    message.encode_to(&mut out).unwrap();
    assert_eq!(text(&out), "event: a\0b\ndata: x\n\n");
    message.to_owned().encode_to(&mut out).unwrap();
    assert_eq!(text(&out), "event: a\0b\ndata: x\n\n".repeat(2));
}

#[test]
fn line_ends_in_data_become_lf_when_a_message_is_made() {
    assert_eq!(Message::new("a\r\nb\rc\nd\n\r\r\n").data(), "a\nb\nc\nd\n\n\n");
    assert_eq!(Message::new("\r").data(), "\n");
    assert_eq!(Message::from("a\rb"), Message::from(String::from("a\nb")));
    let mut message = Message::new("");
    message.push_data("x\r\ny\r");
    assert_eq!(message.data(), "\nx\ny\n");
}

#[test]
fn message_is_composed_step_by_step() {
    let mut message = Message::default();
    message.push_data("a");
    message.set_id(EventId::new("1").unwrap());
    message.push_data("b");
    message.set_event(EventName::new("longer than before").unwrap());
    message.push_data("");
    assert_eq!(message.data(), "a\nb\n");
    assert_eq!((message.own_id(), message.raw_event_type()), (Some("1"), Some("longer than before")));

    message.set_event(EventName::new("x").unwrap());
    message.set_id(EventId::new("a longer id").unwrap());
    assert_eq!(
        (message.own_id(), message.raw_event_type(), message.data()),
        (Some("a longer id"), Some("x"), "a\nb\n")
    );
    message.clear_event();
    assert_eq!((message.own_id(), message.raw_event_type(), message.data()), (Some("a longer id"), None, "a\nb\n"));
    message.set_id(EventId::new("").unwrap());
    assert_eq!((message.own_id(), message.data()), (Some(""), "a\nb\n"));
    message.clear_id();
    assert_eq!((message.own_id(), message.last_event_id(), message.data()), (None, "", "a\nb\n"));

    message.reset();
    assert_eq!(message, Message::default());
    message.push_data("new");
    assert_eq!(message.data(), "new", "no line is left of before");
}

#[test]
fn id_of_an_earlier_message_goes_when_it_is_cleared_or_set() {
    let mut message = second_of(b"id: 1\ndata: a\n\ndata: b\n\n");
    assert_eq!((message.own_id(), message.last_event_id()), (None, "1"));
    message.set_id(EventId::new("2").unwrap());
    assert_eq!((message.own_id(), message.last_event_id(), message.data()), (Some("2"), "2", "b"));
    message.reset();
    assert_eq!((message.own_id(), message.last_event_id(), message.data()), (None, "", ""));
}

#[test]
fn messages_are_equal_by_name_id_and_data() {
    let full = || message(Some("1"), Some("x"), "a");
    assert_eq!(full(), full());
    assert_ne!(full(), message(Some("2"), Some("x"), "a"));
    assert_ne!(full(), message(Some("1"), Some("y"), "a"));
    assert_ne!(full(), message(Some("1"), Some("x"), "b"));
    assert_ne!(full(), message(None, Some("x"), "a"));
    let mut pushed = Message::default().with_event(EventName::new("x").unwrap());
    pushed.push_data("a");
    assert_eq!(pushed.with_id(EventId::new("1").unwrap()), full());
    assert_eq!(second_of(b"id: 1\ndata: a\n\ndata: b\n\n"), Message::new("b"), "an inherited id makes no difference");
}

#[test]
fn readable_form_is_an_event_between_braces() {
    let full = message(Some("Y"), Some("X"), "a\nb");
    assert_eq!(full.to_string(), ": {\nevent: X\nid: Y\ndata: a\ndata: b\n: }\n\n");
    assert_eq!(Message::default().to_string(), ": {\n: }\n\n");
    assert_eq!(Message::new("").to_string(), ": {\ndata: \n: }\n\n");
    assert_eq!(message(Some(""), None, "\n").to_string(), ": {\nid: \ndata: \ndata: \n: }\n\n");
    let mut written = String::new();
    full.write_to(&mut written).unwrap();
    assert_eq!(written, full.to_string());

    for message in [full, Message::new(""), message(Some(""), Some("x"), " a\n\n")] {
        assert_eq!(read_back(&message), [message]);
    }
    assert_eq!(read_back(&Message::default()), [], "without data there is no event to the standard");
    let mut reset = Message::new("a");
    reset.reset();
    assert_eq!(reset.to_string(), ": {\n: }\n\n");
}

#[test]
fn readable_form_tells_what_its_writer_says() {
    struct Full;
    impl std::fmt::Write for Full {
        fn write_str(&mut self, _: &str) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    assert!(Message::new("a").write_to(&mut Full).is_err());
}

struct Note {
    id: Option<&'static str>,
    event: Option<&'static str>,
    data: &'static str,
}

impl ToMessage for Note {
    fn own_id(&self) -> Option<&str> {
        self.id
    }
    fn raw_event_type(&self) -> Option<&str> {
        self.event
    }
    fn data(&self) -> Cow<'_, str> {
        self.data.into()
    }
}

fn fields(id: Option<&str>, event: Option<&str>, data: &str) -> String {
    let id = id.map(|id| EventId::new(id).unwrap());
    let event = event.map(|event| EventName::new(event).unwrap());
    let fields = Fields { id: id.as_ref(), event: event.as_ref(), retry: None, data };
    let mut out = Vec::new();
    fields.encode(&mut out);
    assert_eq!(fields.encoded_len(), out.len(), "{fields:?}");
    text(&out)
}

fn message(id: Option<&str>, event: Option<&str>, data: &str) -> Message {
    let mut message = Message::new(data);
    let set = |message: &mut Message| -> Result<(), NameError> {
        if let Some(id) = id {
            message.set_id(EventId::new(id)?);
        }
        if let Some(event) = event {
            message.set_event(EventName::new(event)?);
        }
        Ok(())
    };
    set(&mut message).unwrap();
    message
}

fn second_of(stream: &[u8]) -> Message {
    match Parser::new().feed(stream).owned().nth(1) {
        Some(Ok(Event::Message(message))) => message,
        other => panic!("no second message: {other:?}"),
    }
}

fn read_back(message: &Message) -> Vec<Message> {
    let read = |event| match event {
        Event::Message(message) => Some(message),
        _ => None,
    };
    Parser::new().feed(message.to_string().as_bytes()).owned().filter_map(|event| read(event.unwrap())).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
