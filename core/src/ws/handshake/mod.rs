//! The opening handshake (RFC 6455 §4): how an HTTP/1.1 request becomes a WebSocket.
//!
//! ```text
//!  client                                     server
//!  Offer::new ── set_fields ── request ─────► Upgrade::of
//!                                                │ accept
//!  Offer::check ◄──────────── 101 ─────────── Accepted
//!      │                                         │
//!      └──► Agreed                     Agreed ◄──┘
//! ```

mod accept;
mod agreed;
mod error;
mod extension;
mod offer;
mod protocols;
mod upgrade;
mod upgrade_error;

pub use accept::Accepted;
pub use agreed::Agreed;
pub use error::{HandshakeError, OfferError};
pub use extension::{Extension, ExtensionError};
pub use offer::Offer;
pub use upgrade::Upgrade;
pub use upgrade_error::{AcceptError, UpgradeError};

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1_smol::Sha1;

/// Returns the value of `Sec-WebSocket-Accept` that answers a key.
fn accept_value(key: &str) -> String {
    // RFC 6455 §4.2.2: "concatenating the value […] with the string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", taking the SHA-1 hash of
    // this concatenated value to obtain a 20-byte value and base64-encoding (see Section 4 of [RFC4648]) this 20-byte hash."
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.digest().bytes())
}

/// The only version there is (RFC 6455 §4.1).
const VERSION: &str = "13";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_value_of_the_sample_nonce_is_the_published_one() {
        // RFC 6455 §1.3.
        assert_eq!(accept_value("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
