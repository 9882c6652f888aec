use alloc::string::ToString;
use alloc::vec::Vec;

use super::{CloseReason, End, Heartbeat, Outlet, SendError};
use crate::Instant;
use crate::log::{Burst, Messages};
use crate::sse;
use crate::ws::{self, CloseCode, Connection};

/// Events go as [`Messages`], which the reader understands as it would those of an event stream.
impl Outlet for Connection {
    fn wants_publications(&self) -> bool {
        self.wants_publications()
    }

    fn is_written(&self) -> bool {
        self.is_written()
    }

    fn push_burst(&mut self, now: Instant, burst: &Burst) -> Result<(), SendError> {
        let pushed = match burst.messages() {
            Some(messages) => self.push_messages(now, messages),
            None => self.push_messages(now, &Messages::of(&burst.bytes())),
        };
        pushed.map_err(to_send_error)
    }

    fn send(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SendError> {
        self.send_messages(now, &Messages::of(bytes)).map_err(to_send_error)
    }

    /// Does nothing: a WebSocket is kept alive by its pings ([`ws::Config::ping_interval`]).
    fn set_heartbeat(&mut self, _: Instant, _: Option<Heartbeat>) {}

    /// The last word is a message, and the reason a close code: 1000 where there is nothing to come back for, 1008 for who was too slow, 1013
    /// for who finds no room, and else 1001.
    fn end_stream(&mut self, now: Instant, end: End<'_>) {
        let End { reason, retry, last } = end;
        let mut bytes = Vec::from(last.unwrap_or_default());
        if let Some(retry) = retry {
            sse::encode_retry(retry, &mut bytes);
        }
        let messages = Messages::of(&bytes);
        if !messages.is_empty() {
            // Where there is no room for them there is for the close frame.
            let _ = self.send_messages(now, &messages);
        }
        let code = match reason {
            CloseReason::StreamEnded | CloseReason::Unregistered | CloseReason::Done => CloseCode::NORMAL,
            CloseReason::Lagging => CloseCode::POLICY,
            CloseReason::Busy => CloseCode::TRY_AGAIN_LATER,
            _ => CloseCode::GOING_AWAY,
        };
        // One that closes already stays as it is.
        let _ = self.close(now, Some(code), &reason.to_string());
    }
}

const fn to_send_error(error: ws::SendError) -> SendError {
    match error {
        ws::SendError::Full { .. } => SendError::Full,
        _ => SendError::NoStream,
    }
}
