use alloc::vec::Vec;

use super::reply::{add, reply};
use crate::server::Reply;

/// One file of the page at `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Html,
    Style,
    Script,
}

impl Page {
    pub(super) fn reply(self) -> Reply {
        let (media_type, text) = match self {
            Self::Html => ("text/html; charset=utf-8", include_str!("page/index.html")),
            Self::Style => ("text/css; charset=utf-8", include_str!("page/page.css")),
            Self::Script => ("text/javascript; charset=utf-8", include_str!("page/page.js")),
        };
        let mut reply = reply(200, media_type, Vec::from(text));
        for (name, value) in FIELDS {
            add(&mut reply.fields, name, value);
        }
        reply
    }
}

const FIELDS: [(&str, &str); 4] = [
    ("cache-control", "no-cache"),
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; script-src 'self'; style-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
