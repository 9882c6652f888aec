use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::page::Page;
use super::problem::Problem;
use crate::http::Target;

/// What a path is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Page(Page),
    Events,
    Publish { channel: String },
    Live,
    Ready,
}

impl Route {
    pub(super) fn find(target: &Target<'_>) -> Result<Self, Problem> {
        let segments: Vec<Cow<'_, str>> =
            target.segments().collect::<Result<_, _>>().map_err(|_| Problem::InvalidTarget)?;
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        Ok(match segments.as_slice() {
            [] | [""] => Self::Page(Page::Html),
            ["page.css"] => Self::Page(Page::Style),
            ["page.js"] => Self::Page(Page::Script),
            ["v1", "events"] => Self::Events,
            ["v1", "channels", channel, "publish"] => Self::Publish { channel: String::from(*channel) },
            ["health", "live"] => Self::Live,
            ["health", "ready"] => Self::Ready,
            _ => return Err(Problem::NotFound),
        })
    }

    /// Returns the methods that the path knows, as in `Allow` (RFC 9110 §10.2.1).
    pub(super) const fn allowed(&self) -> &'static str {
        match self {
            Self::Page(_) | Self::Events | Self::Live | Self::Ready => "GET, HEAD, OPTIONS",
            Self::Publish { .. } => "POST, OPTIONS",
        }
    }
}
