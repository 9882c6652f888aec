use crate::http::{HostPort, is_scheme};

/// The origin of a page, `scheme://host[:port]` (RFC 6454 §6.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    scheme: &'a str,
    place: Place<'a>,
}

/// A host with its port, where that is not the one its scheme has anyway.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    host: &'a str,
    port: Option<&'a str>,
}

/// An entry of a list of origins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'a> {
    /// `*`
    Every,
    /// `https://app.example`, `app.example:8443`, `*.example`: a scheme or any, a host or all below it, a port or the scheme's own.
    Some { scheme: Option<&'a str>, below: bool, authority: HostPort<'a> },
}

impl<'a> Origin<'a> {
    /// Takes an `Origin` field apart; `null` and whatever else is no origin gives `None`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let authority = HostPort::parse(authority).filter(is_place)?;
        is_scheme(scheme).then_some(Self { scheme, place: Place::of(scheme, authority) })
    }

    /// Tells whether a page of this origin comes from `authority`, as its requests name the server. The scheme makes no difference: a
    /// proxy that ends TLS speaks plain HTTP to the server.
    pub(super) fn is_of(&self, authority: &str) -> bool {
        HostPort::parse(authority).is_some_and(|authority| self.place.is(Place::of(self.scheme, authority)))
    }

    /// Tells whether an entry of a list names this origin.
    pub(super) fn is_named(&self, entry: Entry<'_>) -> bool {
        let Entry::Some { scheme, below, authority } = entry else { return true };
        let place = Place::of(self.scheme, authority);
        scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case(self.scheme))
            && if below { self.place.is_below(place) } else { self.place.is(place) }
    }
}

impl<'a> Place<'a> {
    fn of(scheme: &str, authority: HostPort<'a>) -> Self {
        let usual = match scheme {
            scheme if scheme.eq_ignore_ascii_case("http") => "80",
            scheme if scheme.eq_ignore_ascii_case("https") => "443",
            _ => "",
        };
        Self { host: authority.host, port: authority.port.filter(|&port| port != usual && !port.is_empty()) }
    }

    fn is(&self, other: Place<'_>) -> bool {
        self.port == other.port && self.host.eq_ignore_ascii_case(other.host)
    }

    /// Tells whether there is at least one label more.
    fn is_below(&self, parent: Place<'_>) -> bool {
        let boundary = self.host.len().checked_sub(parent.host.len());
        let split = boundary.and_then(|at| self.host.split_at_checked(at));
        self.port == parent.port
            && split.is_some_and(|(labels, rest)| {
                rest.eq_ignore_ascii_case(parent.host) && labels.len() > 1 && labels.ends_with('.')
            })
    }
}

impl<'a> Entry<'a> {
    /// Reads an entry, if it is one.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Every);
        }
        let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let (below, rest) = rest.strip_prefix("*.").map_or((false, rest), |rest| (true, rest));
        let authority = HostPort::parse(rest).filter(is_place)?;
        // Below an address there is nothing, nor below dots.
        let has_names_below = !authority.host.starts_with(['[', '.']);
        let is_entry = scheme.is_none_or(is_scheme) && (!below || has_names_below);
        is_entry.then_some(Self::Some { scheme, below, authority })
    }
}

/// Tells whether there is a host, and not a pattern of hosts.
fn is_place(authority: &HostPort<'_>) -> bool {
    !authority.host.is_empty() && !authority.host.contains('*')
}
