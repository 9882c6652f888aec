use alloc::format;
use alloc::string::{String, ToString};

use super::{Refusal, Reply};
use crate::http::{Fields, reason_phrase};

/// Makes the answer to a request that was refused, as problem details (RFC 9457).
pub(super) fn reply(refusal: Refusal) -> Reply {
    problem(refusal.status(), refusal.code(), &refusal.to_string())
}

/// Makes an answer of problem details.
pub(super) fn problem(status: u16, code: &str, detail: &str) -> Reply {
    let (title, detail) = (reason_phrase(status), escape(detail));
    let body =
        format!(r#"{{"type":"about:blank","title":"{title}","status":{status},"code":"{code}","detail":"{detail}"}}"#);
    let mut fields = Fields::new();
    // A literal that is well formed.
    let _ = fields.append("content-type", "application/problem+json");
    Reply { status, fields, body: body.into() }
}

/// The answer to the request that was refused, for who reads requests otherwise.
impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        reply(refusal)
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '\\' => escaped.extend(['\\', char]),
            '\0'..='\x1f' => escaped.push(' '),
            _ => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_string_is_escaped() {
        assert_eq!(escape("say \"a\\b\"\n`c`"), "say \\\"a\\\\b\\\" `c`");
    }
}
