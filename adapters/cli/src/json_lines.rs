//! The lines of `--json`: one object a line, written by `tail` and `parse`, read by `encode`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tidewire_core::sse::MessageRef;

use crate::time::Time;

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
    Open { url: Cow<'a, str>, status: u16 },
    /// An event: `id` is the last event ID as of this event, `own_id` the `id` field that the event itself carried.
    Event {
        #[serde(rename = "type", default = "message")]
        kind: Cow<'a, str>,
        data: Cow<'a, str>,
        #[serde(default)]
        id: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        own_id: Option<Cow<'a, str>>,
    },
    /// A comment, without its colon.
    Comment { comment: Cow<'a, str> },
    /// The server's reconnection time.
    Retry { ms: u64 },
    /// A connection failed or ended; with [`State::Closed`] for good.
    Error {
        state: State,
        reason: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_in_ms: Option<u64>,
    },
    /// Nothing follows.
    Closed { reason: Cow<'a, str> },
}

/// A line with the time when it happened, which `--timestamps` prints and a recording has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object with `t`, as parse --json prints")]
pub(crate) struct Timed<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<Time>,
    #[serde(flatten)]
    pub(crate) line: Line<'a>,
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
        write(self, out);
    }

    /// Appends the line with a time and its line end.
    pub(crate) fn write_timed(&self, time: Time, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Timed<'a, 'b> {
            time: Time,
            #[serde(flatten)]
            line: &'b Line<'a>,
        }
        write(&Timed { time, line: self }, out);
    }
}

impl Timed<'static> {
    /// Reads one line.
    ///
    /// # Errors
    ///
    /// What is wrong with it; the line's number is the caller's to say, `serde_json` sees only one line.
    pub(crate) fn read(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| explain(&error))
    }
}

fn write(line: &impl Serialize, out: &mut Vec<u8>) {
    // Writing to a Vec does not fail, and every field has a JSON form.
    let _ = serde_json::to_writer(&mut *out, line);
    out.push(b'\n');
}

fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split_once(" at line ").map_or(&*text, |(reason, _)| reason);
    match error.column() {
        0 => reason.to_owned(),
        column => format!("column {column}: {reason}"),
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
    fn a_line_may_have_its_time() {
        let line = Line::Retry { ms: 7 };
        let time: Time = "2026-11-21T14:19:22.123Z".parse().unwrap();
        let mut out = Vec::new();
        line.write_timed(time, &mut out);
        let expected = "{\"time\":\"2026-11-21T14:19:22.123Z\",\"t\":\"retry\",\"ms\":7}\n";
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(Timed::read(&out), Ok(Timed { time: Some(time), line: line.clone() }));
        assert_eq!(Timed::read(br#"{"t":"retry","ms":7}"#), Ok(Timed { time: None, line }));
        for wrong in [
            r#"{"t":"retry","ms":7,"tim":"x"}"#,
            r#"{"t":"retry","ms":7,"time":"x"}"#,
            r#"{"ms":7}"#,
            "[]",
            "7",
            r#"{"t":"retry","ms":7"#,
        ] {
            assert!(Timed::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
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
