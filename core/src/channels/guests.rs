use alloc::collections::BTreeMap;
use core::net::IpAddr;

use super::{Config, Limit};

/// One connection, until it leaves.
///
/// One that came although there were enough is a guest, too, so that it can be [told so](super::Endpoint) in an answer to its request:
/// every stream is refused to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guest {
    number: u64,
    limit: Option<Limit>,
}

impl Guest {
    /// Returns its number, which names the connection in the numbers of its readers: connections are counted from 1.
    pub const fn number(self) -> u64 {
        self.number
    }

    /// Returns which limit keeps it out, if one does: it is to be told in its first answer, and its connection ended then.
    pub const fn limit(self) -> Option<Limit> {
        self.limit
    }
}

/// The connections, and how many of them each address has.
#[derive(Debug, Default)]
pub(super) struct Guests {
    here: BTreeMap<u64, Option<Network>>,
    /// Those who are only to be told that there are enough.
    over: usize,
    by_network: BTreeMap<Network, usize>,
    last: u64,
}

impl Guests {
    pub(super) fn admit(&mut self, peer: Option<IpAddr>, config: &Config) -> Result<Guest, Limit> {
        let network = peer.map(Network::of);
        let limit = self.limit(network, config);
        if let Some(limit) = limit {
            if self.over >= config.max_refused {
                return Err(limit);
            }
            self.over += 1;
        } else {
            self.here.insert(self.last + 1, network);
            if let Some(network) = network {
                *self.by_network.entry(network).or_default() += 1;
            }
        }
        self.last += 1;
        Ok(Guest { number: self.last, limit })
    }

    pub(super) fn leave(&mut self, guest: Guest) {
        if guest.limit.is_some() {
            self.over = self.over.saturating_sub(1);
            return;
        }
        let Some(Some(network)) = self.here.remove(&guest.number) else { return };
        let Some(count) = self.by_network.get_mut(&network) else { return };
        *count -= 1;
        if *count == 0 {
            self.by_network.remove(&network);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.here.len()
    }

    fn limit(&self, network: Option<Network>, config: &Config) -> Option<Limit> {
        if self.here.len() >= config.max_connections {
            return Some(Limit::Connections);
        }
        let of_network = self.by_network.get(&network?).copied().unwrap_or_default();
        (of_network >= config.max_connections_per_ip).then_some(Limit::ConnectionsPerIp)
    }
}

/// What counts as one address: all of IPv4, the first 64 bits of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Network {
    V4(u32),
    V6(u64),
}

impl Network {
    fn of(address: IpAddr) -> Self {
        // An IPv4 peer of a socket that takes both has an address of IPv6.
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}
