//! To whom no proxy leads: the lists of `NO_PROXY`, as curl reads them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;

/// The hosts that are spoken to without a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<Entry>);

impl NoProxy {
    /// Returns the empty list.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Parses a list with commas or white space between its entries. An entry is
    ///
    /// - `example.com`, `.example.com` or `*.example.com`: this host and all below it, in any case, with or without a dot at
    ///   the end;
    /// - an IP address, an IPv6 address with or without brackets; only for URLs that have an address too, no name is looked
    ///   up;
    /// - a network as `10.0.0.0/8`, `fd00::/8`;
    /// - `*`: everything;
    ///
    /// each but a network and `*` with a port, `example.com:8080`, if only that is meant. An entry that is nothing of this
    /// stands for nobody.
    pub fn parse(text: &str) -> Self {
        let entries = text.split(|char: char| char == ',' || char.is_whitespace());
        Self(entries.filter_map(Entry::parse).collect())
    }

    /// Returns whether `host`, an IPv6 address without brackets, is spoken to without a proxy at `port`.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        self.0.iter().any(|entry| entry.port.is_none_or(|own| own == port) && entry.hosts.contain(host, address))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// The name, without dots at its ends, and what ends in a dot and it.
    Name(Box<str>),
    /// The addresses of which so many bits are these.
    Network {
        address: IpAddr,
        bits: u32,
    },
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { hosts: Hosts::All, port: None });
        }
        if let Some((address, bits)) = text.split_once('/') {
            return Some(Self { hosts: network(address, Some(bits))?, port: None });
        }
        if let Some(hosts) = network(text, None) {
            return Some(Self { hosts, port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        if let Some(hosts) = network(host, None) {
            return Some(Self { hosts, port });
        }
        let name = host.strip_prefix('*').unwrap_or(host);
        let name = name.strip_prefix('.').unwrap_or(name);
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() || name.contains([':', '*', '[']) {
            return None;
        }
        Some(Self { hosts: Hosts::Name(name.into()), port })
    }
}

impl Hosts {
    fn contain(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::All, _) => true,
            (Self::Name(name), None) => is_below(host, name),
            (Self::Network { address: own, bits }, Some(address)) => is_within(address, *own, *bits),
            (Self::Name(_), Some(_)) | (Self::Network { .. }, None) => false,
        }
    }
}

/// Reads an address, and how many of its bits count: all, if nothing is said.
fn network(address: &str, bits: Option<&str>) -> Option<Hosts> {
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let address = bare.parse::<IpAddr>().ok()?.to_canonical();
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(width), |bits| bits.parse().ok().filter(|bits| *bits <= width))?;
    Some(Hosts::Network { address, bits })
}

fn is_below(host: &str, name: &str) -> bool {
    let Some(before) = host.len().checked_sub(name.len()) else { return false };
    let Some((before, end)) = host.split_at_checked(before) else { return false };
    end.eq_ignore_ascii_case(name) && (before.is_empty() || before.ends_with('.'))
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let differing = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => u128::from(address.to_bits() ^ network.to_bits()) << 96,
        (IpAddr::V6(address), IpAddr::V6(network)) => address.to_bits() ^ network.to_bits(),
        _ => return false,
    };
    differing.leading_zeros() >= bits
}
