use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::host::HostPort;
use super::{Method, percent};

/// A request target, taken apart (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    form: Form,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

/// The forms of a request target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`
    Origin,
    /// `http://host/path?query`, as sent to a proxy.
    Absolute,
    /// `host:port`, with CONNECT only.
    Authority,
    /// `*`, with OPTIONS only.
    Asterisk,
}

impl<'a> Target<'a> {
    /// Takes a target apart.
    ///
    /// # Errors
    ///
    /// When it has none of the four forms, or not the one that `method` asks for.
    pub fn parse(method: &Method, target: &'a str) -> Result<Self, TargetError> {
        if target.contains('#') {
            return Err(TargetError::Fragment);
        }
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TargetError::Form);
        }
        if *method == Method::CONNECT {
            let authority = HostPort::parse(target).filter(|parts| !parts.host.is_empty());
            let port = authority.and_then(|parts| parts.port).unwrap_or_default();
            let target = Self { form: Form::Authority, authority: Some(target), path: "", query: None };
            return if port.is_empty() { Err(TargetError::Form) } else { Ok(target) };
        }
        if target == "*" {
            let target = Self { form: Form::Asterisk, authority: None, path: "*", query: None };
            return if *method == Method::OPTIONS { Ok(target) } else { Err(TargetError::Form) };
        }
        if target.starts_with('/') {
            let (path, query) = split_query(target);
            return Ok(Self { form: Form::Origin, authority: None, path, query });
        }
        let rest = strip_scheme(target, "http://").or_else(|| strip_scheme(target, "https://"));
        let rest = rest.ok_or(TargetError::Form)?;
        let (authority, rest) =
            rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len())).unwrap_or((rest, ""));
        HostPort::parse(authority).filter(|parts| !parts.host.is_empty()).ok_or(TargetError::Authority)?;
        let (path, query) = split_query(rest);
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { form: Form::Absolute, authority: Some(authority), path, query })
    }

    /// Returns the form.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Returns the host and port that the target names itself.
    pub const fn authority(&self) -> Option<&'a str> {
        self.authority
    }

    /// Returns the path as it was sent: it begins with `/`, but is `*` in the asterisk form and empty in the authority form.
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// Returns the segments of the path, percent-decoded; `/v1//a%2Fb` gives `v1`, the empty one and `a/b`.
    ///
    /// A segment whose escapes are malformed or do not make UTF-8 is an error.
    pub fn segments(&self) -> impl Iterator<Item = Result<Cow<'a, str>, TargetError>> + Clone {
        self.path.strip_prefix('/').into_iter().flat_map(|path| path.split('/')).map(decode_segment)
    }

    /// Returns what follows the question mark, as it was sent.
    pub const fn query(&self) -> Option<&'a str> {
        self.query
    }

    /// Returns the names and values of the query, decoded as `application/x-www-form-urlencoded` (WHATWG URL §5.1).
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + Clone {
        let pairs = self.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_form(name), decode_form(value))
        })
    }
}

fn split_query(target: &str) -> (&str, Option<&str>) {
    target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)))
}

fn strip_scheme<'a>(target: &'a str, scheme: &str) -> Option<&'a str> {
    let (found, rest) = target.split_at_checked(scheme.len())?;
    found.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn decode_segment(segment: &str) -> Result<Cow<'_, str>, TargetError> {
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment));
    }
    let mut decoded = Vec::with_capacity(segment.len());
    if !percent::decode_into(segment.as_bytes(), &mut decoded) {
        return Err(TargetError::Escape);
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| TargetError::Escape)
}

/// Reads `+` as a space, `%XX` as a byte, and the bytes as UTF-8, in which what is malformed becomes U+FFFD.
fn decode_form(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    percent::decode_into(text.replace('+', " ").as_bytes(), &mut decoded);
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// Why a request target was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// It has none of the forms that the method allows.
    Form,
    /// The host and port in it are malformed.
    Authority,
    /// There is a fragment, which is never sent.
    Fragment,
    /// A segment of the path has a malformed escape, or its escapes do not make UTF-8.
    Escape,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "the request target does not fit the method; it should begin with `/`",
            Self::Authority => "the host in the request target is malformed; write `http://name[:port]/path`",
            Self::Fragment => "the request target has a fragment; leave out `#` and what follows it",
            Self::Escape => "a percent escape in the path is malformed or does not make UTF-8; write `%` as `%25`",
        })
    }
}

impl core::error::Error for TargetError {}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    fn get(target: &str) -> Target<'_> {
        Target::parse(&Method::GET, target).unwrap()
    }

    #[test]
    fn each_form_has_its_parts() {
        let target = get("/v1/events?channel=a");
        assert_eq!((target.form(), target.authority()), (Form::Origin, None));
        assert_eq!((target.path(), target.query()), ("/v1/events", Some("channel=a")));

        let target = get("http://a:80/b?c?d");
        assert_eq!((target.form(), target.authority()), (Form::Absolute, Some("a:80")));
        assert_eq!((target.path(), target.query()), ("/b", Some("c?d")));

        let target = get("HTTPS://a?c");
        assert_eq!((target.authority(), target.path(), target.query()), (Some("a"), "/", Some("c")));

        let target = Target::parse(&Method::OPTIONS, "*").unwrap();
        assert_eq!(
            (target.form(), target.authority(), target.path(), target.query()),
            (Form::Asterisk, None, "*", None)
        );

        let target = Target::parse(&Method::CONNECT, "[::1]:443").unwrap();
        assert_eq!((target.form(), target.authority(), target.path()), (Form::Authority, Some("[::1]:443"), ""));
    }

    #[test]
    fn segments_are_split_before_they_are_decoded() {
        let segments = |path: &'static str| get(path).segments().collect::<Result<Vec<_>, _>>();
        assert_eq!(segments("/v1/channels/a%2Fb/publish").unwrap(), ["v1", "channels", "a/b", "publish"]);
        assert_eq!(segments("/").unwrap(), [""]);
        assert_eq!(segments("/a//b/").unwrap(), ["a", "", "b", ""]);
        assert_eq!(segments("/caf%C3%A9+x").unwrap(), ["café+x"]);
        assert_eq!(segments("/%ff"), Err(TargetError::Escape));
        assert_eq!(segments("/%2"), Err(TargetError::Escape));
        assert_eq!(Target::parse(&Method::OPTIONS, "*").unwrap().segments().count(), 0);
    }

    #[test]
    fn queries_are_read_as_forms() {
        let pairs = |target: &'static str| -> Vec<(String, String)> {
            get(target).query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        };
        let expect = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(pairs("/?channel=a&channel=b"), expect(&[("channel", "a"), ("channel", "b")]));
        assert_eq!(pairs("/?a+b=c%20d%2B&e"), expect(&[("a b", "c d+"), ("e", "")]));
        assert_eq!(pairs("/?&&a=&=b&c=d=e&"), expect(&[("a", ""), ("", "b"), ("c", "d=e")]));
        assert_eq!(pairs("/?a=%zz%ff%26"), expect(&[("a", "%zz\u{fffd}&")]));
        assert_eq!(pairs("/?"), []);
        assert_eq!(pairs("/"), []);
    }

    #[test]
    fn what_is_not_visible_ascii_is_refused() {
        for target in ["", "/a b", "/é", "/\n", "/\x7f"] {
            assert_eq!(Target::parse(&Method::GET, target), Err(TargetError::Form), "{target:?}");
        }
    }
}
