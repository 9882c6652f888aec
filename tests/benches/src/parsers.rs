//! Every parser behind one signature. A parser that fails at the stream gives no further event, and the checksum tells.

use std::future::ready;

use eventsource_client::{Client, ClientBuilder, ReconnectOptions, SSE};
use eventsource_stream::Eventsource;
use eventsrc::EventStreamExt;
use launchdarkly_sdk_transport::{HttpTransport, ResponseFuture};
use sse_core::{SseDecoder, SseEvent};
use sse_stream::SseByteStream;
use tidewire_core::sse::{Event, Item, Parser};

use crate::feed::{Chunks, Feed, drain};
use crate::sink::Sink;

/// A parser by name.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    /// Name of the crate, or of our face; `~` stands before a bound.
    pub name: &'static str,
    /// Parses the chunks.
    pub parse: fn(&Chunks, &mut Sink),
    /// Whose it is.
    pub kind: Kind,
}

/// Whose a contestant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tidewire's.
    Ours,
    /// Somebody else's.
    Peer,
    /// No parser: what cannot be beaten.
    Bound,
}

/// All contestants, ours first.
pub const ALL: [Contestant; 9] = [
    Contestant { name: "tidewire", parse: lending, kind: Kind::Ours },
    Contestant { name: "tidewire-owned", parse: owned, kind: Kind::Ours },
    Contestant { name: "sse-core", parse: sse_core, kind: Kind::Peer },
    Contestant { name: "sse-stream", parse: sse_stream, kind: Kind::Peer },
    Contestant { name: "eventsrc", parse: eventsrc, kind: Kind::Peer },
    Contestant { name: "sseer", parse: sseer, kind: Kind::Peer },
    Contestant { name: "eventsource-stream", parse: eventsource_stream, kind: Kind::Peer },
    Contestant { name: "eventsource-client", parse: eventsource_client, kind: Kind::Peer },
    Contestant { name: "~memchr", parse: memchr, kind: Kind::Bound },
];

#[inline(never)]
fn lending(chunks: &Chunks, sink: &mut Sink) {
    let mut parser = Parser::new();
    // Each chunk is owned, as a peer's is: that costs a reference count.
    for chunk in &**chunks {
        let chunk = chunk.clone();
        let mut events = parser.feed(&chunk);
        while let Some(item) = events.next() {
            match item {
                Ok(Item::Message(message)) => sink.event(message.event_type(), message.data()),
                Ok(Item::Comment(text)) => sink.other(text.len()),
                Ok(_) => sink.other(0),
                Err(_) => return,
            }
        }
    }
}

#[inline(never)]
fn owned(chunks: &Chunks, sink: &mut Sink) {
    let mut parser = Parser::new();
    // Each chunk is owned, as a peer's is: that costs a reference count.
    for chunk in &**chunks {
        let chunk = chunk.clone();
        for event in parser.feed(&chunk).owned() {
            match event {
                Ok(Event::Message(message)) => sink.event(message.event_type(), message.data()),
                Ok(Event::Comment(text)) => sink.other(text.len()),
                Ok(_) => sink.other(0),
                Err(_) => return,
            }
        }
    }
}

/// Its decoder alone, without its `Stream`.
#[inline(never)]
fn sse_core(chunks: &Chunks, sink: &mut Sink) {
    let mut decoder = SseDecoder::new();
    for mut chunk in chunks.iter().cloned() {
        while let Some(event) = decoder.next(&mut chunk) {
            match event {
                Ok(SseEvent::Message(message)) => sink.event(&message.event, &message.data),
                Ok(SseEvent::Retry(_)) => sink.other(0),
                Err(_) => return,
            }
        }
    }
}

#[inline(never)]
fn sse_stream(chunks: &Chunks, sink: &mut Sink) {
    drain(SseByteStream::new(Feed::<std::convert::Infallible>::new(chunks)), |event| match event {
        Ok(event) => {
            if let Some(data) = &event.data {
                sink.event(event.event.as_deref().unwrap_or("message"), data);
            }
            true
        }
        Err(_) => false,
    });
}

#[inline(never)]
fn eventsrc(chunks: &Chunks, sink: &mut Sink) {
    drain(Feed::<std::convert::Infallible>::new(chunks).event_stream(), |event| match event {
        Ok(event) => {
            sink.event(event.event(), event.data());
            true
        }
        Err(_) => false,
    });
}

#[inline(never)]
fn sseer(chunks: &Chunks, sink: &mut Sink) {
    drain(sseer::EventStream::new(Feed::<std::convert::Infallible>::new(chunks)), |event| match event {
        Ok(event) => {
            sink.event(&event.event, &event.data);
            true
        }
        Err(_) => false,
    });
}

#[inline(never)]
fn eventsource_stream(chunks: &Chunks, sink: &mut Sink) {
    drain(Feed::<std::convert::Infallible>::new(chunks).eventsource(), |event| match event {
        Ok(event) => {
            sink.event(&event.event, &event.data);
            true
        }
        Err(_) => false,
    });
}

/// Its parser is private: it is fed through a transport that answers at once.
#[inline(never)]
fn eventsource_client(chunks: &Chunks, sink: &mut Sink) {
    #[derive(Clone)]
    struct Memory(Chunks);

    impl HttpTransport for Memory {
        fn request(&self, _: http::Request<Option<bytes::Bytes>>) -> ResponseFuture {
            let body: launchdarkly_sdk_transport::ByteStream = Box::pin(Feed::new(&self.0));
            Box::pin(ready(Ok(http::Response::new(body))))
        }
    }

    let builder = ClientBuilder::for_url("http://localhost/").expect("a valid url");
    let once = ReconnectOptions::reconnect(false).retry_initial(false).build();
    let client = builder.reconnect(once).build_with_transport(Memory(Chunks::clone(chunks)));
    drain(client.stream(), |event| match event {
        Ok(SSE::Event(event)) => {
            sink.event(&event.event_type, &event.data);
            true
        }
        Ok(SSE::Comment(text)) => {
            sink.other(text.len());
            true
        }
        Ok(SSE::Connected(_)) => true,
        Err(_) => false,
    });
}

/// Finds each line end, and no more.
#[inline(never)]
fn memchr(chunks: &Chunks, sink: &mut Sink) {
    for chunk in chunks.iter().cloned() {
        let mut rest = &chunk[..];
        while let Some(at) = memchr::memchr(b'\n', rest) {
            sink.other(at);
            rest = &rest[at + 1..];
        }
    }
}
