use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::time::Duration;

use super::origin::{Entry, Origin};
use super::{Reply, refusal};
use crate::http::{Fields, Method, RequestHead};

/// Who may ask: the hosts that the server goes by, and the origins whose pages may use it. One policy for event streams, plain
/// requests and WebSockets: to these a browser applies no CORS, but lets any page open one, with its cookies.
///
/// A page of another site cannot hide its origin (Fetch §3.2), so a request without `Origin` comes from a program or from a page of
/// this server. A site whose name points at this machine (DNS rebinding) has its own name in `Host`.
///
/// A page of a public site that asks for this server on a private network is refused by the browser: the field that would let it
/// (`Access-Control-Allow-Private-Network`) is never sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// Hosts as in the `Host` field, with or without a port (without one, any port). `None`: any host, for a server that is not on
    /// loopback. Default: `localhost` and the loopback addresses.
    pub hosts: Option<Vec<Box<str>>>,
    /// Origins besides the server's own. Default: none.
    ///
    /// | entry | whose pages |
    /// |---|---|
    /// | `https://app.example`, `http://localhost:3000` | of exactly this origin |
    /// | `app.example`, `localhost:3000` | of this host with any scheme |
    /// | `*.app.example`, `https://*.app.example` | of all hosts below this one, at any depth, but not of itself |
    /// | `*` | every page of the web, and what has no origin at all (`null`) |
    ///
    /// Hosts and schemes compare without case. An entry without a port means the usual one of the scheme. What is
    /// [no entry](Self::is_origin_entry) lets nobody in.
    pub origins: Vec<Box<str>>,
    /// Whether pages of these origins may send cookies and other credentials along, and read what they are answered with (Fetch §3.3.6).
    /// With `*` that is every page of the web: only for a server that lets nobody in by a cookie. Default: no.
    pub credentials: bool,
    /// Request fields that their pages may set, besides `content-type`, `last-event-id` and `cache-control`. Default: none.
    pub fields: Vec<Box<str>>,
    /// How long a browser may remember the answer to its preflight. Default 10 min (Chromium keeps it 2 h at most, Firefox 24 h).
    pub max_age: Duration,
}

/// Why [`Access`] refuses a request. The answer is 403: [`reply`](Self::reply).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// The `Host` field names no host of this server.
    Host,
    /// A page of another origin asks.
    Origin,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            hosts: Some(vec!["localhost".into(), "127.0.0.1".into(), "[::1]".into()]),
            origins: Vec::new(),
            credentials: false,
            fields: Vec::new(),
            max_age: Duration::from_secs(600),
        }
    }
}

impl Access {
    /// Checks a request.
    ///
    /// # Errors
    ///
    /// When it names a host that is not the server's, or comes from a page that may not ask.
    pub fn check(&self, head: &RequestHead) -> Result<(), AccessError> {
        let authority = head.authority().unwrap_or_default();
        if let Some(hosts) = &self.hosts
            && !hosts.iter().any(|host| names(host, authority))
        {
            return Err(AccessError::Host);
        }
        self.check_origin(head)
    }

    /// Checks only where the page comes from that asks, if one does.
    ///
    /// # Errors
    ///
    /// When it comes from a page that may not ask.
    pub fn check_origin(&self, head: &RequestHead) -> Result<(), AccessError> {
        let may_ask = !head.fields.contains("origin") || self.origin_of(head).is_some();
        if may_ask { Ok(()) } else { Err(AccessError::Origin) }
    }

    /// Tells whether a text has one of the forms of [`origins`](Self::origins).
    pub fn is_origin_entry(text: &str) -> bool {
        Entry::parse(text).is_some()
    }

    /// Adds to the answer, also to a refusal, what a browser needs to hand it to a page of another origin (Fetch §3.3), and what a
    /// cache needs to give it to nobody else.
    pub fn share(&self, head: &RequestHead, fields: &mut Fields) {
        // Fetch §3.3.5: "`Access-Control-Allow-Origin: *`" goes with no credentials.
        let is_same_for_all = self.takes_every_origin() && !self.credentials;
        if !is_same_for_all && !fields.has_token("vary", "origin") {
            add(fields, "vary", "origin");
        }
        let Some(origin) = self.origin_of(head) else { return };
        add(fields, "access-control-allow-origin", if is_same_for_all { "*" } else { origin });
        if self.credentials {
            add(fields, "access-control-allow-credentials", "true");
        }
    }

