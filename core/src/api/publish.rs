use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::Data;
use super::problem::Problem;
use crate::http::{Fields, MediaType};

/// A publication as it was asked for.
#[derive(Debug)]
pub(super) struct Publication<'a> {
    pub(super) data: Data<'a>,
    pub(super) content_type: Option<&'a str>,
    pub(super) event: Option<Cow<'a, str>>,
    pub(super) metadata: Option<&'a RawValue>,
    pub(super) thread_id: Option<Cow<'a, str>>,
    pub(super) nonce: Option<Cow<'a, str>>,
}

/// The body of a publication in JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow, default)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thread_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    nonce: Option<Cow<'a, str>>,
}

impl<'a> Publication<'a> {
    /// Reads a publication from the body of a request, by its content type:
    ///
    /// - `application/json`: an object with `data` and what goes with it;
    /// - none, `text/plain` and what `curl -d` sends (`application/x-www-form-urlencoded`): the body is a string;
    /// - any other `text/…`: a string with its content type;
    /// - everything else: base64 with its content type.
    pub(super) fn read(fields: &'a Fields, body: &'a [u8], max: usize) -> Result<Self, Problem> {
        if body.len() > max {
            return Err(Problem::MessageTooLong(max));
        }
        if fields.get_str("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Err(Problem::UnsupportedCoding);
        }
        let Some(content_type) = fields.get("content-type") else { return Self::text(None, body) };
        let media = MediaType::parse(content_type).ok_or_else(|| invalid("content-type is no media type"))?;
        if media.is("application/json") {
            return Self::json(body);
        }
        if media.is("text/plain") || media.is("application/x-www-form-urlencoded") {
            return Self::text(None, body);
        }
        let content_type = fields.get_str("content-type").ok_or_else(|| invalid("content-type is not ASCII"))?;
        let is_text = media.essence().get(..5).is_some_and(|kind| kind.eq_ignore_ascii_case("text/"));
        if is_text {
            return Self::text(Some(content_type), body);
        }
        Ok(Self::bare(Data::Base64(STANDARD.encode(body).into()), Some(content_type)))
    }

    /// Makes a publication of a text.
    pub(super) fn from_text(text: &'a str, max: usize) -> Result<Self, Problem> {
        if text.len() > max {
            return Err(Problem::MessageTooLong(max));
        }
        Ok(Self::bare(Data::Text(text), None))
    }

    fn text(content_type: Option<&'a str>, body: &'a [u8]) -> Result<Self, Problem> {
        let text = core::str::from_utf8(body).map_err(|_| Problem::InvalidText)?;
        Ok(Self::bare(Data::Text(text), content_type))
    }

    fn json(body: &'a [u8]) -> Result<Self, Problem> {
        let json: Json<'a> = serde_json::from_slice(body).map_err(|error| Problem::InvalidBody(error.to_string()))?;
        for (name, value) in [("event", &json.event), ("thread_id", &json.thread_id), ("nonce", &json.nonce)] {
            check_name(name, value.as_deref())?;
        }
        if json.metadata.is_some_and(|metadata| !metadata.get().starts_with('{')) {
            return Err(invalid("`metadata` is not an object"));
        }
        Ok(Self {
            data: Data::Json(json.data),
            content_type: None,
            event: json.event,
            metadata: json.metadata,
            thread_id: json.thread_id,
            nonce: json.nonce,
        })
    }

    fn bare(data: Data<'a>, content_type: Option<&'a str>) -> Self {
        Self { data, content_type, event: None, metadata: None, thread_id: None, nonce: None }
    }
}

fn check_name(name: &str, value: Option<&str>) -> Result<(), Problem> {
    match value {
        Some(value) if value.is_empty() || value.len() > MAX_NAME || value.chars().any(char::is_control) => {
            let rule: Box<str> = format!("`{name}` is not 1 to {MAX_NAME} bytes without control characters").into();
            Err(invalid(&rule))
        }
        _ => Ok(()),
    }
}

fn invalid(what: &str) -> Problem {
    Problem::InvalidBody(what.into())
}

const MAX_NAME: usize = 128;
