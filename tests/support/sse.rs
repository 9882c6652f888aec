//! The core's parser, fed in pieces, in the terms of the naive one.

use tidewire_core::sse::{End, Error, Event, Item, MessageRef, Parser};

use crate::naive_sse::{Outcome, Told};

/// Feeds a parser chunk by chunk and returns what came of it, lent.
pub fn outcome<'a>(mut parser: Parser, chunks: impl IntoIterator<Item = &'a [u8]>) -> (Outcome, Vec<Error>) {
    let (mut told, mut errors) = (Vec::new(), Vec::new());
    let (mut lines, mut after_cr) = (0, false);
    for chunk in chunks {
        for byte in chunk {
            lines += u64::from(*byte == b'\r' || (*byte == b'\n' && !after_cr));
            after_cr = *byte == b'\r';
        }
        let mut events = parser.feed(chunk);
        while let Some(item) = events.next() {
            match item {
                Ok(item) => told.push(tell(item)),
                Err(error) => errors.push(error),
            }
        }
        assert!(events.rest().is_empty(), "what was not taken is lost");
    }
    if !errors.iter().any(Error::is_fatal) {
        assert_eq!(parser.lines(), lines, "lines are counted");
    }
    (end(parser, told), errors)
}

/// Feeds a parser chunk by chunk and returns what came of it, by the events that one keeps.
pub fn outcome_owned<'a>(mut parser: Parser, chunks: impl IntoIterator<Item = &'a [u8]>) -> (Outcome, Vec<Error>) {
    let mut errors = Vec::new();
    let mut events: Vec<Event> = Vec::new();
    for chunk in chunks {
        for event in parser.feed(chunk).owned() {
            match event {
                Ok(event) => events.push(event),
                Err(error) => errors.push(error),
            }
        }
    }
    let told = events.iter().map(|event| match event {
        Event::Message(message) => tell(Item::Message(message.as_ref())),
        Event::Comment(text) => tell(Item::Comment(text)),
        Event::Retry(time) => tell(Item::Retry(*time)),
    });
    (end(parser, told.collect()), errors)
}

/// Cuts a stream where the cuts say; they need no order, and those beyond its end cut nothing.
pub fn cut<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|&at| at.min(stream.len())).collect();
    cuts.sort_unstable();
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([stream.len()]);
    starts.zip(ends).map(|(start, end)| &stream[start..end]).collect()
}

fn tell(item: Item<'_>) -> Told {
    match item {
        Item::Message(message) => tell_message(message),
        Item::Comment(text) => Told::Comment(text.to_string()),
        Item::Retry(time) => Told::Retry(time.as_millis().try_into().expect("a time from a stream is in u64 ms")),
    }
}

fn tell_message(message: MessageRef<'_>) -> Told {
    if let Some(id) = message.own_id() {
        assert_eq!(id, message.last_event_id());
    }
    assert_eq!(message.event_type(), message.raw_event_type().unwrap_or("message"));
    Told::Message {
        event_type: message.event_type().to_string(),
        data: message.data().to_string(),
        own_id: message.own_id().map(Into::into),
        last_event_id: message.last_event_id().to_string(),
    }
}

fn end(mut parser: Parser, events: Vec<Told>) -> Outcome {
    let unfinished = match parser.finish() {
        End::Clean => false,
        End::MidEvent => true,
        end => panic!("unknown end: {end:?}"),
    };
    Outcome { events, last_event_id: parser.last_event_id().to_string(), unfinished }
}
