//! permessage-deflate (RFC 7692; feature `deflate`): messages compressed one by one, as both ends agreed on in the opening handshake.
//!
//! It is off by default: [`ws::Config::deflate`](crate::ws::Config::deflate) turns it on, and then [`Params`] say what was agreed on. A
//! [`Connection`](crate::ws::Connection) has a [`Deflater`] for what it sends and an [`Inflater`] for what it receives; a message for many is
//! compressed once, by a [`Compressor`], and is then a [`Prepared`](crate::ws::Prepared) one.
//!
//! # Memory
//!
//! A connection, in bytes of heap more than one that is not compressed (`tests/ws_deflate_alloc.rs`):
//!
//! | | without takeover | with takeover |
//! |---|---|---|
//! | nothing was said yet | 160 | 160 |
//! | while a message is read | 11,000 and the window: 43,000 with 15 bits, 14,600 with 12 | the same |
//! | while a message is compressed | 320,000 | the same |
//! | between messages | 160 | what each direction has used: up to 363,000 |
//!
//! What is sent to many costs each of them a count, and the server 320,000 once. A window that is smaller than 32 KiB makes reading cheaper;
//! compressing takes the same, and is worse: whenever a message would reach farther back than the window, what was before is forgotten.
//!
//! # Time and bytes
//!
//! Processor time of a chat message in JSON, and its payload as a share of what it is (`cargo run --release --bin ws_deflate` in
//! `tests/benches`; all in one run):
//!
//! | | 156 bytes | 1 KiB | 16 KiB |
//! |---|---|---|---|
//! | sent as it is, prepared once for 1,000 | 34 ns | 48 ns | 50 ns |
//! | compressed once for 1,000 | 72 ns, 82 % | 83 ns, 34 % | 0.6 µs, 17 % |
//! | compressed by each alone | 17 µs, 80 % | 22 µs, 33 % | 532 µs, 17 % |
//! | compressed by each, with takeover, level 1 | 17 µs, 35 % | 17 µs, 25 % | 60 µs, 22 % |
//! | the same, level 6 | 17 µs, 30 % | 73 µs, 18 % | 852 µs, 15 % |
//! | read, without and with takeover | 3.1 and 4.3 µs | 4.2 and 5.4 µs | 15 and 21 µs |
//!
//! So what goes to many is compressed once, from some 1,000 bytes on; and takeover pays where few connections say much in short messages.
//!
//! # Limits
//!
//! A few bytes can become a thousand times as many. What comes out is counted before anything is kept of it, in pieces of at most a
//! window: a message longer than [`max_message`](crate::ws::Limits::max_message), or beyond [`Config::allowance`] more than
//! [`Config::max_ratio`] times as long as what came for it, ends the connection with 1009. Text is validated in the same pieces.
//!
//! How long a compressed message is shows how much of it was said before. Who can have text of its own sent next to a secret, in one message or
//! with takeover in one connection, and sees the lengths on the wire, finds the secret out by trying (as CRIME and BREACH did): such messages
//! are not to be compressed.
//!
//! Data that is no deflate ends it with 1007: it is "not consistent with the type of the message" (RFC 6455 §7.4.1), as npm's `ws` has it; RFC
//! 7692 names no code, and browsers say 1002. What has blocks that call themselves the last is read on, as RFC 7692 §7.2.3.4 shows; and what ends
//! with a whole block is taken, though its sender left off nothing, or too much.
//!
//! ```
//! use tidewire_core::ws::deflate::{Config, Context, Deflater, Inflater};
//!
//! let mut config = Config::default();
//! config.min_len = 0;
//! let (mut deflater, mut payload) = (Deflater::new(Context::SHARED, &config), Vec::new());
//! assert!(deflater.deflate(b"Hello", &mut payload));
//! assert_eq!(payload, [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]); // RFC 7692 §7.2.3.1
//!
//! let (mut inflater, mut message) = (Inflater::new(Context::SHARED, &config, 1 << 20), Vec::new());
//! inflater.inflate(&payload, true, |piece| {
//!     message.extend_from_slice(piece);
//!     Ok(())
//! })?;
//! assert_eq!(message, b"Hello");
//! # Ok::<(), tidewire_core::ws::Error>(())
//! ```

mod compressor;
mod config;
mod deflater;
mod inflater;
mod negotiate;

pub use compressor::Compressor;
pub use config::{Config, Context, WindowBits};
pub use deflater::Deflater;
pub use inflater::Inflater;
pub use negotiate::{NAME, Params};
