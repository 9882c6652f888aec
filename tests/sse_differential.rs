//! The parser beside two others, `eventsource-stream` and `sse-stream`, on the committed vectors and on random streams in random
//! pieces.
//!
//! [`read`] is the standard once more, line by line, with a switch for each known [`Difference`] of a peer. With none it reads as we
//! do, with those of a peer as that peer does, whatever the stream: so a difference that is not in the list fails, be it theirs or
//! ours. Each has an example that tells whether it is still there.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use eventsource_stream::EventStream;
use futures_lite::{StreamExt, future, stream};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_stream::SseByteStream;
use tidewire_core::sse::{Event, Parser};
use tidewire_tests::sse::cut;
use tidewire_tests::streams;
use tidewire_tests::vectors_sse::cases;

use Difference::*;

/// What a peer does otherwise; the section is that of the HTML standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// Comments are left out. Nobody is wrong: §9.2.6 says "If the line starts with a U+003A COLON character (:) Ignore the line", and
    /// we tell them besides the events, for who watches the connection.
    NoComments,
    /// Panics at a byte order mark: it cuts the text at its first byte instead of behind its third. §9.2.6: "The UTF-8 decode algorithm
    /// strips one leading UTF-8 Byte Order Mark (BOM), if any." We are right.
    PanicsAtMark,
    /// Stops at the first byte that is no UTF-8, and fails at the end of the stream. §9.2.6: "Streams must be decoded using the UTF-8
    /// decode algorithm", which replaces such bytes by U+FFFD. We are right.
    StopsAtBadUtf8,
    /// Fails at a value that is no UTF-8, of a field that it knows. As above, we are right.
    FailsAtBadValue,
    /// Waits for the byte after a CR, so that an event that ends in CR CR is lost with the end of the stream, and late where it goes on.
    /// §9.2.5: `end-of-line = ( cr lf / cr / lf )`; a CR ends its line alone. We are right.
    HoldsLastCr,
    /// The last event ID of an earlier stream, though told, does not hold for events before the first id. To the letter that is right, by
    /// §9.2.6: the buffers "must be initialized to the empty string"; but then one event without an id would take away what the client
    /// resumes after. We begin with it, as Chromium's parser does.
    NoEarlierId,
    /// `retry: +5` is taken. §9.2.6: "If the field value consists of only ASCII digits". We are right.
    TakesSignedRetry,
    /// A `retry` beyond 64 bits is left out. §9.2.6 has no limit: "interpret the field value as an integer in base ten, and set the event
    /// stream's reconnection time to that integer". We take it for the longest time that there is, and are nearer.
    NoLongRetry,
    /// A `retry` is told with the blank line after it, the last one of several, and not at all when the stream ends before. §9.2.6 sets
    /// the reconnection time when the field is processed. We are right.
    RetryWithBlankLine,
    /// A `retry` is told with the event in its block, and not at all where there is no data. As above, we are right.
    RetryWithEvent,
}

const EVENTSOURCE_STREAM: &[Difference] = &[
    NoComments,
    PanicsAtMark,
    StopsAtBadUtf8,
    HoldsLastCr,
    NoEarlierId,
    TakesSignedRetry,
    NoLongRetry,
    RetryWithEvent,
];

const SSE_STREAM: &[Difference] = &[NoComments, FailsAtBadValue, NoLongRetry, RetryWithBlankLine];

