use core::net::Ipv6Addr;

/// A host and, where it is given, a port: `uri-host [ ":" port ]` (RFC 9110 §7.2), without userinfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostPort<'a> {
    /// A name or an IPv4 address, or an IPv6 address in brackets; may be empty.
    pub(super) host: &'a str,
    /// The digits of the port; empty when nothing stands after the colon.
    pub(super) port: Option<&'a str>,
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
    pub(super) fn parse(text: &'a str) -> Option<Self> {
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
