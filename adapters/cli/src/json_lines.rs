//! The lines of `--json`: one object a line, written by `tail` and `parse`, read by `encode`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tidewire_core::sse::MessageRef;

/// One line; the order of the fields is the order on the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "t",
    rename_all = "snake_case",
    deny_unknown_fields,
    expecting = "an object with `t`, as parse --json prints"
)]
pub(crate) enum Line<'a> {
    /// A stream was opened.
    Open {
        #[serde(borrow)]
        url: Cow<'a, str>,
        status: u16,
    },
    /// An event: `id` is the last event ID as of this event, `own_id` the `id` field that the event itself carried.
    Event {
        #[serde(rename = "type", default = "message", borrow)]
        kind: Cow<'a, str>,
        #[serde(borrow)]
        data: Cow<'a, str>,
        #[serde(default, borrow)]
        id: Cow<'a, str>,
        #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
        own_id: Option<Cow<'a, str>>,
    },
    /// A comment, without its colon.
    Comment {
        #[serde(borrow)]
        comment: Cow<'a, str>,
    },
    /// The server's reconnection time.
    Retry { ms: u64 },
    /// A connection failed or ended; with [`State::Closed`] for good.
    Error {
        state: State,
        #[serde(borrow)]
        reason: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_in_ms: Option<u64>,
    },
    /// Nothing follows.
    Closed {
        #[serde(borrow)]
        reason: Cow<'a, str>,
    },
}

/// Whether another request follows an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Connecting,
    Closed,
}

impl<'a> Line<'a> {
    /// Returns the line of a message.
    pub(crate) fn message(message: MessageRef<'a>) -> Self {
        Self::Event {
            kind: message.event_type().into(),
            data: message.data().into(),
            id: message.last_event_id().into(),
            own_id: message.own_id().map(Into::into),
        }
    }

    /// Appends the line with its line end.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        // Writing to a Vec does not fail, and every field has a JSON form.
        let _ = serde_json::to_writer(&mut *out, self);
        out.push(b'\n');
    }
}

fn message() -> Cow<'static, str> {
    Cow::Borrowed("message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &Line<'_>) -> String {
        let mut out = Vec::new();
        line.write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn lines_read_as_documented() {
        let open = Line::Open { url: "http://a/".into(), status: 200 };
        assert_eq!(text(&open), "{\"t\":\"open\",\"url\":\"http://a/\",\"status\":200}\n");
        let event = Line::Event { kind: "add".into(), data: "1\n2".into(), id: "7".into(), own_id: Some("7".into()) };
        let expected = "{\"t\":\"event\",\"type\":\"add\",\"data\":\"1\\n2\",\"id\":\"7\",\"own_id\":\"7\"}\n";
        assert_eq!(text(&event), expected);
        let event = Line::Event { kind: "message".into(), data: "".into(), id: "".into(), own_id: None };
        assert_eq!(text(&event), "{\"t\":\"event\",\"type\":\"message\",\"data\":\"\",\"id\":\"\"}\n");
        assert_eq!(text(&Line::Comment { comment: "hi".into() }), "{\"t\":\"comment\",\"comment\":\"hi\"}\n");
        assert_eq!(text(&Line::Retry { ms: 3000 }), "{\"t\":\"retry\",\"ms\":3000}\n");
        let error =
            Line::Error { state: State::Connecting, reason: "r".into(), status: Some(503), retry_in_ms: Some(10) };
        let expected =
            "{\"t\":\"error\",\"state\":\"connecting\",\"reason\":\"r\",\"status\":503,\"retry_in_ms\":10}\n";
        assert_eq!(text(&error), expected);
        let error = Line::Error { state: State::Closed, reason: "r".into(), status: None, retry_in_ms: None };
        assert_eq!(text(&error), "{\"t\":\"error\",\"state\":\"closed\",\"reason\":\"r\"}\n");
        assert_eq!(text(&Line::Closed { reason: "count".into() }), "{\"t\":\"closed\",\"reason\":\"count\"}\n");
    }

    #[test]
    fn an_event_may_leave_out_what_has_a_default() {
        let line: Line<'_> = serde_json::from_str(r#"{"t":"event","data":"x"}"#).unwrap();
        assert_eq!(line, Line::Event { kind: "message".into(), data: "x".into(), id: "".into(), own_id: None });
        let line: Line<'_> = serde_json::from_str(r#"{"data":"\u00e9","own_id":"","t":"event"}"#).unwrap();
        assert_eq!(
            line,
            Line::Event { kind: "message".into(), data: "é".into(), id: "".into(), own_id: Some("".into()) }
        );
    }
}
