use core::net::Ipv6Addr;

/// A host and, where it is given, a port: `uri-host [ ":" port ]` (RFC 9110 §7.2), without userinfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostPort<'a> {
    /// A name or an IPv4 address, or an IPv6 address in brackets; may be empty.
    pub(crate) host: &'a str,
    /// The digits of the port; empty when nothing stands after the colon.
    pub(crate) port: Option<&'a str>,
}

impl<'a> HostPort<'a> {
    pub(super) fn split(text: &'a str) -> Self {
        // The last colon, unless it is one of an IPv6 address.
        let colon = text.rfind(':').filter(|&at| !text.get(at..).unwrap_or_default().contains(']'));
        match colon.and_then(|at| text.split_at_checked(at)) {
            Some((host, port)) => Self { host, port: Some(port.get(1..).unwrap_or_default()) },
            None => Self { host: text, port: None },
        }
    }

    /// Returns the two parts if both are well formed. A comma, though it is allowed in a reg-name (RFC 3986 §3.2.2), is
    /// refused: two joined `Host` fields would look like one.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let parts = Self::split(text);
        let port = parts.port.unwrap_or_default();
        let well_formed = port.bytes().all(|byte| byte.is_ascii_digit())
            && port.len() <= 5
            && (is_name(parts.host) || is_ip_literal(parts.host));
        well_formed.then_some(parts)
    }
}

/// Returns whether `host` is an IPv6 address in brackets.
pub(super) fn is_ip_literal(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn is_name(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(&str, Option<&str>)> {
        HostPort::parse(text).map(|parts| (parts.host, parts.port))
    }

    #[test]
    fn hosts_and_ports_are_split() {
        assert_eq!(parts("a"), Some(("a", None)));
        assert_eq!(parts("a.b:8080"), Some(("a.b", Some("8080"))));
        assert_eq!(parts("a:"), Some(("a", Some(""))));
        assert_eq!(parts(""), Some(("", None)));
        assert_eq!(parts(":80"), Some(("", Some("80"))));
        assert_eq!(parts("[::1]"), Some(("[::1]", None)));
        assert_eq!(parts("[::1]:80"), Some(("[::1]", Some("80"))));
        assert_eq!(parts("A-._~%20!$&'()*+;=9"), Some(("A-._~%20!$&'()*+;=9", None)));
        assert_eq!(parts("a:12345"), Some(("a", Some("12345"))));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "a b", "a,b", "a/b", "a@b", "a?b", "a#b", "a:b", "a:123456", "a:-1", "::1", "[::1", "::1]", "[a]",
            "[::1]a", "[::1]:a", "é",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
