//! Publishing to a server of ours over HTTP: the request for a publication, and what the answer to it means.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::{error, fmt};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::exchange::Answer;
use crate::http::{self, FieldError, Fields, Method, RequestHead, Url};

/// Something to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication<'a> {
    /// The channel's name.
    pub channel: &'a str,
    /// The event's name, if it has one.
    pub event: Option<&'a str>,
    /// What is published.
    pub data: Data<'a>,
}

/// The data of a [`Publication`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// Text.
    Text(&'a str),
    /// JSON text; readers get the value, not the text.
    Json(&'a str),
    /// Bytes of a content type; they have no event name.
    Bytes {
        /// What is published.
        bytes: &'a [u8],
        /// Its type, such as `image/png`; not `application/json`, which is for [`Data::Json`].
        content_type: &'a str,
    },
}

/// Why there is no request for a [`Publication`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// A header field cannot be sent.
    Field(FieldError),
    /// [`Data::Json`] is none; the line and column say where.
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// [`Data::Bytes`] with an event name.
    EventOfBytes,
}

/// The server's refusal, as a problem (RFC 9457) or as whatever it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The problem's stable name in `snake_case`.
    pub code: Option<Box<str>>,
    /// The problem's sentence: its `detail`, or else its `title`.
    pub reason: Option<Box<str>>,
}

impl Refusal {
    /// Reads a refusal from the answer's status and body; what is no problem has neither code nor reason.
    pub fn read(status: u16, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Problem {
            code: Option<Box<str>>,
            title: Option<Box<str>>,
            detail: Option<Box<str>>,
        }
        let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
        Self { status, code: problem.code, reason: problem.detail.or(problem.title) }
    }
}

impl Publication<'_> {
    /// Returns the request, head and body, for the server at `server`, with more `fields`: a `Host` among them takes the place of
    /// the server's; `Content-Type`, `Content-Length` and `Transfer-Encoding` are left out, for they follow from the publication.
    ///
    /// # Errors
    ///
    /// When the publication or a field cannot be sent.
    pub fn request(&self, server: &Url, fields: &Fields) -> Result<(RequestHead, Vec<u8>), PublishError> {
        let (content_type, body) = self.body()?;
        let base = server.target().split('?').next().unwrap_or_default().trim_end_matches('/');
        let target = format!("{base}/v1/channels/{}/publish", segment(self.channel));
        let mut head = RequestHead::new(Method::POST, &target);
        let host = fields.get("host").unwrap_or(server.authority().as_bytes());
        head.fields.set("host", host).map_err(PublishError::Field)?;
        head.fields.set("content-type", content_type).map_err(PublishError::Field)?;
        head.fields.set("content-length", format!("{}", body.len())).map_err(PublishError::Field)?;
        for (name, value) in fields.iter().filter(|(name, _)| !OWN.iter().any(|own| own.eq_ignore_ascii_case(name))) {
            head.fields.append(name, value).map_err(PublishError::Field)?;
        }
        Ok((head, body))
    }

    /// Returns the content type and the body: data that has no name of its own and is no JSON goes as it is.
    fn body(&self) -> Result<(&str, Vec<u8>), PublishError> {
        let data = match (self.data, self.event) {
            (Data::Bytes { bytes, content_type }, None) => return Ok((content_type, bytes.into())),
            (Data::Bytes { .. }, Some(_)) => return Err(PublishError::EventOfBytes),
            (Data::Text(text), None) => return Ok(("text/plain; charset=utf-8", text.into())),
            (Data::Text(text), Some(_)) => quoted(text),
            (Data::Json(text), _) => {
                serde_json::from_str::<IgnoredAny>(text)
                    .map_err(|error| PublishError::Json { line: error.line(), column: error.column() })?;
                text.trim().into()
            }
        };
        let event = self.event.map(|event| format!(",\"event\":{}", quoted(event))).unwrap_or_default();
        Ok(("application/json", format!("{{\"data\":{data}{event}}}").into()))
    }
}

/// Returns the ID of what was published.
///
/// # Errors
///
/// The server's refusal.
pub fn published(answer: &Answer) -> Result<Box<str>, Refusal> {
    #[derive(Deserialize)]
    struct Published {
        id: Box<str>,
    }
    let refused = || Refusal::read(answer.head.status, &answer.body);
    if !(200..300).contains(&answer.head.status) {
        return Err(refused());
    }
    serde_json::from_slice::<Published>(&answer.body).map(|published| published.id).map_err(|_| refused())
}

/// Returns `text` as a JSON string.
fn quoted(text: &str) -> String {
    // A string always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}

/// Returns `name` as one segment of a path (RFC 3986 §3.3); dots are encoded too, for a segment of dots alone has a meaning.
fn segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(error) => error.fmt(f),
            Self::Json { line, column } => write!(f, "the data is no JSON: see line {line}, column {column}"),
            Self::EventOfBytes => f.write_str("bytes have no event name; only text and JSON do"),
        }
    }
}

impl error::Error for PublishError {}

