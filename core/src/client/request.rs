use alloc::string::ToString;

use bytes::Bytes;

use super::{Config, Resend};
use crate::http::{Fields, Method, RequestHead, Url};
use crate::sse::CONTENT_TYPE;

/// One request for a stream, or for a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// The fields, without those that HTTP/1.1 needs for itself ([`head`](Self::head) has them).
    pub fields: Fields,
    /// The body.
    pub body: Option<Bytes>,
}

impl Request {
    /// Returns the configured request, resuming after `last_event_id`.
    pub(super) fn new(config: &Config, last_event_id: &str) -> Self {
        Self::with_defaults(&DEFAULTS, config, last_event_id)
    }

    /// Returns the configured request, which is not for an event stream.
    pub(super) fn of_web_socket(config: &Config) -> Self {
        Self::with_defaults(&[USER_AGENT], config, "")
    }

    fn with_defaults(defaults: &[(&str, &str)], config: &Config, last_event_id: &str) -> Self {
        let mut fields = Fields::new();
        let mut add = |name: &str, value: &[u8]| {
            // An id with control characters is refused by Fields: there is no way to send it.
            let _ = fields.append(name, value);
        };
        for &(name, value) in defaults {
            if !config.fields.contains(name) {
                add(name, value.as_bytes());
            }
        }
        // RFC 9110 §12.5.3: "If no Accept-Encoding header field is in the request, any content coding is considered
        // acceptable".
        if !config.fields.contains("accept-encoding") {
            add("Accept-Encoding", config.accept_encoding().as_bytes());
        }
        for (name, value) in config.fields.iter() {
            if !name.eq_ignore_ascii_case("last-event-id") && !FRAMING.iter().any(|own| name.eq_ignore_ascii_case(own))
            {
                add(name, value);
            }
        }
        // HTML §9.2.2: "If the EventSource object's last event ID string is not the empty string, then: Let lastEventIDValue
        // be the EventSource object's last event ID string, encoded as UTF-8. Set (`Last-Event-ID`, lastEventIDValue) in
        // request's header list."
        if !last_event_id.is_empty() {
            add("Last-Event-ID", last_event_id.as_bytes());
        }
        let mut request =
            Self { method: config.method.clone(), url: config.url.clone(), fields, body: config.body.clone() };
        if config.resend == Resend::ByGet && !last_event_id.is_empty() {
            request.become_get();
            // Nothing but the stream can be gone on with.
            let _ = request.fields.set("Accept", CONTENT_TYPE);
        }
        request
    }

    /// Lets the [hook](Config::before_request) of `config` change the request.
    pub(super) fn prepare(&mut self, config: &Config, attempt: u64) {
        let Some(hook) = &config.before_request else { return };
        hook.change(self, attempt);
        for name in FRAMING {
            self.fields.remove(name);
        }
    }

    /// Drops the body and what describes it.
    pub(super) fn become_get(&mut self) {
        self.method = Method::GET;
        self.body = None;
        for name in BODY_FIELDS {
            self.fields.remove(name);
        }
    }

    /// Returns the head of the request in HTTP/1.1.
    pub fn head(&self) -> RequestHead {
        let mut head = RequestHead::new(self.method.clone(), self.url.target());
        // A host of a Url and digits are always well formed, and the other fields have been checked before.
        if !self.fields.contains("host") {
            let _ = head.fields.append("Host", self.url.authority());
        }
        for (name, value) in self.fields.iter() {
            let _ = head.fields.append(name, value);
        }
        // RFC 9110 §8.6: "A user agent SHOULD send Content-Length in a request when the method defines a meaning for
        // enclosed content and it is not sending Transfer-Encoding."
        let length = self.body.as_ref().map(Bytes::len);
        let has_meaning = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        if let Some(length) = length.or(has_meaning.then_some(0)) {
            let _ = head.fields.append("Content-Length", length.to_string());
        }
        head
    }
}

/// What is sent unless the caller has fields of the same name.
const DEFAULTS: [(&str, &str); 3] = [
    // HTML §9.2.2: "User agents may set (`Accept`, `text/event-stream`) in request's header list"; "cache mode is
    // `no-store`".
    ("Accept", CONTENT_TYPE),
    ("Cache-Control", "no-cache"),
    USER_AGENT,
];

const USER_AGENT: (&str, &str) = ("User-Agent", concat!("tidewire/", env!("CARGO_PKG_VERSION")));

/// What follows from the body.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

/// Fetch §2.2.2, "request-body-header name"; the length and the framing belong to the same body.
const BODY_FIELDS: [&str; 6] =
    ["content-encoding", "content-language", "content-location", "content-type", "content-length", "transfer-encoding"];
