//! The lines of `--json`: one object a line, written by `tail` and `parse`, read by `encode`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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
    Open {
        url: Cow<'a, str>,
        status: u16,
        /// The subprotocol of a WebSocket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        protocol: Option<Cow<'a, str>>,
        /// Whether the messages of a WebSocket may be compressed.
        #[serde(default, skip_serializing_if = "is_false")]
        compressed: bool,
    },
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
    /// A message of a WebSocket: text, or any bytes in base64 (RFC 4648 §4).
    Message {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<Cow<'a, str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base64: Option<Cow<'a, str>>,
    },
    /// A comment, without its colon.
    Comment { comment: Cow<'a, str> },
    /// The server's reconnection time.
    Retry { ms: u64 },
    /// A ping of the server of a WebSocket, with its payload as text.
    Ping { payload: Cow<'a, str> },
    /// A pong, which nobody asked for.
    Pong { payload: Cow<'a, str> },
    /// A connection failed or ended; with [`State::Closed`] for good.
    Error {
        state: State,
        reason: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// The close code, where a WebSocket was closed by the server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
        /// How many messages to a WebSocket could not be sent, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unsent: Option<usize>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_in_ms: Option<u64>,
    },
    /// Nothing follows. With a close code, the reason is the server's own.
    Closed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
        reason: Cow<'a, str>,
    },
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

    /// Returns the line of a WebSocket's message of any bytes.
    pub(crate) fn binary(bytes: &[u8]) -> Self {
        Self::Message { text: None, base64: Some(STANDARD.encode(bytes).into()) }
    }

    /// Returns the bytes of a WebSocket's message; other lines have none.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Message { text: Some(text), .. } => text.as_bytes().to_vec(),
            // What was read was looked at then.
            Self::Message { base64: Some(base64), .. } => STANDARD.decode(&**base64).unwrap_or_default(),
            _ => Vec::new(),
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
        let timed: Self = serde_json::from_slice(line).map_err(|error| explain(&error))?;
        match &timed.line {
            Line::Message { text: Some(_), base64: None } => Ok(timed),
            Line::Message { text: None, base64: Some(base64) } => match STANDARD.decode(&**base64) {
                Ok(_) => Ok(timed),
                Err(error) => Err(format!("`base64`: {error}")),
            },
            Line::Message { .. } => Err("a message has either `text` or `base64`".into()),
            _ => Ok(timed),
        }
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

fn is_false(flag: &bool) -> bool {
    !flag
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
        let open = open("http://a/", 200, None, false);
        assert_eq!(text(&open), "{\"t\":\"open\",\"url\":\"http://a/\",\"status\":200}\n");
        let event = Line::Event { kind: "add".into(), data: "1\n2".into(), id: "7".into(), own_id: Some("7".into()) };
        let expected = "{\"t\":\"event\",\"type\":\"add\",\"data\":\"1\\n2\",\"id\":\"7\",\"own_id\":\"7\"}\n";
        assert_eq!(text(&event), expected);
        let event = Line::Event { kind: "message".into(), data: "".into(), id: "".into(), own_id: None };
        assert_eq!(text(&event), "{\"t\":\"event\",\"type\":\"message\",\"data\":\"\",\"id\":\"\"}\n");
        assert_eq!(text(&Line::Comment { comment: "hi".into() }), "{\"t\":\"comment\",\"comment\":\"hi\"}\n");
        assert_eq!(text(&Line::Retry { ms: 3000 }), "{\"t\":\"retry\",\"ms\":3000}\n");
        let error = Line::Error {
            state: State::Connecting,
            reason: "r".into(),
            status: Some(503),
            code: None,
            unsent: None,
            retry_in_ms: Some(10),
        };
        let expected =
            "{\"t\":\"error\",\"state\":\"connecting\",\"reason\":\"r\",\"status\":503,\"retry_in_ms\":10}\n";
        assert_eq!(text(&error), expected);
        let error = Line::Error {
            state: State::Closed,
            reason: "r".into(),
            status: None,
            code: None,
            unsent: None,
            retry_in_ms: None,
        };
        assert_eq!(text(&error), "{\"t\":\"error\",\"state\":\"closed\",\"reason\":\"r\"}\n");
        assert_eq!(
            text(&Line::Closed { code: None, reason: "count".into() }),
            "{\"t\":\"closed\",\"reason\":\"count\"}\n"
        );
    }

    #[test]
    fn lines_of_a_web_socket_read_as_documented() {
        let line = open("ws://a/", 101, Some("chat"), true);
        let expected = r#"{"t":"open","url":"ws://a/","status":101,"protocol":"chat","compressed":true}"#;
        assert_eq!(text(&line), format!("{expected}\n"));
        let line = Line::Message { text: Some("a\nb".into()), base64: None };
        assert_eq!(text(&line), "{\"t\":\"message\",\"text\":\"a\\nb\"}\n");
        let line = Line::binary(b"\xff\0");
        assert_eq!(text(&line), "{\"t\":\"message\",\"base64\":\"/wA=\"}\n");
        assert_eq!(Timed::read(text(&line).as_bytes()), Ok(Timed { time: None, line }));
        let line = Line::Closed { code: Some(1000), reason: "bye".into() };
        assert_eq!(text(&line), "{\"t\":\"closed\",\"code\":1000,\"reason\":\"bye\"}\n");
        for wrong in ["", r#","text":"a","base64":"""#, r#","base64":"?""#, r#","base64":"/w""#] {
            assert!(Timed::read(format!("{{\"t\":\"message\"{wrong}}}").as_bytes()).is_err(), "{wrong}");
        }
    }

    fn open(url: &'static str, status: u16, protocol: Option<&'static str>, compressed: bool) -> Line<'static> {
        Line::Open { url: url.into(), status, protocol: protocol.map(Into::into), compressed }
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
