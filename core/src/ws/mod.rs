//! WebSocket (RFC 6455): messages both ways over one connection.
//!
//! Frames and messages, the opening handshake and the connection itself are machines without I/O, as everything in this crate.

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