    /// Returns the answer to the question of a browser whether a page may send a request (Fetch §3.3.2), or to a plain `OPTIONS`:
    /// `allowed` are the methods, as in `Allow`. [`share`](Self::share) adds to it, too.
    pub fn preflight(&self, head: &RequestHead, allowed: &str) -> Option<Reply> {
        if head.method != Method::OPTIONS {
            return None;
        }
        let mut reply = Reply::new(204);
        add(&mut reply.fields, "allow", allowed);
        if head.fields.contains("access-control-request-method") {
            let mut names = String::from("content-type, last-event-id, cache-control");
            for name in &self.fields {
                names.extend([", ", name]);
            }
            add(&mut reply.fields, "access-control-allow-methods", allowed);
            add(&mut reply.fields, "access-control-allow-headers", &names);
            add(&mut reply.fields, "access-control-max-age", &format!("{}", self.max_age.as_secs()));
        }
        Some(reply)
    }

    fn takes_every_origin(&self) -> bool {
        self.origins.iter().any(|one| **one == *"*")
    }

    /// Returns the origin of the request, if its pages may use the server.
    fn origin_of<'a>(&self, head: &'a RequestHead) -> Option<&'a str> {
        // RFC 6454 §7.3: "the user agent MUST NOT include more than one Origin header field in any HTTP request."
        let mut origins = head.fields.get_all("origin");
        let text = str::from_utf8(origins.next().filter(|_| origins.next().is_none())?).ok()?;
        let may_ask = || {
            let Some(origin) = Origin::parse(text) else { return false };
            let mut entries = self.origins.iter().filter_map(|entry| Entry::parse(entry));
            origin.is_of(head.authority().unwrap_or_default()) || entries.any(|entry| origin.is_named(entry))
        };
        (self.takes_every_origin() || may_ask()).then_some(text)
    }
}

/// Adds what stands in the config or in the request; what is no field value there is left out.
fn add(fields: &mut Fields, name: &str, value: &str) {
    let _ = fields.append(name, value);
}

impl AccessError {
    /// Returns the answer, as problem details (RFC 9457).
    pub fn reply(&self) -> Reply {
        let code = match self {
            Self::Host => "host_not_allowed",
            Self::Origin => "origin_not_allowed",
        };
        refusal::problem(403, code, &self.to_string())
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "the Host field names a host that this server does not go by",
            Self::Origin => "pages of this origin may not use this server",
        })
    }
}

impl Error for AccessError {}

