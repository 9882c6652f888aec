//! Laws of the SSE codec: where a stream is cut changes nothing, and what is written reads as what it was.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tidewire_core::sse::{
    Event, EventId, EventName, Fields, Item, Message, Parser, encode, encode_comment, encode_retry,
    encoded_comment_len, encoded_len,
};
use tidewire_tests::naive_sse::{self, Told};
use tidewire_tests::sse::{cut, outcome, outcome_owned};
use tidewire_tests::streams::stream;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cuts_change_nothing(stream in stream(), cuts in vec(0..400_usize, 0..12), before in "[a-z]{0,2}") {
        let naive = naive_sse::parse(&stream, &before);
        let new = || Parser::new().with_last_event_id(&before);
        let chunks = cut(&stream, &cuts);
        prop_assert_eq!(&outcome(new(), chunks.iter().copied()), &(naive.clone(), vec![]));
        prop_assert_eq!(&outcome_owned(new(), chunks.iter().copied()), &(naive.clone(), vec![]));
        let (strict, objections) = outcome(new().strict(), chunks);
        prop_assert_eq!(strict, naive);
        prop_assert_eq!(outcome(new().strict(), [&stream[..]]).1, objections);
    }

    #[test]
    fn composed_messages_read_as_what_they_were(messages in vec(message(), 0..6), cuts in vec(0..400_usize, 0..8)) {
        let mut out = Vec::new();
        for message in &messages {
            let before = out.len();
            encode(message.as_ref(), None, &mut out);
            prop_assert_eq!(out.len() - before, encoded_len(message.as_ref(), None));
        }
        prop_assert_eq!(read(&out, &cuts), messages.into_iter().map(Event::Message).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_read_is_written_as_what_it_was(stream in stream()) {
        let events = read(&stream, &[]);
        let mut out = Vec::new();
        events.iter().for_each(|event| event.encode(&mut out));
        prop_assert_eq!(read(&out, &[]), events);
    }

    #[test]
    fn messages_in_parts_read_with_lf_for_every_line_end(
        id in proptest::option::of(name()), event in proptest::option::of(name()), millis in proptest::option::of(any::<u64>()), data in text(),
    ) {
        let id = id.map(|id| EventId::new(id).unwrap());
        let event = event.filter(|event| !event.is_empty()).map(|event| EventName::new(event).unwrap());
        let fields = Fields { id: id.as_ref(), event: event.as_ref(), retry: millis.map(Duration::from_millis), data: &data };
        let mut out = Vec::new();
        fields.encode(&mut out);
        prop_assert_eq!(out.len(), fields.encoded_len());

        let message = Told::Message {
            event_type: event.as_ref().map_or("message", |event| event.as_str()).into(),
            data: data.replace("\r\n", "\n").replace('\r', "\n"),
            own_id: id.as_ref().map(|id| id.as_str().into()),
            last_event_id: id.as_ref().map_or("", |id| id.as_str()).into(),
        };
        let expected: Vec<_> = millis.map(Told::Retry).into_iter().chain([message]).collect();
        prop_assert_eq!(naive_sse::parse(&out, "").events, &expected[..]);
        prop_assert_eq!(outcome(Parser::new(), [&out[..]]).0.events, expected);
    }

    #[test]
    fn comments_and_times_read_as_what_they_were(comment in text(), millis in any::<u64>()) {
        let mut out = Vec::new();
        encode_comment(&comment, &mut out);
        prop_assert_eq!(out.len(), encoded_comment_len(&comment));
        encode_retry(Duration::from_millis(millis), &mut out);
        let lines = comment.replace("\r\n", "\n").replace('\r', "\n");
        let expected: Vec<_> = lines.split('\n').map(|line| Told::Comment(line.into())).chain([Told::Retry(millis)]).collect();
        let (outcome, errors) = outcome(Parser::new(), [&out[..]]);
        prop_assert_eq!((outcome.events, outcome.unfinished, errors), (expected, false, vec![]));
    }

    #[test]
    fn readable_form_reads_as_the_message(message in message()) {
        let events = read(message.to_string().as_bytes(), &[]);
        let expected = [Event::Comment(" {".into()), Event::Comment(" }".into()), Event::Message(message)];
        prop_assert_eq!(events, expected);
    }

    #[test]
    fn names_are_refused_for_a_line_end_or_nul_and_for_nothing_else(text in text()) {
        let bad = text.find(['\r', '\n', '\0']);
        prop_assert_eq!(EventId::new(&*text).map_err(|error| error.position()).err(), bad.map(Some));
        prop_assert_eq!(EventName::new(&*text).is_ok(), bad.is_none() && !text.is_empty());
    }
}

#[test]
fn large_events_are_intact() {
    for mib in [5, 10] {
        let data: String = (0..mib << 20).map(|at| char::from(b'a' + (at % 23) as u8)).collect();
        let mut stream = Vec::new();
        encode(Message::new(data.clone()).as_ref(), None, &mut stream);
        for chunk in [stream.len(), 1 << 20, 16_384, 1399] {
            let mut parser = Parser::new();
            let mut found = 0;
            for chunk in stream.chunks(chunk) {
                let mut events = parser.feed(chunk);
                while let Some(item) = events.next() {
                    let Item::Message(message) = item.unwrap() else { panic!("only a message was sent") };
                    assert!(message.data() == data, "{mib} MiB in chunks of {}", chunk.len());
                    found += 1;
                }
            }
            assert_eq!(found, 1);
        }
    }
}

#[test]
fn large_events_after_one_another_are_intact() {
    let messages: Vec<_> = ["a", "b", "c", "d"].map(|text| Message::new(text.repeat(40_000))).into();
    for chunk in [1000, 1024, 16_384, 40_000, 40_007, 40_008] {
        let mut parser = Parser::new();
        let mut read = Vec::new();
        for message in &messages {
            let mut stream = Vec::new();
            encode(message.as_ref(), None, &mut stream);
            // Each event begins with a chunk of its own.
            for chunk in stream.chunks(chunk) {
                read.extend(parser.feed(chunk).owned().map(Result::unwrap));
            }
        }
        assert!(read == messages.iter().cloned().map(Event::Message).collect::<Vec<_>>(), "in chunks of {chunk}");
    }
}

#[test]
fn text_with_replacements_is_gone_when_the_next_event_is_asked_for() {
    let allocated = |data: &[u8]| {
        let mut parser = Parser::new();
        parser.feed(&data.repeat(1000)).owned().for_each(drop);
        parser.feed(b"\n\n").owned().for_each(drop);
        parser.allocated()
    };
    let valid = allocated(b"data: x");
    assert!(valid >= 6994, "{valid} bytes");
    assert_eq!(allocated(b"data: \xff"), valid);
}

#[test]
fn hundred_events_come_in_order() {
    let messages: Vec<_> = (0..100)
        .map(|number| Message::new(number.to_string()).with_id(EventId::new(number.to_string()).unwrap()))
        .collect();
    let mut stream = Vec::new();
    messages.iter().for_each(|message| encode(message.as_ref(), None, &mut stream));
    let every_place: Vec<_> = (0..stream.len()).collect();
    let expected: Vec<_> = messages.into_iter().map(Event::Message).collect();
    assert_eq!(read(&stream, &[]), expected);
    assert_eq!(read(&stream, &every_place), expected);
}

/// Payloads that serializers are known to lose or break.
#[test]
fn awkward_data_comes_back() {
    for data in [
        "",
        " ",
        "  x",
        "x ",
        "\t",
        "\n",
        "\n\n",
        "x\n",
        "\nx",
        "x\n\ny",
        ":",
        ": x",
        ":x\n:y",
        "data: x",
        "id: 1\nevent: e",
        "retry: 1",
        "\0",
        "\u{feff}",
        "\u{feff}x",
        "\u{85}",
        "\u{2028}\u{2029}",
        "\u{b}\u{c}",
        "😀",
        "\u{10ffff}",
        "{\"a\":\"b\\n\"}",
        "\\n",
        "[DONE]",
    ] {
        let message = Message::new(data);
        let mut out = Vec::new();
        encode(message.as_ref(), None, &mut out);
        assert_eq!(read(&out, &[]), [Event::Message(message)], "{data:?}");
    }
    for (data, read_as) in
        [("a\r\nb", "a\nb"), ("a\rb", "a\nb"), ("\r", "\n"), ("\r\n", "\n"), ("\n\r", "\n\n"), ("\r\r\n", "\n\n")]
    {
        let mut out = Vec::new();
        Fields { data, ..Fields::default() }.encode(&mut out);
        assert_eq!(read(&out, &[]), [Event::Message(Message::new(read_as))], "{data:?}");
    }
}

fn read(stream: &[u8], cuts: &[usize]) -> Vec<Event> {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    for chunk in cut(stream, cuts) {
        events.extend(parser.feed(chunk).owned().map(|event| event.expect("nothing is too long")));
    }
    events
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec!["\n", "\r", "\r\n", " ", ":", "\0", "\u{feff}", "a", "data: x", "€", ""]).prop_map(String::from),
        any::<String>(),
        (60..70_usize).prop_map(|times| "z".repeat(times)),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// What an id can be, and an event type if it is not empty.
fn name() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['\r', '\n', '\0'], ""))
}

fn message() -> impl Strategy<Value = Message> {
    let lines = vec(text(), 0..3);
    (text(), lines, proptest::option::of(name()), proptest::option::of(name())).prop_map(|(data, lines, id, event)| {
        let mut message = Message::new(data);
        if let Some(id) = id {
            message.set_id(EventId::new(id).unwrap());
        }
        lines.iter().for_each(|line| message.push_data(line));
        if let Some(event) = event.filter(|event| !event.is_empty()) {
            message.set_event(EventName::new(event).unwrap());
        }
        message
    })
}
