//! Server-sent events: the `text/event-stream` format of the HTML Standard, §9.2.
//!
//! [`Parser`] reads it, exactly as §9.2.5 and §9.2.6 say, from chunks cut anywhere. It *lends* what it finds: a
//! [`MessageRef`] points into the chunk, and only what crosses chunks or lines is copied. Who keeps a message takes it
//! with [`MessageRef::to_owned`]: a [`Message`] is one allocation.
//!
//! ```
//! use tidewire_core::sse::{End, Item, Parser};
//!
//! let mut parser = Parser::new();
//! let mut events = parser.feed(b"id: 7\ndata: hello\n\n: still here\n");
//! while let Some(item) = events.next() {
//!     match item? {
//!         Item::Message(message) => assert_eq!((message.data(), message.own_id()), ("hello", Some("7"))),
//!         Item::Comment(text) => assert_eq!(text, " still here"),
//!         Item::Retry(_) => unreachable!(),
//!     }
//! }
//! assert_eq!(parser.finish(), End::Clean);
//! # Ok::<(), tidewire_core::sse::Error>(())
//! ```
//!
//! [`encode`] writes it, appending to a buffer, so that a batch is one buffer. What can be composed reads as what it was, and nothing
//! can be injected: event types and ids are [checked types](EventName), data is split wherever a reader would split it.
//!
//! ```
//! use tidewire_core::sse::{EventName, Item, Message, Parser, encode};
//!
//! let message = Message::new("two\nlines").with_event(EventName::new("greeting")?);
//! let mut out = Vec::new();
//! encode(message.as_ref(), None, &mut out);
//! assert_eq!(out, b"event: greeting\ndata: two\ndata: lines\n\n");
//! assert_eq!(Parser::new().feed(&out).next(), Some(Ok(Item::Message(message.as_ref()))));
//! # Ok::<(), tidewire_core::sse::NameError>(())
//! ```
//!
//! [`EventWriter`] writes one event field by field, in an order of one's own.
//!
//! # The format
//!
//! HTML §9.2.5, in ABNF:
//!
//! ```text
//! stream        = [ bom ] *event
//! event         = *( comment / field ) end-of-line
//! comment       = colon *any-char end-of-line
//! field         = 1*name-char [ colon [ space ] *any-char ] end-of-line
//! end-of-line   = ( cr lf / cr / lf )
//! ```
//!
//! # What the standard leaves open, and what is done here
//!
//! - A line that ends in CR is a line at once; a LF that comes later is swallowed.
//! - Comments and reconnection times surface at the end of their line, not with the event around them.
//! - Bytes that are not UTF-8 become U+FFFD as the Encoding Standard's decoder does it, across chunks too.
//! - Every line and every event has a limit ([`Limits`]); reaching it is an [`Error`] that names it.
//! - A [strict](Parser::strict) parser reports what a lenient one passes over ([`Violation`]).

mod buffer;
mod compose;
mod convert;
mod dispatch;
mod encoder;
mod error;
mod events;
mod field;
mod item;
mod limits;
mod lines;
mod message;
mod names;
mod parser;
mod publish;
mod text;
mod writer;

pub use convert::FromMessage;
#[cfg(feature = "json")]
pub use convert::Json;
pub use encoder::{Fields, encode, encode_comment, encode_field, encode_retry, encoded_comment_len, encoded_len};
pub use error::{Error, Violation};
pub use events::{Events, OwnedEvents};
pub use item::{Event, Item};
pub use limits::Limits;
pub use message::{Message, MessageRef};
pub use names::{EventId, EventName, NameError};
pub use parser::{End, Parser};
pub use publish::ToMessage;
pub use writer::EventWriter;

/// The media type of an event stream.
pub const CONTENT_TYPE: &str = "text/event-stream";
