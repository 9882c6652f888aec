//! The Model Context Protocol over Streamable HTTP, as configurations of the client (feature `json`).
//!
//! A client of MCP sends every JSON-RPC message as a POST of its own. The server answers a request with one JSON object or
//! with an event stream that ends with the response. What becomes of a stream that breaks off depends on the version:
//!
//! | | [2025-11-25](Config::mcp_2025_11_25) | [2026-07-28](Config::mcp_2026_07_28) |
//! |---|---|---|
//! | the answer is JSON | [`Event::Answer`], then [`CloseReason::Answered`] | the same |
//! | the stream brings the response | [`Event::Message`], then [`CloseReason::Complete`] | the same |
//! | an event with an id and empty data | is left out, its id counts: the stream can be resumed | is left out |
//! | the connection ends before the response, after an id | [`Event::Disconnected`]; after the server's `retry`, or the [backoff](Config::backoff), a GET with `Last-Event-ID` goes on with the stream | [`CloseReason::Lost`] |
//! | … without an id | [`CloseReason::NotResent`]: a POST is not repeated unasked | [`CloseReason::Lost`] |
//! | [`close`](super::EventSource::close) | drops the connection, but the server works on; to cancel, POST `notifications/cancelled` | drops the connection, which cancels the request |
//! | 404 | [`CloseReason::Status`]: the session is gone; `initialize` again without it | [`CloseReason::Status`]: no such method, or no such endpoint |
//! | 405 | [`CloseReason::Status`]: the server cannot resume, or offers nothing to [listen](Config::mcp_2025_11_25_listen) to | [`CloseReason::Status`] |
//! | 429 and 503 | are tried again | [`CloseReason::Status`], or as [`Config::retry_status`] says, with [`Config::reconnect`] and [`Resend::Refused`] |
//! | any other status | [`CloseReason::Status`], with the body, which may be a JSON-RPC error | the same |
//!
//! [`Event::json`] decodes a message and an answer alike. What has no answer but 202, that is notifications and responses,
//! goes by [`exchange`](super::exchange), and so does the DELETE that ends a session.
//!
//! ```
//! use tidewire_core::client::{Config, mcp};
//! use tidewire_core::http::Url;
//!
//! let url = Url::parse("http://localhost:3000/mcp")?;
//! let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"weather","arguments":{}}}"#;
//! let mut config = Config::mcp_2025_11_25(url, call);
//! // What the answer to `initialize` had in its head: see `mcp::session_id`.
//! config.fields.set(mcp::SESSION_ID, "1868a90c")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

#[cfg(doc)]
use super::{CloseReason, Event};
use super::{Config, Mark, Marks, Resend, RetryStatus};
use crate::http::{Method, ResponseHead, Url};
use crate::sse::{CONTENT_TYPE, MessageRef};

/// The field with the session, of version 2025-11-25: in the response to `initialize`, and in all later requests.
pub const SESSION_ID: &str = "MCP-Session-Id";

/// The field with the version of the protocol.
pub const PROTOCOL_VERSION: &str = "MCP-Protocol-Version";

/// The field with the method of the request, of version 2026-07-28.
pub const METHOD: &str = "Mcp-Method";

/// The field with the name of the tool or prompt, or the URI of the resource, of version 2026-07-28.
pub const NAME: &str = "Mcp-Name";

/// Longest answer in one piece, in bytes: as an event of a stream.
pub const MAX_ANSWER: usize = 16 << 20;

impl Config {
    /// Returns the configuration for a JSON-RPC request to an MCP server of version 2025-11-25 (or 2025-06-18, with the
    /// field [`PROTOCOL_VERSION`] changed). The table of the [module](super::mcp) says what happens when.
    ///
    /// The session, if there is one, is for the caller to add: [`SESSION_ID`]. A request `initialize`, by
    /// which versions are agreed on, goes without the field for the version. To go on with a stream of an earlier process,
    /// set [`last_event_id`](Self::last_event_id): then the first request is the GET. Ten failures in a row are the end.
    pub fn mcp_2025_11_25(url: Url, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let request = Request::of(&body);
        let mut config = call(url, body, &request);
        if request.method.as_deref() != Some("initialize") {
            config.set(PROTOCOL_VERSION, "2025-11-25");
        }
        // "Resumption is always via HTTP GET with `Last-Event-ID`."
        config.resend = Resend::ByGet;
        // Both say "not now"; after other errors of a server or a gateway, it may have acted.
        config.retry_status = RetryStatus::NEVER.with(429).with(503);
        config.max_failures = Some(10);
        config
    }

