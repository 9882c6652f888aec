use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::host::HostPort;
use super::{percent, url_host};

/// Where a client connects and what it asks for there: an absolute `http`, `https`, `ws` or `wss` URL without userinfo and
/// fragment.
///
/// It is read and resolved as the URL Standard says, and so as browsers do: what could be meant is put right. Backslashes are
/// slashes, tabs and line ends are left out, dot segments are resolved, the scheme and the host are lower-cased, addresses are
/// written in one form, a default port is dropped; equal places compare equal. It differs on purpose where it
///
/// - refuses what the standard takes and a client here cannot or should not follow: other schemes, hosts beyond ASCII, names of
///   other characters than letters, digits, `-`, `.` and `_`, port 0, user names and passwords;
/// - percent-encodes all that RFC 3986 keeps out of paths and queries, such as `[`, `]`, `^` and `|`, since RFC 9112 §3.2 is
///   what a server reads it by;
/// - drops the fragment, which is never sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    scheme: Scheme,
    port: u16,
    /// Host and, if it is not the default, port.
    authority: Box<str>,
    /// Path and query; begins with `/`.
    target: Box<str>,
}

impl Url {
    /// Parses an absolute URL.
    ///
    /// # Errors
    ///
    /// When it is not an `http`, `https`, `ws` or `wss` URL that a client can follow.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = clean(text);
        let parts = Parts::split(&text);
        let scheme = Scheme::parse(parts.scheme.ok_or(UrlError::Relative)?)?;
        let (authority, path) = split_authority(parts.rest);
        Self::build(scheme, authority, path, parts.query)
    }

    /// Resolves a reference, such as the value of a `Location` field, against this URL.
    ///
    /// # Errors
    ///
    /// When it leads to a URL that [`parse`](Self::parse) refuses.
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = clean(reference);
        let parts = Parts::split(&reference);
        let scheme = parts.scheme.map_or(Ok(self.scheme), Scheme::parse)?;
        // URL Standard §4.4, scheme state: "if url is special, base is non-null, and base's scheme is url's scheme", then what
        // follows the colon is a relative reference, unless it begins with two slashes; with another scheme it has a host.
        if scheme != self.scheme || leading_slashes(parts.rest) > 1 {
            let (authority, path) = split_authority(parts.rest);
            return Self::build(scheme, authority, path, parts.query);
        }
        let (base_path, base_query) = self.target.split_once('?').map_or((&*self.target, None), |(p, q)| (p, Some(q)));
        let target = if parts.rest.is_empty() {
            join_query(base_path, parts.query.or(base_query))
        } else if parts.rest.starts_with(is_slash) {
            join_query(&resolve(parts.rest), parts.query)
        } else {
            // URL Standard §4.4, relative state: "Shorten url's path", by its last segment.
            let directory = base_path.rsplit_once('/').map_or("", |(directory, _)| directory);
            join_query(&resolve(&format!("{directory}/{}", parts.rest)), parts.query)
        };
        Ok(Self { target, ..self.clone() })
    }

    /// Returns whether the connection is to be secured.
    pub const fn is_tls(&self) -> bool {
        self.scheme.is_tls()
    }

    /// Returns whether the scheme is `ws` or `wss`.
    pub const fn is_web_socket(&self) -> bool {
        matches!(self.scheme, Scheme::Ws | Scheme::Wss)
    }

    /// Returns `http`, `https`, `ws` or `wss`.
    pub const fn scheme(&self) -> &'static str {
        self.scheme.as_str()
    }

    /// Returns the URL with `ws` for `http` and `wss` for `https`.
    // WebSockets Standard §3.1: "If urlRecord's scheme is "http", then set urlRecord's scheme to "ws". Otherwise, if urlRecord's
    // scheme is "https", set urlRecord's scheme to "wss"."
    #[must_use]
    pub fn to_web_socket(&self) -> Self {
        let scheme = if self.is_tls() { Scheme::Wss } else { Scheme::Ws };
        Self { scheme, ..self.clone() }
    }

    /// Returns the name or address to connect to; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        let host = HostPort::split(&self.authority).host;
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// Returns the port to connect to.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns what stands in the `Host` field: the host, and the port if it is not the scheme's default.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the host and the port, also where that is the scheme's default.
    pub fn host_and_port(&self) -> Box<str> {
        if self.port == self.scheme.default_port() {
            format!("{}:{}", self.authority, self.port).into()
        } else {
            self.authority.clone()
        }
    }

    /// Returns the request target in origin form: path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns whether scheme, host and port are the same, so that credentials may go along. `ws` counts as `http` and `wss` as
    /// `https`: they lead to the same server.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.is_tls() == other.is_tls() && self.authority == other.authority
    }

    fn build(scheme: Scheme, authority: &str, path: &str, query: Option<&str>) -> Result<Self, UrlError> {
        let (host, port) = parse_authority(authority)?;
        let default = scheme.default_port();
        let port = port.unwrap_or(default);
        let mut authority = host;
        if port != default {
            authority.push(':');
            authority.push_str(&port.to_string());
        }
        let target = join_query(&resolve(path), query);
        Ok(Self { scheme, port, authority: authority.into(), target })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.target)
    }
}

impl core::str::FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

/// Of the URL Standard's special schemes those that a client here speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scheme {
    Http,
    Https,
    Ws,
    Wss,
}

