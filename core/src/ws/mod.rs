//! WebSocket (RFC 6455): messages both ways over one connection.
//!
//! Frames and messages, the opening handshake and the connection itself are machines without I/O, as everything in this crate.

mod close;
mod config;
mod handshake;
mod message;

pub use close::{CloseCode, CloseFrame};
pub use config::{Config, Limits};
pub use handshake::{
    AcceptError, Accepted, Agreed, Extension, ExtensionError, HandshakeError, Offer, OfferError, Upgrade, UpgradeError,
};
pub use message::{Message, Role};