/// "403 Forbidden: this origin may not publish (origin_not_allowed)".
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (200..300).contains(&self.status) {
            return write!(f, "the server answered {} without an id; is it a Tidewire server?", self.status);
        }
        if self.status == 407 {
            return f
                .write_str("the proxy wants to know who asks (407); give its URL as http://USER:PASSWORD@HOST:PORT");
        }
        write!(f, "{} {}", self.status, http::reason_phrase(self.status))?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        Ok(())
    }
}

impl error::Error for Refusal {}

/// Fields that the request has of its own.
const OWN: [&str; 4] = ["host", "content-type", "content-length", "transfer-encoding"];

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use bytes::Bytes;

    use super::*;
    use crate::http::ResponseHead;

    #[test]
    fn text_goes_as_it_is() {
        assert_eq!(
            request("http://a:8080", news(None, Data::Text("Hello"))),
            "POST /v1/channels/news/publish HTTP/1.1\r\nhost: a:8080\r\n\
             content-type: text/plain; charset=utf-8\r\ncontent-length: 5\r\n\r\nHello"
        );
    }

    #[test]
    fn names_and_json_go_in_json() {
        let body =
            |event, data| request("http://a", news(event, data)).split_once("\r\n\r\n").map(|(_, b)| b.to_string());
        assert_eq!(body(Some("a\"b"), Data::Text("x\ny")).as_deref(), Some(r#"{"data":"x\ny","event":"a\"b"}"#));
        assert_eq!(body(None, Data::Json(" [1.10, 2]\n")).as_deref(), Some(r#"{"data":[1.10, 2]}"#));
        assert_eq!(body(Some("e"), Data::Json("null")).as_deref(), Some(r#"{"data":null,"event":"e"}"#));
    }

    #[test]
    fn bytes_keep_their_type_and_have_no_name() {
        let data = Data::Bytes { bytes: b"\xff", content_type: "image/png" };
        let (head, body) = news(None, data).request(&url("http://a"), &Fields::new()).expect("it can be sent");
        assert_eq!(head.fields.get_str("content-type"), Some("image/png"));
        assert_eq!(body, b"\xff");
        let refused = news(Some("e"), data).request(&url("http://a"), &Fields::new());
        assert_eq!(refused, Err(PublishError::EventOfBytes));
    }

    #[test]
    fn more_fields_go_along_but_for_those_that_follow_from_the_publication() {
        let mut fields = Fields::new();
        for (name, value) in [("Host", "b"), ("Content-Length", "9"), ("X-One", "1"), ("x-one", "2")] {
            fields.append(name, value).expect("it is a field");
        }
        let (head, _) = news(None, Data::Text("x")).request(&url("http://a"), &fields).expect("it can be sent");
        let sent: Vec<(&str, &[u8])> = head.fields.iter().collect();
        assert_eq!(
            sent,
            [
                ("host", &b"b"[..]),
                ("content-type", b"text/plain; charset=utf-8"),
                ("content-length", b"1"),
                ("X-One", b"1"),
                ("x-one", b"2"),
            ]
        );
    }

    #[test]
    fn data_that_is_no_json_is_refused_with_its_place() {
        for text in ["", "{", "{\"data\":1}}", "1,\"event\":\"x\""] {
            let refused = news(None, Data::Json(text)).request(&url("http://a"), &Fields::new());
            assert!(matches!(refused, Err(PublishError::Json { .. })), "{text}");
        }
    }

    #[test]
    fn the_path_stands_behind_that_of_the_server_and_a_name_is_one_segment() {
        for (server, channel, line) in [
            ("http://a/", "news", "POST /v1/channels/news/publish HTTP/1.1"),
            ("http://a/live/?x=1", "news", "POST /live/v1/channels/news/publish HTTP/1.1"),
            ("http://a/live", "a/b c?é%", "POST /live/v1/channels/a%2Fb%20c%3F%C3%A9%25/publish HTTP/1.1"),
            ("http://a", "..", "POST /v1/channels/%2E%2E/publish HTTP/1.1"),
        ] {
            let publication = Publication { channel, event: None, data: Data::Text("") };
            assert_eq!(request(server, publication).lines().next(), Some(line));
        }
    }

    #[test]
    fn the_answer_has_the_id_or_says_why_not() {
        assert_eq!(published(&answer(200, r#"{"id":"a-1","more":true}"#)).as_deref(), Ok("a-1"));
        let text = |status, body| published(&answer(status, body)).expect_err("no id").to_string();
        let problem = r#"{"type":"about:blank","title":"T","detail":"the name is too long","code":"bad_name"}"#;
        assert_eq!(text(400, problem), "400 Bad Request: the name is too long (bad_name)");
        assert_eq!(text(403, r#"{"title":"no"}"#), "403 Forbidden: no");
        assert_eq!(text(502, "<html>"), "502 Bad Gateway");
        assert_eq!(text(200, "<html>"), "the server answered 200 without an id; is it a Tidewire server?");
    }

    fn news<'a>(event: Option<&'a str>, data: Data<'a>) -> Publication<'a> {
        Publication { channel: "news", event, data }
    }

    fn request(server: &str, publication: Publication<'_>) -> String {
        let (head, body) = publication.request(&url(server), &Fields::new()).expect("it can be sent");
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        bytes.extend(body);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer { head: ResponseHead::new(status), body: Bytes::from_static(body.as_bytes()) }
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("it is one")
    }
}
