use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::Problem;
use super::reply::add;
use crate::http::{Fields, Method, RequestHead};
use crate::server::Reply;

/// Who may ask: the hosts that the server goes by, and the origins whose pages may use it.
///
/// A page of another site cannot hide its origin (Fetch §3.2), so a request without `Origin` comes from a program or from a page of
/// this server. A site whose name points at this machine (DNS rebinding) has its own name in `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Hosts as in the `Host` field, with or without a port (without one, any port). `None`: any host, for a server that is not on
    /// loopback. Default: `localhost` and the loopback addresses.
    pub hosts: Option<Vec<Box<str>>>,
    /// Origins besides the server's own, `https://app.example`; `*` is every origin. Default: none.
    pub origins: Vec<Box<str>>,
}

impl Default for Access {
    fn default() -> Self {
        Self { hosts: Some(vec!["localhost".into(), "127.0.0.1".into(), "[::1]".into()]), origins: Vec::new() }
    }
}

impl Access {
    /// Checks a request.
    ///
    /// # Errors
    ///
    /// [`Problem::HostNotAllowed`], [`Problem::OriginNotAllowed`].
    pub fn check(&self, head: &RequestHead) -> Result<(), Problem> {
        let authority = head.authority().unwrap_or_default();
        if let Some(hosts) = &self.hosts
            && !hosts.iter().any(|host| names(host, authority))
        {
            return Err(Problem::HostNotAllowed);
        }
        match head.fields.get("origin") {
            None => Ok(()),
            Some(_) if self.origin_of(head).is_some() => Ok(()),
            Some(_) => Err(Problem::OriginNotAllowed),
        }
    }

    /// Adds what a browser needs to hand an answer to a page of another origin (Fetch §3.3).
    pub(super) fn share(&self, head: &RequestHead, fields: &mut Fields) {
        if let Some(origin) = self.origin_of(head) {
            add(fields, "access-control-allow-origin", origin);
            add(fields, "vary", "origin");
        }
    }

    /// Returns the answer to the question of a browser whether a page may send a request (Fetch §3.3.2), or to a plain `OPTIONS`.
    pub(super) fn preflight(&self, head: &RequestHead, allowed: &str) -> Option<Reply> {
        if head.method != Method::OPTIONS {
            return None;
        }
        let mut reply = Reply::new(204);
        add(&mut reply.fields, "allow", allowed);
        if head.fields.contains("access-control-request-method") {
            add(&mut reply.fields, "access-control-allow-methods", allowed);
            add(&mut reply.fields, "access-control-allow-headers", "content-type, last-event-id, cache-control");
            add(&mut reply.fields, "access-control-max-age", "600");
        }
        Some(reply)
    }

    /// Returns the origin of the request, if its pages may use the server.
    fn origin_of<'a>(&self, head: &'a RequestHead) -> Option<&'a str> {
        let origin = head.fields.get_str("origin")?;
        let own = origin.split_once("://").is_some_and(|(scheme, host)| {
            let authority = head.authority().unwrap_or_default();
            !host.is_empty() && without_port(scheme, host).eq_ignore_ascii_case(without_port(scheme, authority))
        });
        let listed = || self.origins.iter().any(|one| **one == *"*" || one.eq_ignore_ascii_case(origin));
        (own || listed()).then_some(origin)
    }
}

/// Returns an authority without the port that its scheme has anyway: an origin never names that (Fetch §3.2), a `Host` may.
fn without_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return authority,
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

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
            assert_eq!(access.check(&head(host, None)), Err(Problem::HostNotAllowed), "{host}");
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
            assert_eq!(answer, Err(Problem::OriginNotAllowed), "{origin}");
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
            assert_eq!(access.check(&head(host, Some(origin))), Err(Problem::OriginNotAllowed), "{origin}");
        }
    }

    #[test]
    fn star_is_every_origin() {
        let access = Access { origins: vec!["*".into()], ..Access::default() };
        assert_eq!(access.check(&head("localhost", Some("null"))), Ok(()));
    }
}