impl Difference {
    /// Returns the last event ID of an earlier stream and a stream, which show it and no other.
    fn example(self) -> (&'static str, &'static [u8]) {
        let stream: &[u8] = match self {
            NoComments => b":comment\ndata: x\n\n",
            PanicsAtMark => b"\xef\xbb\xbfdata: x\n\n",
            StopsAtBadUtf8 => b"data: x\n\ndata: \xff\n\ndata: y\n\n",
            FailsAtBadValue => b"data: x\n\n\xff: \xff\ndata: \xff\n\ndata: y\n\n",
            HoldsLastCr => b"data: x\r\r",
            NoEarlierId => return ("1", b"data: x\n\nid: 2\ndata: y\n\ndata: z\n\n"),
            TakesSignedRetry => b"retry: +5\ndata: x\n\n",
            NoLongRetry => b"retry: 99999999999999999999\ndata: x\n\n",
            RetryWithBlankLine => b"retry: 5\nretry: 6\n",
            RetryWithEvent => b"retry: 5\n\ndata: x\n\n",
        };
        ("", stream)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Message { event_type: String, data: String, last_event_id: String },
    Comment(String),
    Retry(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Clean,
    Failed,
    Panicked,
}

type Outcome = (Vec<Seen>, End);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn random_streams_read_as_by_peers_but_for_what_is_listed(
        stream in streams::stream(), cuts in vec(0..400_usize, 0..12), last_event_id in "[a-z]{0,2}",
    ) {
        compare(&stream, &cuts, &last_event_id);
    }
}

#[test]
fn vectors_read_as_by_peers_but_for_what_is_listed() {
    for case in cases() {
        compare(&case.stream, &case.cuts, &case.last_event_id);
        compare(&case.stream, &(0..case.stream.len()).collect::<Vec<_>>(), &case.last_event_id);
    }
}

#[test]
fn eventsource_stream_still_differs_as_listed() {
    still_differs(EVENTSOURCE_STREAM, eventsource_stream);
}

#[test]
fn sse_stream_still_differs_as_listed() {
    still_differs(SSE_STREAM, sse_stream);
}

fn compare(stream: &[u8], cuts: &[usize], last_event_id: &str) {
    let chunks = cut(stream, cuts);
    assert_eq!(ours(&chunks, last_event_id), read(stream, last_event_id, &[]), "ours");
    let theirs = eventsource_stream(&chunks, last_event_id);
    assert_eq!(theirs, read(stream, last_event_id, EVENTSOURCE_STREAM), "eventsource-stream");
    let theirs = sse_stream(&chunks, last_event_id);
    assert_eq!(theirs, read(stream, last_event_id, SSE_STREAM), "sse-stream");
}

fn still_differs(differences: &[Difference], theirs: impl Fn(&[&[u8]], &str) -> Outcome) {
    for &difference in differences {
        let (last_event_id, example) = difference.example();
        let theirs = theirs(&[example], last_event_id);
        assert_ne!(theirs, ours(&[example], last_event_id), "{difference:?} is gone");
        assert_eq!(theirs, read(example, last_event_id, &[difference]), "{difference:?} is something else");
    }
}

fn ours(chunks: &[&[u8]], last_event_id: &str) -> Outcome {
    let mut parser = Parser::new().with_last_event_id(last_event_id);
    let mut seen = Vec::new();
    for chunk in chunks {
        seen.extend(parser.feed(chunk).owned().map(|event| match event.expect("within all limits") {
            Event::Message(message) => Seen::Message {
                event_type: message.event_type().into(),
                data: message.data().into(),
                last_event_id: message.last_event_id().into(),
            },
            Event::Comment(text) => Seen::Comment(text.into()),
            Event::Retry(time) => Seen::Retry(time.as_millis().try_into().expect("64 bits")),
        }));
    }
    (seen, End::Clean)
}

fn eventsource_stream(chunks: &[&[u8]], last_event_id: &str) -> Outcome {
    let mut events = EventStream::new(stream::iter(chunks.iter().map(Ok::<_, Infallible>)));
    events.set_last_event_id(last_event_id);
    let mut seen = Vec::new();
    loop {
        match catch_unwind(AssertUnwindSafe(|| future::block_on(events.next()))) {
            Err(_) => return (seen, End::Panicked),
            Ok(None) => return (seen, End::Clean),
            Ok(Some(Err(_))) => return (seen, End::Failed),
            Ok(Some(Ok(event))) => {
                seen.extend(event.retry.map(|time| Seen::Retry(time.as_millis().try_into().expect("64 bits"))));
                seen.push(Seen::Message { event_type: event.event, data: event.data, last_event_id: event.id });
            }
        }
    }
}

/// It tells blocks of fields, and leaves the type of an event, the last event ID and whether there is an event to its caller.
fn sse_stream(chunks: &[&[u8]], last_event_id: &str) -> Outcome {
    let chunks = chunks.iter().map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk)));
    let mut blocks = SseByteStream::new(stream::iter(chunks));
    let (mut seen, mut last_event_id) = (Vec::new(), last_event_id.to_owned());
    loop {
        match future::block_on(blocks.next()) {
            None => return (seen, End::Clean),
            Some(Err(_)) => return (seen, End::Failed),
            Some(Ok(block)) => {
                last_event_id = block.id.unwrap_or(last_event_id);
                seen.extend(block.retry.map(Seen::Retry));
                let event_type = block.event.filter(|event_type| !event_type.is_empty());
                seen.extend(block.data.map(|data| Seen::Message {
                    event_type: event_type.unwrap_or_else(|| "message".into()),
                    data,
                    last_event_id: last_event_id.clone(),
                }));
            }
        }
    }
}

