use alloc::string::ToString;

use super::{Reply, refusal};
use crate::ws::UpgradeError;

impl UpgradeError {
    /// Returns the answer to the request, as problem details (RFC 9457).
    pub fn reply(&self) -> Reply {
        let mut reply = refusal::problem(self.status(), self.code(), &self.to_string());
        let mut set = |name: &str, value: &str| {
            // Literals that are well formed.
            let _ = reply.fields.append(name, value);
        };
        match self {
            Self::Method => set("allow", "GET"),
            Self::HttpVersion | Self::NoUpgrade | Self::Version => {
                set("upgrade", "websocket");
                // RFC 6455 §4.4: "the server MUST respond with one or more |Sec-WebSocket-Version| header fields".
                set("sec-websocket-version", "13");
            }
            _ => {}
        }
        reply
    }
}
