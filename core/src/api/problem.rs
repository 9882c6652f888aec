use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::Serialize;

use super::reply::{add, reply};
use crate::http::reason_phrase;
use crate::server::{AccessError, Reply};

/// Why a request was refused; answered as `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// 404: nothing is at this path.
    NotFound,
    /// 405: the path does not know the method; these are the ones it knows.
    MethodNotAllowed(&'static str),
    /// 406: the client does not accept an event stream.
    NotAcceptable,
    /// 403: the `Host` field names no host of this server (which stops DNS rebinding).
    HostNotAllowed,
    /// 403: a page of another origin asked.
    OriginNotAllowed,
    /// 400: a stream of no channel.
    ChannelMissing,
    /// 400: the name of a channel breaks the rules.
    InvalidChannel,
    /// 400: more channels than one stream may follow; the limit.
    TooManyChannels(usize),
    /// 400: the path is not percent-encoded UTF-8.
    InvalidTarget,
    /// 400: the name of a user breaks the rules.
    InvalidUser,
    /// 400: the JSON body breaks the rules; what is wrong.
    InvalidBody(String),
    /// 400: a body of a text type that is not UTF-8.
    InvalidText,
    /// 413: the publication is longer than this many bytes.
    MessageTooLong(usize),
    /// 413: the publication is larger than all that a channel keeps.
    LongerThanHistory,
    /// 415: the content coding of the body is not known.
    UnsupportedCoding,
    /// 404: the channel is not there, and none is made on demand.
    ChannelNotFound,
    /// 503: the server is closing; come back later.
    Draining(Duration),
    /// 503: a limit of the whole server is reached; come back later.
    Overloaded(Duration),
}

impl Problem {
    /// Returns the status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::ChannelMissing
            | Self::InvalidChannel
            | Self::TooManyChannels(_)
            | Self::InvalidTarget
            | Self::InvalidUser
            | Self::InvalidBody(_)
            | Self::InvalidText => 400,
            Self::HostNotAllowed | Self::OriginNotAllowed => 403,
            Self::NotFound | Self::ChannelNotFound => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::NotAcceptable => 406,
            Self::MessageTooLong(_) | Self::LongerThanHistory => 413,
            Self::UnsupportedCoding => 415,
            Self::Draining(_) | Self::Overloaded(_) => 503,
        }
    }

    /// Returns the code: a word for programs that never changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::NotAcceptable => "not_acceptable",
            Self::HostNotAllowed => "host_not_allowed",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::ChannelMissing => "channel_missing",
            Self::InvalidChannel => "invalid_channel",
            Self::TooManyChannels(_) => "too_many_channels",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidUser => "invalid_user",
            Self::InvalidBody(_) => "invalid_body",
            Self::InvalidText => "invalid_text",
            Self::MessageTooLong(_) | Self::LongerThanHistory => "message_too_long",
            Self::UnsupportedCoding => "unsupported_coding",
            Self::ChannelNotFound => "channel_not_found",
            Self::Draining(_) => "draining",
            Self::Overloaded(_) => "overloaded",
        }
    }

    /// Returns the answer.
    pub(super) fn reply(&self) -> Reply {
        let body = Body {
            r#type: "about:blank",
            title: reason_phrase(self.status()),
            status: self.status(),
            code: self.code(),
            detail: format!("{self}"),
        };
        // Writing text and numbers to memory does not fail.
        let body: Vec<u8> = serde_json::to_vec(&body).unwrap_or_default();
        let mut reply = reply(self.status(), "application/problem+json", body);
        match self {
            Self::MethodNotAllowed(allowed) => add(&mut reply.fields, "allow", allowed),
            Self::Draining(after) | Self::Overloaded(after) => {
                let seconds = after.as_nanos().div_ceil(1_000_000_000).max(1);
                add(&mut reply.fields, "retry-after", &format!("{seconds}"));
            }
            _ => {}
        }
        reply
    }
}

/// Names what is wrong, the limit and what to do.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: Cow<'static, str> = match self {
            Self::NotFound => "nothing is at this path; streams are at /v1/events?channel=NAME".into(),
            Self::MethodNotAllowed(allowed) => format!("this path answers to {allowed} only").into(),
            Self::NotAcceptable => "this path answers with text/event-stream, which the Accept field excludes".into(),
            Self::HostNotAllowed => {
                "the Host field names a host that this server does not go by; start it with --allow-host to add one"
                    .into()
            }
            Self::OriginNotAllowed => {
                "pages of this origin may not use this server; start it with --allow-origin to add it".into()
            }
            Self::ChannelMissing => "name at least one channel: /v1/events?channel=NAME".into(),
            Self::InvalidChannel => NAME_RULE.into(),
            Self::TooManyChannels(most) => {
                format!("one stream follows at most {most} channels; open a second one").into()
            }
            Self::InvalidTarget => "the path is not percent-encoded UTF-8".into(),
            Self::InvalidUser => "`user` is 1 to 128 bytes of UTF-8 without control characters".into(),
            Self::InvalidBody(what) => format!("the body is not a publication: {what}").into(),
            Self::InvalidText => "the body is not UTF-8; send bytes as application/octet-stream".into(),
            Self::MessageTooLong(most) => {
                format!("a publication is at most {most} bytes long; send less, or in parts, or start the server with more --max-message").into()
            }
            Self::LongerThanHistory => {
                "a publication cannot be larger than what a channel keeps; send less, or start the server with more \
                 --history-bytes and --history-total"
                    .into()
            }
            Self::UnsupportedCoding => "the body is encoded; send it without Content-Encoding".into(),
            Self::ChannelNotFound => "there is no channel of this name".into(),
            Self::Draining(_) => "the server is closing; try again".into(),
            Self::Overloaded(_) => "the server has as many connections, readers or channels as it may have; try again later, or start it with \
                 more --max-connections, --max-connections-per-ip or --max-readers"
                    .into(),
        };
        f.write_str(&text)
    }
}

impl core::error::Error for Problem {}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Host => Self::HostNotAllowed,
            AccessError::Origin => Self::OriginNotAllowed,
        }
    }
}

#[derive(Serialize)]
struct Body {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: String,
}

const NAME_RULE: &str =
    "the name of a channel is 1 to 128 bytes of UTF-8 without control characters, spaces, commas and slashes";