    /// Returns the configuration for the stream, of version 2025-11-25, on which an MCP server sends requests and
    /// notifications of its own: a GET, resumed for ever. A server that has none answers 405: [`CloseReason::Status`].
    pub fn mcp_2025_11_25_listen(url: Url) -> Self {
        let mut config = Self::new(url);
        config.set(PROTOCOL_VERSION, "2025-11-25");
        config.retry_status = RetryStatus::NEVER.with(429).with(503);
        config.marks = Marks::none().skip_empty();
        config
    }

    /// Returns the configuration for a JSON-RPC request to an MCP server of version 2026-07-28. The table of the
    /// [module](super::mcp) says what happens when.
    ///
    /// The fields that repeat what the body says are set from it ([`METHOD`], [`NAME`]); those that
    /// a tool asks for by `x-mcp-header` are for the caller to add, by [`field_value`].
    pub fn mcp_2026_07_28(url: Url, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let request = Request::of(&body);
        let mut config = call(url, body, &request);
        config.set(PROTOCOL_VERSION, "2026-07-28");
        if let Some(method) = &request.method {
            config.set(METHOD, method);
        }
        if let Some(name) = request.name() {
            config.set(NAME, &field_value(name));
        }
        // "Resumable SSE streams via `Last-Event-ID` are not supported."
        config.reconnect = false;
        config
    }

    fn set(&mut self, name: &str, value: &str) {
        // One that cannot stand in a field is for the server to miss.
        let _ = self.fields.set(name, value);
    }
}

/// What all versions have in common.
fn call(url: Url, body: Bytes, request: &Request) -> Config {
    let mut config = Config::new(url);
    config.method = Method::POST;
    // "The client MUST include an `Accept` header, listing both `application/json` and `text/event-stream` as supported
    // content types."
    config.set("Accept", &format!("application/json, {CONTENT_TYPE}"));
    config.set("Content-Type", "application/json");
    config.max_answer = Some(MAX_ANSWER);
    let id = request.id.clone();
    config.marks = Marks::none().skip_empty().with(move |message| mark(message, id.as_ref()));
    config.body = Some(body);
    config
}

/// Returns the session that the response to `initialize` begins, if it does; it consists of visible ASCII.
pub fn session_id(head: &ResponseHead) -> Option<&str> {
    let id = head.fields.get_str(SESSION_ID)?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic())).then_some(id)
}

/// Returns `value` as it stands in a field: as it is, or `=?base64?…?=` where it is not plain ASCII, has spaces around it or
/// looks as if it were encoded.
pub fn field_value(value: &str) -> Cow<'_, str> {
    let is_plain = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) && value.trim() == value;
    let looks_encoded = value.starts_with("=?base64?") && value.ends_with("?=");
    if is_plain && !looks_encoded {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(format!("=?base64?{}?=", STANDARD.encode(value)))
    }
}

/// The response to the request is the last message of its stream.
fn mark(message: MessageRef<'_>, id: Option<&Value>) -> Mark {
    match serde_json::from_str::<Message>(message.data()) {
        Ok(found) if found.responds_to(id) => Mark::Last,
        _ => Mark::Message,
    }
}

/// A JSON-RPC request, as far as the fields of HTTP need it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Request {
    id: Option<Value>,
    method: Option<String>,
    /// Only looked into where the method says what there is: `null`, or a parameter of another type, is for the server to judge.
    params: Value,
}

impl Request {
    /// Reads what `body` says; nothing if it is no request.
    fn of(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// What stands in the field [`NAME`].
    fn name(&self) -> Option<&str> {
        let parameter = match self.method.as_deref()? {
            "tools/call" | "prompts/get" => "name",
            "resources/read" => "uri",
            _ => return None,
        };
        self.params.get(parameter)?.as_str()
    }
}

/// A JSON-RPC message of a server.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    id: Option<Value>,
    result: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

impl Message {
    /// JSON-RPC 2.0 §5: "id […] MUST be the same as the value of the id member in the Request Object. If there was an error
    /// in detecting the id in the Request object […], it MUST be Null."
    fn responds_to(&self, id: Option<&Value>) -> bool {
        let is_response = self.result.is_some() || self.error.is_some();
        is_response && (id.is_none() || self.id.as_ref() == id || (self.error.is_some() && self.id.is_none()))
    }
}
