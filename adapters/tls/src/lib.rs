//! TLS for Tidewire's drivers: rustls configurations, with provider and roots chosen explicitly, and its errors in words.
//!
//! - [`Client`] is what an event source connects with: the web's roots, a CA of one's own, or a rustls configuration.
//! - [`Server`] is what a listener accepts with: a certificate chain and its key.
//! - [`explain`] says what went wrong in a handshake, and what to do.
//!
//! No I/O happens here. The streams come from `tokio-rustls`, `futures-rustls` and, blocking, `rustls` itself, all around
//! these same configurations:
//!
//! - The cryptography is *ring*'s, named in each configuration. The process-wide default provider of rustls is neither read
//!   nor set, so no other library's choice, or lack of one, can make a connection panic.
//! - TLS 1.3 and 1.2. The protocol offered (ALPN) is exactly `http/1.1`: what Tidewire's own machines speak.
//! - The server's name goes along (SNI); for an IP address none does, as RFC 6066 §3 has it, and the certificate must name
//!   the address.
//! - The system's certificate store is not read: an application that wants it brings its own configuration.
//!
//! ```
//! use tidewire_tls::{Client, Server};
//!
//! # fn files(ca: &[u8], chain: &[u8], key: &[u8]) -> Result<(), tidewire_tls::Error> {
//! let public = Client::webpki();
//! let private = Client::only_roots_pem(ca)?;
//! let server = Server::from_pem(chain, key)?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub use rustls;

mod client;
mod error;
mod explain;
#[cfg(feature = "insecure")]
mod insecure;
mod pem;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Client, server_name};
pub use error::Error;
pub use explain::{explain, explain_io};
pub use server::Server;

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

/// The one provider of all configurations made here.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// RFC 7301 §6: the identification sequence of HTTP/1.1.
const HTTP_1_1: &[u8] = b"http/1.1";

/// The examples of the front page compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
