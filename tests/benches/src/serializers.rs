//! Every serializer behind one signature: appends one event to a buffer that is used again and again.

use bytes::{Bytes, BytesMut};
use tidewire_core::sse::{EventId, EventName, Fields};
use tokio_util::codec::Encoder;

use crate::parsers::Kind;

/// An event to write.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    id: Option<&'static str>,
    event: Option<&'static str>,
    data: &'static str,
}

/// All cases.
pub const CASES: [Case; 3] = [
    Case { name: "llm", id: None, event: None, data: LLM },
    Case { name: "llm+event+id", id: Some("5f1c2a-1234567"), event: Some("chat.completion"), data: LLM },
    Case { name: "10 lines of 80", id: None, event: None, data: LINES },
];

/// A serializer by name.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    /// Name of the crate; `~` stands before a bound.
    pub name: &'static str,
    /// Writes the case so many times and returns the bytes of one.
    pub write: fn(&Case, usize) -> Vec<u8>,
    /// Whose it is.
    pub kind: Kind,
}

/// All contestants, ours first.
pub const ALL: [Contestant; 6] = [
    Contestant { name: "tidewire", write: tidewire, kind: Kind::Ours },
    Contestant { name: "russe", write: russe, kind: Kind::Peer },
    Contestant { name: "russe-made", write: russe_made, kind: Kind::Peer },
    Contestant { name: "sse-stream", write: sse_stream, kind: Kind::Peer },
    Contestant { name: "~hand", write: hand, kind: Kind::Bound },
    Contestant { name: "~memcpy", write: memcpy, kind: Kind::Bound },
];

/// Whatever the passes: the buffer holds one event when the next is written.
fn repeat(passes: usize, mut write: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    for _ in 0..passes {
        out.clear();
        write(std::hint::black_box(&mut out));
    }
    out
}

#[inline(never)]
fn tidewire(case: &Case, passes: usize) -> Vec<u8> {
    // Names are checked where they are made, once, and not where they are written.
    let id = case.id.map(|id| EventId::new(id).expect("a valid id"));
    let event = case.event.map(|name| EventName::new(name).expect("a valid name"));
    let fields = Fields { id: id.as_ref(), event: event.as_ref(), data: case.data, ..Fields::default() };
    repeat(passes, |out| std::hint::black_box(&fields).encode(out))
}

/// It takes an event of its own, which is made of the text that all others are given, and writes into a buffer.
#[inline(never)]
fn russe(case: &Case, passes: usize) -> Vec<u8> {
    write_russe(passes, || russe_message(std::hint::black_box(case)))
}

/// The same for who has made the event before: its strings are counted references.
#[inline(never)]
fn russe_made(case: &Case, passes: usize) -> Vec<u8> {
    let message = russe_message(case);
    write_russe(passes, || message.clone())
}

fn russe_message(case: &Case) -> ::russe::Message {
    let text = |text: &str| text.to_owned().into();
    ::russe::Message { data: text(case.data), event: case.event.map(text), id: case.id.map(text), retry: None }
}

fn write_russe(passes: usize, mut message: impl FnMut() -> ::russe::Message) -> Vec<u8> {
    let mut out = BytesMut::with_capacity(4096);
    for _ in 0..passes {
        out.clear();
        let event = ::russe::Event::Message(message());
        ::russe::Encoder::default().encode(event, std::hint::black_box(&mut out)).expect("a valid event");
    }
    out.to_vec()
}

/// It takes the event as strings of its own and gives a buffer of its own.
#[inline(never)]
fn sse_stream(case: &Case, passes: usize) -> Vec<u8> {
    let mut event = ::sse_stream::Sse::default().data(case.data);
    event.id = case.id.map(Into::into);
    event.event = case.event.map(Into::into);
    let mut out = Bytes::new();
    for _ in 0..passes {
        out = std::hint::black_box(event.clone().encode().expect("a valid event"));
    }
    out.to_vec()
}

/// What one writes by hand: nothing is checked but line feeds.
#[inline(never)]
fn hand(case: &Case, passes: usize) -> Vec<u8> {
    repeat(passes, |out| {
        let case = std::hint::black_box(case);
        for (name, value) in [("id: ", case.id), ("event: ", case.event)] {
            if let Some(value) = value {
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(value.as_bytes());
                out.push(b'\n');
            }
        }
        let mut rest = case.data.as_bytes();
        loop {
            let at = memchr::memchr(b'\n', rest);
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(&rest[..at.unwrap_or(rest.len())]);
            out.push(b'\n');
            let Some(at) = at else { break };
            rest = &rest[at + 1..];
        }
        out.push(b'\n');
    })
}

#[inline(never)]
fn memcpy(case: &Case, passes: usize) -> Vec<u8> {
    repeat(passes, |out| out.extend_from_slice(std::hint::black_box(case).data.as_bytes()))
}

/// 246 bytes.
const LLM: &str = "{\"id\":\"chatcmpl-A1b2C3d4E5f6G7h8I9j0K1l2M3n4\",\"object\":\"chat.completion.chunk\",\
    \"created\":1730012345,\"model\":\"gpt-4o-2024-08-06\",\"system_fingerprint\":\"fp_0ba0d124f1\",\
    \"choices\":[{\"index\":0,\"delta\":{\"content\":\" tokens\"},\"logprobs\":null,\"finish_reason\":null}]}";

const LINES: &str = concat!(
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000\n",
    "11111111111111111111111111111111111111111111111111111111111111111111111111111111\n",
    "22222222222222222222222222222222222222222222222222222222222222222222222222222222\n",
    "33333333333333333333333333333333333333333333333333333333333333333333333333333333\n",
    "44444444444444444444444444444444444444444444444444444444444444444444444444444444\n",
    "55555555555555555555555555555555555555555555555555555555555555555555555555555555\n",
    "66666666666666666666666666666666666666666666666666666666666666666666666666666666\n",
    "77777777777777777777777777777777777777777777777777777777777777777777777777777777\n",
    "88888888888888888888888888888888888888888888888888888888888888888888888888888888\n",
    "99999999999999999999999999999999999999999999999999999999999999999999999999999999",
);
