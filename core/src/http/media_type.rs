use alloc::borrow::Cow;
use alloc::string::String;

use super::{is_token, trim};

/// The value of a `Content-Type` field: an essence and parameters (RFC 9110 §8.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    essence: &'a str,
    parameters: &'a str,
}

impl<'a> MediaType<'a> {
    /// Takes a field value apart; `None` when it does not begin with `type/subtype`.
    ///
    /// Parameters that are not well formed are left out, as the MIME Sniffing standard (§4.4) has it.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = str::from_utf8(trim(value)).ok()?;
        let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
        let essence = essence.trim_end_matches(SPACE);
        let (kind, subtype) = essence.split_once('/')?;
        (is_token(kind.as_bytes()) && is_token(subtype.as_bytes())).then_some(Self { essence, parameters })
    }

    /// Returns `type/subtype` as it was sent; compare with [`is`](Self::is).
    pub const fn essence(&self) -> &'a str {
        self.essence
    }

    /// Returns whether this is the type `essence`, in any case, whatever the parameters.
    pub fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    /// Returns the parameter `charset`, as it was sent.
    pub fn charset(&self) -> Option<Cow<'a, str>> {
        self.parameter("charset")
    }

    /// Returns the first parameter with this name, in any case, without its quotes.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut rest = self.parameters;
        while !rest.is_empty() {
            let (parameter, tail) = split_parameter(rest);
            rest = tail;
            if let Some((found, value)) = parameter
                && found.eq_ignore_ascii_case(name)
            {
                return Some(value);
            }
        }
        None
    }
}

/// Returns the first parameter, if it is well formed, and what follows its semicolon.
fn split_parameter(text: &str) -> (Option<(&str, Cow<'_, str>)>, &str) {
    let text = text.trim_start_matches(SPACE);
    let name_end = text.find([';', '=']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(name_end).unwrap_or((text, ""));
    let Some(value) = rest.strip_prefix('=') else {
        return (None, rest.strip_prefix(';').unwrap_or_default());
    };
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, rest) = unquote(quoted);
        let rest = rest.split_once(';').map_or("", |(_, rest)| rest);
        return (is_token(name.as_bytes()).then_some((name, value)), rest);
    }
    let (value, rest) = value.split_once(';').unwrap_or((value, ""));
    let value = value.trim_end_matches(SPACE);
    let well_formed = is_token(name.as_bytes()) && is_token(value.as_bytes());
    (well_formed.then_some((name, Cow::Borrowed(value))), rest)
}

/// Returns what stands before the closing quote, with each `\x` as `x`, and what stands after it.
fn unquote(text: &str) -> (Cow<'_, str>, &str) {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return (Cow::Owned(value), chars.as_str()),
            '\\' => value.extend(chars.next()),
            char => value.push(char),
        }
    }
    (Cow::Owned(value), "")
}

const SPACE: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    fn charset(value: &str) -> Option<String> {
        MediaType::parse(value.as_bytes()).unwrap().charset().map(Cow::into_owned)
    }

    #[test]
    fn essence_compares_without_case_and_parameters() {
        for value in
            ["text/event-stream", "Text/Event-Stream ; charset=UTF-8", " text/event-stream;", "text/event-stream\t"]
        {
            assert!(MediaType::parse(value.as_bytes()).unwrap().is("text/event-stream"), "{value}");
        }
        for value in ["text/event-streams", "text/plain; text/event-stream", "application/text/event-stream"] {
            let media_type = MediaType::parse(value.as_bytes());
            assert!(media_type.is_none_or(|media_type| !media_type.is("text/event-stream")), "{value}");
        }
        assert_eq!(MediaType::parse(b"Text/Plain;x").unwrap().essence(), "Text/Plain");
    }

    #[test]
    fn what_is_no_media_type_is_none() {
        for value in [
            &b""[..],
            b"text",
            b"text/",
            b"/plain",
            b";a=b",
            b"te xt/plain",
            b"text/pl ain",
            b"a/b/c",
            b"a/b, c/d",
            b"\xff/a",
        ] {
            assert_eq!(MediaType::parse(value), None, "{value:?}");
        }
    }

    #[test]
    fn parameters_are_found_in_any_case_and_without_quotes() {
        assert_eq!(charset("a/b;charset=utf-8").as_deref(), Some("utf-8"));
        assert_eq!(charset("a/b; Charset=utf-8 ; x=y").as_deref(), Some("utf-8"));
        assert_eq!(charset("a/b;x=y;charset=\"utf-8\"").as_deref(), Some("utf-8"));
        assert_eq!(charset("a/b;x=\";charset=no\\\"\" ;charset=yes").as_deref(), Some("yes"));
        assert_eq!(charset("a/b;charset=\"a\\\"b\\\\c\"").as_deref(), Some("a\"b\\c"));
        assert_eq!(charset("a/b;charset=\"open").as_deref(), Some("open"));
        assert_eq!(charset("a/b;charset=\"\"").as_deref(), Some(""));
        assert_eq!(charset("a/b;charset=\"x\"y;z=1").as_deref(), Some("x"));
    }

    #[test]
    fn malformed_parameters_are_left_out() {
        for value in [
            "a/b",
            "a/b;",
            "a/b;;",
            "a/b;charset",
            "a/b;charset=",
            "a/b; charset =x",
            "a/b;charset=x y",
            "a/b;x=charset",
        ] {
            assert_eq!(charset(value), None, "{value}");
        }
        assert_eq!(charset("a/b;charset;charset=x").as_deref(), Some("x"));
        assert_eq!(charset("a/b; ;=;charset=x").as_deref(), Some("x"));
        assert_eq!(charset("a/b;ch ar=\"y\";charset=x").as_deref(), Some("x"));
    }
}