/// Reads a whole stream as the standard says, but for these differences.
fn read(stream: &[u8], last_event_id: &str, differences: &[Difference]) -> Outcome {
    let is = |difference| differences.contains(&difference);
    let (mut seen, mut end) = (Vec::new(), End::Clean);
    let mut bytes = stream;
    if let Some(behind) = stream.strip_prefix("\u{feff}".as_bytes()) {
        if is(PanicsAtMark) {
            return (seen, End::Panicked);
        }
        bytes = behind;
    }
    if let Some(error) = str::from_utf8(bytes).err().filter(|_| is(StopsAtBadUtf8)) {
        (bytes, end) = (&bytes[..error.valid_up_to()], End::Failed);
    }
    if is(HoldsLastCr) {
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    }
    let mut last_event_id = if is(NoEarlierId) { String::new() } else { last_event_id.to_owned() };
    let mut block = Block::default();
    for line in lines(bytes) {
        if line.is_empty() {
            let Block { event_type, data, retry, .. } = std::mem::take(&mut block);
            seen.extend(retry.filter(|_| is(RetryWithBlankLine) || !data.is_empty()).map(Seen::Retry));
            if !data.is_empty() {
                seen.push(Seen::Message {
                    event_type: Some(event_type).filter(|name| !name.is_empty()).unwrap_or_else(|| "message".into()),
                    data: data.join("\n"),
                    last_event_id: last_event_id.clone(),
                });
            }
            continue;
        }
        let colon = line.iter().position(|&byte| byte == b':');
        let (name, value) = colon.map_or((line, &b""[..]), |at| (&line[..at], &line[at + 1..]));
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if colon == Some(0) {
            if !is(NoComments) {
                seen.push(Seen::Comment(text(value)));
            }
            continue;
        }
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if name == b"id" && value.contains(&0) {
            continue;
        }
        let known: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];
        if is(FailsAtBadValue) && known.contains(&name) && str::from_utf8(value).is_err() {
            return (seen, End::Failed);
        }
        match name {
            b"data" => block.data.push(text(value)),
            b"event" => block.event_type = text(value),
            b"id" => last_event_id = text(value),
            b"retry" => match milliseconds(value, differences) {
                Some(millis) if is(RetryWithBlankLine) || is(RetryWithEvent) => block.retry = Some(millis),
                Some(millis) => seen.push(Seen::Retry(millis)),
                None => {}
            },
            _ => {}
        }
    }
    (seen, end)
}

#[derive(Default)]
struct Block {
    event_type: String,
    data: Vec<String>,
    retry: Option<u64>,
}

/// Returns the lines that have an end.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut lines, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.iter().position(|byte| b"\r\n".contains(byte)) {
        lines.push(&rest[..at]);
        let end = if rest[at..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[at + end..];
    }
    lines
}

fn milliseconds(value: &[u8], differences: &[Difference]) -> Option<u64> {
    let is_signed = value.starts_with(b"+") && differences.contains(&TakesSignedRetry);
    let digits = str::from_utf8(&value[usize::from(is_signed)..]).ok()?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().or_else(|| (!differences.contains(&NoLongRetry)).then_some(u64::MAX))
}
