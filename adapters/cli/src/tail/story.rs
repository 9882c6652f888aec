//! What happened to a stream and its connection, as lines; and with which code the program ends.

use std::time::Duration;

use tidewire_core::client::publish::Refusal as Problem;
use tidewire_core::client::{CloseReason, Event, Reason, Refusal};
use tidewire_core::http::BodyError;
use tidewire_core::http::coding::CodingError;

use crate::exit::Exit;
use crate::json_lines::{Line, State};
use crate::wording::flags;

/// What an event of the client tells.
#[derive(Clone, Debug)]
pub(super) enum Told<'a> {
    Line(Line<'a>),
    /// It is over; `error` says that it failed.
    End {
        error: Option<Line<'a>>,
        /// With which code a WebSocket was closed by the server.
        code: Option<u16>,
        reason: String,
        exit: Exit,
    },
    Nothing,
}

impl<'a> Told<'a> {
    pub(super) fn new(event: &'a Event) -> Self {
        match event {
            Event::Opened { status, url, .. } => Self::Line(Line::Open {
                url: url.to_string().into(),
                status: *status,
                protocol: None,
                compressed: false,
            }),
            Event::Message(message) => Self::Line(Line::message(message.as_ref())),
            // One event, and the only one.
            Event::Answer(answer) => Self::Line(Line::Event {
                kind: "message".into(),
                data: String::from_utf8_lossy(&answer.body),
                id: "".into(),
                own_id: None,
            }),
            Event::Comment(comment) => Self::Line(Line::Comment { comment: (&**comment).into() }),
            Event::Retry(time) => Self::Line(Line::Retry { ms: millis(*time) }),
            Event::Disconnected { reason, retry_in, .. } => Self::Line(Line::Error {
                state: State::Connecting,
                reason: lost(reason).into(),
                status: status_of(reason),
                code: None,
                unsent: None,
                retry_in_ms: Some(millis(*retry_in)),
            }),
            Event::Closed(reason) => Self::end(reason),
            _ => Self::Nothing,
        }
    }

    fn end(reason: &CloseReason) -> Self {
        let exit = exit(reason);
        let text = over(reason);
        let error = (exit != Exit::Done).then(|| Line::Error {
            state: State::Closed,
            reason: text.clone().into(),
            status: status(reason),
            code: None,
            unsent: None,
            retry_in_ms: None,
        });
        Self::End { error, code: None, reason: text, exit }
    }
}

/// Says why it is over.
pub(super) fn over(reason: &CloseReason) -> String {
    match reason {
        CloseReason::Status(refusal) => refused(refusal),
        CloseReason::ContentType(refusal) => match refusal.text().and_then(|text| text.lines().next()) {
            Some(line) => format!("{reason} It says: {}", line.chars().take(SHOWN).collect::<String>()),
            None => reason.to_string(),
        },
        reason => flags(&reason.to_string()),
    }
}

/// Says why the connection was lost.
pub(super) fn lost(reason: &Reason) -> String {
    match reason {
        Reason::Status(refusal) => refused(refusal),
        reason => flags(&reason.to_string()),
    }
}

/// Says why the server refused: if it explains itself as our server does, with its sentence.
fn refused(refusal: &Refusal) -> String {
    let problem = Problem::read(refusal.head.status, &refusal.body);
    if problem.reason.is_some() { format!("{}: {problem}", refusal.url) } else { refusal.to_string() }
}

/// The exit code of an end.
pub(super) fn exit(reason: &CloseReason) -> Exit {
    match reason {
        CloseReason::Requested | CloseReason::Complete | CloseReason::Answered => Exit::Done,
        CloseReason::NoContent => Exit::NoContent,
        CloseReason::Status(_)
        | CloseReason::Redirect { .. }
        | CloseReason::NoTls(_)
        | CloseReason::ProxyRefused { .. } => Exit::Refused,
        CloseReason::ContentType(_) | CloseReason::ContentCoding(_) | CloseReason::AnswerTooLong { .. } => {
            Exit::NotAStream
        }
        // The stream was all there was to have.
        CloseReason::Lost(reason) | CloseReason::NotResent { reason, .. }
            if **reason == (Reason::Ended { mid_event: false }) =>
        {
            Exit::Done
        }
        other => other.reason().map_or(Exit::Failed, exit_of),
    }
}

/// The exit code of a failure that nothing follows on.
fn exit_of(reason: &Reason) -> Exit {
    match reason {
        Reason::Ended { mid_event: true } => Exit::Unfinished,
        Reason::Status(_) | Reason::Redirect { .. } => Exit::Refused,
        Reason::Head(_)
        | Reason::TooManyInterim { .. }
        | Reason::Framing(_)
        | Reason::Stream(_)
        | Reason::ContentType(_)
        | Reason::ContentCoding(_) => Exit::NotAStream,
        Reason::AnswerTooLong { .. } => Exit::NotAStream,
        Reason::Coding(error) if *error != CodingError::Truncated => Exit::NotAStream,
        Reason::Body(error) if *error != BodyError::Truncated => Exit::NotAStream,
        _ => Exit::Network,
    }
}

/// The status that ended it, if one did.
pub(super) fn status(reason: &CloseReason) -> Option<u16> {
    match reason {
        CloseReason::NoContent => Some(204),
        CloseReason::Redirect { status, .. } | CloseReason::ProxyRefused { status, .. } => Some(*status),
        reason => reason.refusal().map(|refusal| refusal.head.status),
    }
}

pub(super) fn status_of(reason: &Reason) -> Option<u16> {
    reason.refusal().map(|refusal| refusal.head.status)
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How many characters of what a server says are shown.
const SHOWN: usize = 200;
