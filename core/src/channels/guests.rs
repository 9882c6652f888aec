use alloc::collections::BTreeMap;
use core::net::IpAddr;

use super::{Config, Limit};

/// One admitted connection, until it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guest {
    number: u64,
}

impl Guest {
    /// Returns its number: connections are counted from 1.
    pub const fn number(self) -> u64 {
        self.number
    }
}

/// The connections, and how many of them each address has.
#[derive(Debug, Default)]
pub(super) struct Guests {
    here: BTreeMap<u64, Option<Network>>,
    by_network: BTreeMap<Network, usize>,
    last: u64,
}

impl Guests {
    pub(super) fn admit(&mut self, peer: Option<IpAddr>, config: &Config) -> Result<Guest, Limit> {
        if self.here.len() >= config.max_connections {
            return Err(Limit::Connections);
        }
        let network = peer.map(Network::of);
        if let Some(network) = network {
            let count = self.by_network.entry(network).or_default();
            if *count >= config.max_connections_per_ip {
                if *count == 0 {
                    self.by_network.remove(&network);
                }
                return Err(Limit::ConnectionsPerIp);
            }
            *count += 1;
        }
        self.last += 1;
        self.here.insert(self.last, network);
        Ok(Guest { number: self.last })
    }

    pub(super) fn leave(&mut self, guest: Guest) {
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
}

/// What counts as one address: all of IPv4, the first 64 bits of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Network {
    V4(u32),
    V6(u64),
}

impl Network {
    fn of(address: IpAddr) -> Self {
        // An IPv4 peer of a socket that takes both.
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}
