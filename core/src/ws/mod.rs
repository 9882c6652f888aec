//! WebSocket (RFC 6455): messages both ways over one connection, at both ends.
//!
//! | what | where |
//! |---|---|
//! | the opening handshake | [`Offer`] of a client, [`Upgrade`] of a server; what both [`Agreed`] on |
//! | an open connection | [`Connection`], a machine for either end: [`Event`]s come out, [`Message`]s go in |
//! | frames, for who does all else himself | [`Reader`], [`encode_frame`], [`fragments`], [`apply_mask`] |
//! | a message for many | [`Prepared`] |
#![cfg_attr(feature = "deflate", doc = "| compression | [`deflate`] |")]
//!
//! A server has it by [`Session::upgrade`](crate::server::Session::upgrade), with
//! [`WebSocketEndpoint`](crate::server::WebSocketEndpoint) for who may ask; the client that reconnects is
//! [`client::WebSocket`](crate::client::WebSocket). What this has beside others stands in the [`comparison`], row by row, each with the
//! test that proves it.
//!
//! # Two ends
//!
//! ```
//! use tidewire_core::http::{Method, RequestHead};
//! use tidewire_core::ws::{Agreed, Closed, CloseCode, Config, Connection, Event, Offer, Upgrade};
//! use tidewire_core::{Instant, Protocol, SplitMix64};
//!
//! // The opening handshake: a request, and its answer.
//! let (now, config) = (Instant::START, Config::default());
//! let offer = Offer::new(["chat"], &config, &mut SplitMix64::new(1))?;
//! let mut request = RequestHead::new(Method::GET, "/chat");
//! request.fields.set("host", "localhost")?;
//! offer.set_fields(&mut request.fields);
//!
//! let accepted = Upgrade::of(&request)?.accept(Some("chat"), &config)?;
//! let at_the_server = accepted.agreed().clone();
//! let at_the_client = offer.check(&accepted.into_head())?;
//! assert_eq!(at_the_client.protocol(), Some("chat"));
//!
//! // From here on it is frames. Masks must not be predictable, as these are.
//! let mut server = Connection::server(config.clone(), &at_the_server, now);
//! let mut client = Connection::client(config, &at_the_client, now, Box::new(SplitMix64::new(2)));
//! client.send_text(now, "hello")?;
//! client.close(now, Some(CloseCode::NORMAL), "all said")?;
//!
//! let mut told = Vec::new();
//! loop {
//!     // A driver does this with a socket between.
//!     let (there, back) = (client.poll_transmit(), server.poll_transmit());
//!     told.extend(std::iter::from_fn(|| server.poll_event()));
//!     match (there, back) {
//!         (None, None) => break,
//!         (there, back) => {
//!             there.into_iter().for_each(|bytes| server.handle_input(now, &bytes));
//!             back.into_iter().for_each(|bytes| client.handle_input(now, &bytes));
//!             told.extend(std::iter::from_fn(|| server.poll_event()));
//!         }
//!     }
//! }
//! let [Event::Message(message), Event::Closing(Some(frame)), Event::Closed(Closed { is_clean: true, .. })] = &told[..] else {
//!     panic!("{told:?}")
//! };
//! assert_eq!((message.as_text(), &*frame.reason), (Some("hello"), "all said"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A frame
//!
//! RFC 6455 §5.2, from the first bit to the last:
//!
//! ```text
//! frame    = fin rsv1 0 0 opcode        fin: the last of its message; rsv1: of a compressed message the first
//!            masked length [key] payload
//! opcode   = 0 continuation | 1 text | 2 binary | 8 close | 9 ping | 10 pong       of 4 bits
//! length   = 0–125 of 7 bits | 126 and 16 bits | 127 and 64 bits, the first 0      the shortest that does
//! key      = 4 octets: octet i of the payload is XORed with octet i mod 4
//!
//! message  = (text | binary) continuation*    and any control frames between
//! control  = close | ping | pong              each whole, and of at most 125 octets
//! close    = nothing | a code of 16 bits and a reason of at most 123 octets of UTF-8
//! ```
//!
//! A client masks each frame with a key that nobody can guess, a server masks none. A length takes as few octets as it can. Text is
//! validated as it comes: it fails at the very octet with which it cannot be UTF-8, in the middle of a frame, of a message or of a character.
//!
//! # Limits
//!
//! | of | by default | beyond it |
//! |---|---|---|
//! | a frame, a message ([`Limits`]) | 1 MiB each | 1009, at the header, before anything is kept |
//! | frames of one message | 4,096 | 1008 |
//! | a chunk that is not read yet ([`Config::max_unread`]) | 64 KiB more than one | 1008; who heeds [`wants_input`](crate::Protocol::wants_input) holds the peer back |
//! | pings that wait for their pongs | 16, of more the first and the latest; the latest alone of a peer that does not read | – |
//! | messages that wait to be sent ([`Config::max_queued_frames`], [`max_queued_bytes`](Config::max_queued_bytes)) | 256, 1 MiB | [`SendError::Full`] |
//! | silence ([`Config::ping_interval`], [`pong_timeout`](Config::pong_timeout)) | 30 s, then a ping and 20 s; any octet counts | lost |
//! | what the peer does not take ([`Config::write_timeout`]) | 30 s for each 64 KiB | lost |
//! | the answer to a close frame, and the end ([`Config::close_timeout`]) | 5 s each | dropped |
//!
//! # Close codes
//!
//! | code | sent by us | as what it comes |
//! |---|---|---|
//! | 1000, 3000–4999 | as the application says | said, and echoed |
//! | 1001 | at a shutdown | the same |
//! | 1002 | for frames that break the rules, and codes that may not be sent | the same |
//! | 1003 | for a kind of message that is not taken ([`Config::accept_text`], [`accept_binary`](Config::accept_binary)) | the same |
//! | 1005, 1006, 1015 | never | [`Closed::NO_CODE`], [`Closed::NO_CLOSE_FRAME`]; in a frame they are a fault |
//! | 1007 | for text that is not UTF-8, and data that does not decompress | the same |
//! | 1008 | for too many fragments, and for what comes unasked | the same |
//! | 1009 | for what is longer than a limit | the same |
//! | 1010 to 1014 | as the application says | the same |
//!
//! # Memory
//!
//! A connection at rest is less than 600 bytes, and a server's has nothing on the heap (`tests/ws_hostile.rs`), a client's what makes its masks:
//! buffers are there only while bytes wait, and a message of one chunk is read where it lies. Of a longer one no more than twice what has come is held, whatever is announced.
#![cfg_attr(feature = "deflate", doc = "What compression takes besides stands in [`deflate`].")]

mod close;
mod closed;
mod config;
mod connection;
#[cfg(feature = "deflate")]
pub mod deflate;
mod encode;
mod error;
mod event;
mod frame;
mod gather;
mod handshake;
mod item;
mod mask;
mod message;
mod prepared;
mod reader;
mod utf8;

#[cfg(doc)]
#[doc = include_str!("comparison.md")]
pub mod comparison {}

pub use close::{CloseCode, CloseFrame};
pub use closed::{CloseReason, Closed};
pub use config::{Config, Limits};
pub use connection::Connection;
pub use encode::{MAX_REASON, append_masked, encode_close, encode_frame, fragments};
pub use error::Error;
pub use event::{Event, SendError};
pub use frame::{FrameHeader, MAX_CONTROL, MAX_HEADER, Opcode};
pub use handshake::{
    AcceptError, Accepted, Agreed, Extension, ExtensionError, HandshakeError, Offer, OfferError, Upgrade, UpgradeError,
};
pub use item::{Item, OwnedItem};
pub use mask::apply_mask;
pub use message::{Message, Role};
pub use prepared::Prepared;
pub use reader::Reader;