/// Tells whether `authority` is `host`, with any port unless `host` names one.
fn names(host: &str, authority: &str) -> bool {
    if host.eq_ignore_ascii_case(authority) {
        return true;
    }
    let port_at = authority.rfind(':').filter(|at| !authority.ends_with(']') && *at > 0);
    let bare = port_at.and_then(|at| authority.get(..at)).unwrap_or(authority);
    host.eq_ignore_ascii_case(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(host: &str, origin: Option<&str>) -> RequestHead {
        let mut head = RequestHead::new(Method::GET, "/");
        head.fields.append("host", host).unwrap();
        if let Some(origin) = origin {
            head.fields.append("origin", origin).unwrap();
        }
        head
    }

    #[test]
    fn loopback_goes_by_its_own_names_only() {
        let access = Access::default();
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]", "[::1]:8080", "LocalHost:80"] {
            assert_eq!(access.check(&head(host, None)), Ok(()), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", ""]
        {
            assert_eq!(access.check(&head(host, None)), Err(AccessError::Host), "{host}");
        }
    }

    #[test]
    fn any_host_is_taken_where_none_is_named() {
        let access = Access { hosts: None, ..Access::default() };
        assert_eq!(access.check(&head("news.example", None)), Ok(()));
    }

    #[test]
    fn pages_of_the_server_and_listed_origins_may_ask() {
        let access = Access { origins: vec!["https://app.example".into()], ..Access::default() };
        for origin in ["http://localhost:8080", "https://localhost:8080", "https://app.example", "https://APP.example"]
        {
            assert_eq!(access.check(&head("localhost:8080", Some(origin))), Ok(()), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://",
            "http://evil.example",
            "http://localhost:8081",
            "http://localhost",
            "http://app.example",
            "https://app.example.evil.example",
            "localhost:8080",
        ] {
            let answer = access.check(&head("localhost:8080", Some(origin)));
            assert_eq!(answer, Err(AccessError::Origin), "{origin}");
        }
    }

    #[test]
    fn port_of_the_scheme_makes_no_difference() {
        let access = Access::default();
        for (host, origin) in
            [("localhost:80", "http://localhost"), ("localhost:443", "https://localhost"), ("[::1]:80", "http://[::1]")]
        {
            assert_eq!(access.check(&head(host, Some(origin))), Ok(()), "{origin}");
        }
        for (host, origin) in [("localhost:443", "http://localhost"), ("localhost:80", "https://localhost")] {
            assert_eq!(access.check(&head(host, Some(origin))), Err(AccessError::Origin), "{origin}");
        }
    }

    #[test]
    fn star_is_every_origin() {
        let access = Access { origins: vec!["*".into()], ..Access::default() };
        assert_eq!(access.check(&head("localhost", Some("null"))), Ok(()));
    }

    fn shared(access: &Access, origin: Option<&str>) -> Fields {
        let mut fields = Fields::new();
        access.share(&head("localhost", origin), &mut fields);
        fields
    }

    #[test]
    fn answers_depend_on_the_origin_and_say_so() {
        let access = Access { origins: vec!["https://app.example".into()], ..Access::default() };
        for (origin, allowed) in [
            (None, None),
            (Some("https://app.example"), Some("https://app.example")),
            (Some("https://evil.example"), None),
        ] {
            let fields = shared(&access, origin);
            assert_eq!(fields.get_str("vary"), Some("origin"), "{origin:?}");
            assert_eq!(fields.get_str("access-control-allow-origin"), allowed, "{origin:?}");
            assert_eq!(fields.get("access-control-allow-credentials"), None);
        }
        let mut twice = Fields::new();
        twice.append("Vary", "Accept-Encoding, Origin").unwrap();
        access.share(&head("localhost", None), &mut twice);
        assert_eq!(twice.get_all("vary").count(), 1);
    }

    #[test]
    fn credentials_never_go_with_a_star() {
        let every = Access { origins: vec!["*".into()], ..Access::default() };
        let fields = shared(&every, Some("https://a.example"));
        assert_eq!((fields.get_str("access-control-allow-origin"), fields.get("vary")), (Some("*"), None));
        assert_eq!(fields.get("access-control-allow-credentials"), None);

        let every = Access { credentials: true, ..every };
        let fields = shared(&every, Some("https://a.example"));
        assert_eq!(fields.get_str("access-control-allow-origin"), Some("https://a.example"));
        assert_eq!(fields.get_str("access-control-allow-credentials"), Some("true"));
        assert_eq!(fields.get_str("vary"), Some("origin"));
        let listed = Access { credentials: true, ..Access::default() };
        assert_eq!(shared(&listed, Some("https://a.example")).get("access-control-allow-credentials"), None);
    }

    #[test]
    fn a_preflight_is_told_what_pages_may_send() {
        let access =
            Access { fields: vec!["authorization".into()], max_age: Duration::from_secs(60), ..Access::default() };
        let mut asked = head("localhost", Some("http://localhost"));
        assert_eq!(access.preflight(&asked, "GET"), None);
        asked.method = Method::OPTIONS;
        let plain = access.preflight(&asked, "GET, OPTIONS").unwrap();
        assert_eq!((plain.status, plain.fields.len(), plain.fields.get_str("allow")), (204, 1, Some("GET, OPTIONS")));

        asked.fields.append("access-control-request-method", "GET").unwrap();
        asked.fields.append("access-control-request-private-network", "true").unwrap();
        let reply = access.preflight(&asked, "GET, OPTIONS").unwrap();
        let field = |name: &str| reply.fields.get_str(name).unwrap_or_default();
        assert_eq!(field("access-control-allow-methods"), "GET, OPTIONS");
        assert_eq!(field("access-control-allow-headers"), "content-type, last-event-id, cache-control, authorization");
        assert_eq!(field("access-control-max-age"), "60");
        assert!(!reply.fields.contains("access-control-allow-private-network"));
    }
}
