//! What happened to a WebSocket, as lines; and with which code the program ends.

use tidewire_core::client::{CloseReason, Reason, WebSocketEvent};
use tidewire_core::ws::{self, Closed, Message};

use super::super::story::{self, Told};
use crate::exit::Exit;
use crate::json_lines::{Line, State};

/// Returns what an event tells; if it is the last, `lines` is how many messages of the input were not taken at all, and
/// `farewell` how it ended if we closed.
pub(super) fn told<'a>(event: &'a WebSocketEvent, lines: usize, farewell: Option<&Closed>) -> Told<'a> {
    match event {
        WebSocketEvent::Opened(opened) => Told::Line(Line::Open {
            url: opened.url.to_string().into(),
            status: opened.head.status,
            protocol: opened.protocol.as_deref().map(Into::into),
            compressed: opened.head.fields.contains("sec-websocket-extensions"),
        }),
        WebSocketEvent::Message(Message::Text(text)) => {
            Told::Line(Line::Message { text: Some(text.as_str().into()), base64: None })
        }
        WebSocketEvent::Message(Message::Binary(bytes)) => Told::Line(Line::binary(bytes)),
        WebSocketEvent::Ping(payload) => Told::Line(Line::Ping { payload: String::from_utf8_lossy(payload) }),
        WebSocketEvent::Pong(payload) => Told::Line(Line::Pong { payload: String::from_utf8_lossy(payload) }),
        WebSocketEvent::Disconnected { reason, unsent, retry_in, .. } => Told::Line(Line::Error {
            state: State::Connecting,
            reason: with_unsent(story::lost(reason), *unsent).into(),
            status: story::status_of(reason),
            code: by_peer(closed_of(reason)).map(|closed| closed.code),
            unsent: some(*unsent),
            retry_in_ms: Some(story::millis(*retry_in)),
        }),
        WebSocketEvent::Closed { reason, unsent } => end(reason, unsent + lines, farewell),
        _ => Told::Nothing,
    }
}

fn end<'a>(reason: &CloseReason, unsent: usize, farewell: Option<&Closed>) -> Told<'a> {
    let is_unanswered = farewell.is_some_and(|closed| !closed.is_clean);
    // A server that finds fault with the last of the input closes while we do: what it says is no answer, which would have our code.
    let mut objection = farewell.filter(|closed| closed.is_clean && exit_of_code(closed.code) != Exit::Done).cloned();
    if let Some(closed) = &mut objection {
        closed.why = ws::CloseReason::Peer;
    }
    let closed = by_peer(match reason {
        CloseReason::WebSocket(closed) => Some(closed),
        reason => objection.as_ref().or_else(|| reason.reason().and_then(closed_of)),
    });
    let text = match reason {
        CloseReason::Requested if is_unanswered => {
            "the end of standard input; nobody knows whether all of it arrived, for the server did not answer the close"
                .to_owned()
        }
        CloseReason::Requested => objection.as_ref().map_or("the end of standard input".to_owned(), Closed::to_string),
        reason => story::over(reason),
    };
    let text = with_unsent(text, unsent);
    let exit = match objection.as_ref().map_or_else(|| exit(reason), exit_of) {
        _ if is_unanswered && unsent == 0 => Exit::Network,
        Exit::Done | Exit::Network if unsent > 0 => Exit::Unsent,
        exit => exit,
    };
    let error = (exit != Exit::Done).then(|| Line::Error {
        state: State::Closed,
        reason: text.clone().into(),
        status: story::status(reason),
        code: closed.map(|closed| closed.code),
        unsent: some(unsent),
        retry_in_ms: None,
    });
    let reason = closed.map_or(text, |closed| closed.reason.clone());
    Told::End { error, code: closed.map(|closed| closed.code), reason, exit }
}

/// The exit code of an end.
fn exit(reason: &CloseReason) -> Exit {
    match reason {
        CloseReason::WebSocket(closed) => exit_of(closed),
        CloseReason::Handshake { .. } => Exit::NotAStream,
        // It did something else than what was asked for.
        CloseReason::Status(refusal) if (200..300).contains(&refusal.head.status) => Exit::NotAStream,
        reason => match reason.reason() {
            Some(Reason::WebSocket(closed)) => exit_of(closed),
            Some(Reason::Handshake { .. }) => Exit::NotAStream,
            _ => story::exit(reason),
        },
    }
}

/// The exit code of an end by a close code, or by the lack of one.
fn exit_of(closed: &Closed) -> Exit {
    match closed.why {
        ws::CloseReason::Peer => exit_of_code(closed.code),
        ws::CloseReason::Fault(_) | ws::CloseReason::Unsupported | ws::CloseReason::Flooded => Exit::NotAStream,
        ws::CloseReason::Local => Exit::Done,
        _ => Exit::Network,
    }
}

/// The exit code of an end by a close code of the server's.
fn exit_of_code(code: u16) -> Exit {
    match code {
        // RFC 6455 §7.4.1, and its registry: 1001 goes away, 1011 to 1014 have trouble of their own; the others refuse what we are, or say.
        1000 | Closed::NO_CODE => Exit::Done,
        1001 | 1011..=1014 => Exit::Network,
        _ => Exit::Refused,
    }
}

fn closed_of(reason: &Reason) -> Option<&Closed> {
    if let Reason::WebSocket(closed) = reason { Some(closed) } else { None }
}

/// A close of the server's that has a code.
fn by_peer(closed: Option<&Closed>) -> Option<&Closed> {
    closed.filter(|closed| closed.why == ws::CloseReason::Peer && closed.code != Closed::NO_CODE)
}

fn with_unsent(text: String, unsent: usize) -> String {
    match unsent {
        0 => text,
        1 => format!("{text}; 1 message could not be sent"),
        unsent => format!("{text}; {unsent} messages could not be sent"),
    }
}

fn some(unsent: usize) -> Option<usize> {
    (unsent > 0).then_some(unsent)
}