impl Scheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Ws, Self::Wss];

    fn parse(text: &str) -> Result<Self, UrlError> {
        let mut all = Self::ALL.into_iter();
        all.find(|scheme| scheme.as_str().eq_ignore_ascii_case(text)).ok_or(UrlError::Scheme)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    const fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }

    /// RFC 9110 §4.2.1 and §4.2.2; RFC 6455 §3 has the same.
    const fn default_port(self) -> u16 {
        if self.is_tls() { 443 } else { 80 }
    }
}

/// The parts of a reference, the fragment left out.
struct Parts<'a> {
    scheme: Option<&'a str>,
    /// Authority and path.
    rest: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Self {
        let text = text.split_once('#').map_or(text, |(text, _)| text);
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        Self { scheme, rest, query }
    }
}

/// URL Standard §4.4: "Remove any leading and trailing C0 control or space from input", "Remove all ASCII tab or newline from input."
fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(|char| char <= ' ');
    let is_left_out = |char| matches!(char, '\t' | '\n' | '\r');
    if text.contains(is_left_out) { text.replace(is_left_out, "").into() } else { text.into() }
}

/// Splits the path from the authority, before which any number of slashes may stand (URL Standard §4.4, special authority ignore
/// slashes state).
fn split_authority(rest: &str) -> (&str, &str) {
    let rest = rest.trim_start_matches(is_slash);
    let end = rest.find(is_slash).unwrap_or(rest.len());
    rest.split_at_checked(end).unwrap_or((rest, ""))
}

fn leading_slashes(text: &str) -> usize {
    text.chars().take_while(|&char| is_slash(char)).count()
}

/// URL Standard §4.4: "url is special and c is U+005C (\)" stands wherever `/` does.
fn is_slash(char: char) -> bool {
    char == '/' || char == '\\'
}

/// RFC 3986 §3.1: `scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )`.
pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn parse_authority(text: &str) -> Result<(String, Option<u16>), UrlError> {
    // RFC 9110 §4.2.4: userinfo "is deprecated"; a recipient "SHOULD […] treat its presence as an error".
    if text.contains('@') {
        return Err(UrlError::Userinfo);
    }
    let parts = HostPort::split(text);
    let host = url_host::parse(parts.host)?;
    let port = match parts.port {
        None | Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|&port| port != 0).ok_or(UrlError::Port)?)
        }
        Some(_) => return Err(UrlError::Port),
    };
    Ok((host, port))
}

fn join_query(path: &str, query: Option<&str>) -> Box<str> {
    let mut target = Vec::with_capacity(path.len() + query.map_or(0, str::len) + 2);
    if path.is_empty() {
        target.push(b'/');
    }
    percent::encode_into(path.as_bytes(), is_target_byte, &mut target);
    if let Some(query) = query {
        target.push(b'?');
        percent::encode_into(query.as_bytes(), is_query_byte, &mut target);
    }
    String::from_utf8(target).unwrap_or_default().into()
}

/// What stands as it is in a path: unreserved, sub-delims, `:`, `@` and `/` (RFC 3986 §3.3), and the `%` of an escape.
fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte)
}

/// As in a path (RFC 3986 §3.4), and `?`; but `'` is in the URL Standard's "special-query percent-encode set".
fn is_query_byte(byte: u8) -> bool {
    byte == b'?' || (is_target_byte(byte) && byte != b'\'')
}

/// Takes the dot segments out of a path, in which `\` is `/` and `%2e` is `.` (URL Standard §4.4, path state).
fn resolve(path: &str) -> Cow<'_, str> {
    if path.contains('\\') {
        return remove_dot_segments(&path.replace('\\', "/")).into_owned().into();
    }
    remove_dot_segments(path)
}

fn remove_dot_segments(path: &str) -> Cow<'_, str> {
    let is_dots = |segment: &str| matches!(dots(segment), Some(1 | 2));
    if !path.split('/').any(is_dots) {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match dots(segment) {
            Some(2) => drop(kept.pop()),
            Some(1) => {}
            _ => {
                kept.push(segment);
                continue;
            }
        }
        // A path that ends in dots ends in a slash.
        if is_last {
            kept.push("");
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in kept {
        out.push('/');
        out.push_str(segment);
    }
    Cow::Owned(out)
}

/// Returns how many dots a segment is made of, if of nothing else and at most two.
fn dots(segment: &str) -> Option<usize> {
    let mut rest = segment;
    let mut count = 0;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').or_else(|| rest.strip_prefix("%2e")).or_else(|| rest.strip_prefix("%2E"))?;
        count += 1;
    }
    (1..=2).contains(&count).then_some(count)
}

/// Why a URL was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// There is no scheme.
    Relative,
    /// The scheme is none of `http`, `https`, `ws` and `wss`.
    Scheme,
    /// There is no host, or it is not a name or an address.
    Host,
    /// The host is not ASCII.
    HostNotAscii,
    /// The port is not a number from 1 to 65535.
    Port,
    /// There is a user name or password.
    Userinfo,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relative => "the URL has no scheme; begin it with http:// or https://",
            Self::Scheme => "the URL's scheme is not spoken here; use http://, https://, ws:// or wss://",
            Self::Host => "the URL has no valid host; write a name, an IPv4 address or an IPv6 address in brackets",
            Self::HostNotAscii => "the URL's host is not ASCII; write it in its ASCII form, which begins with xn--",
            Self::Port => "the URL's port is not a number from 1 to 65535",
            Self::Userinfo => "the URL holds a user name or password; send them in an authorization field",
        })
    }
}

impl core::error::Error for UrlError {}
