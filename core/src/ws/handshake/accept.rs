use alloc::string::ToString;

use super::{Agreed, Extension};
use crate::http::{Fields, ResponseHead};

/// The answer 101 to a request for a WebSocket (RFC 6455 §4.2.2), and what it agrees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    fields: Fields,
    agreed: Agreed,
}

impl Accepted {
    pub(super) fn new(accept: &str, agreed: Agreed, extension: Option<Extension>) -> Self {
        let mut fields = Fields::new();
        set(&mut fields, "upgrade", "websocket");
        set(&mut fields, "connection", "upgrade");
        set(&mut fields, "sec-websocket-accept", accept);
        if let Some(protocol) = agreed.protocol() {
            set(&mut fields, "sec-websocket-protocol", protocol);
        }
        if let Some(extension) = extension {
            set(&mut fields, "sec-websocket-extensions", &extension.to_string());
        }
        Self { fields, agreed }
    }

    /// Adds a field, such as `set-cookie`. Those of the handshake itself, and those that tell of a body, stay as they are.
    ///
    /// # Errors
    ///
    /// When it is malformed.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), crate::http::FieldError> {
        let is_ours = OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours));
        if is_ours { Ok(()) } else { self.fields.append(name, value) }
    }

    /// Returns what was agreed on.
    pub const fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    /// Returns the whole head of the answer; all that follows it are frames.
    pub fn into_head(self) -> ResponseHead {
        ResponseHead { fields: self.fields, ..ResponseHead::new(101) }
    }
}

fn set(fields: &mut Fields, name: &str, value: &str) {
    // Our own names and values, and tokens, are well formed.
    let _ = fields.append(name, value);
}

/// Fields that nobody else writes. RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a status
/// code of 1xx"; §6.1 of RFC 9112 says so of `Transfer-Encoding`.
const OURS: [&str; 7] = [
    "upgrade",
    "connection",
    "sec-websocket-accept",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "content-length",
    "transfer-encoding",
];
