//! How many connections there are, in all and of one address: what one peer can cost before it has said a word.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections of the process.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    most_of_address: usize,
    open: AtomicUsize,
    /// Of addresses that are counted, how many.
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// Why a connection is closed at once: the name of the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    Connections,
    PerAddress,
}

impl Crowded {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::PerAddress => "per_address",
        }
    }
}

/// A connection, counted while it lives.
#[derive(Debug)]
pub struct Guest {
    crowd: Arc<Crowd>,
    address: Option<IpAddr>,
}

impl Crowd {
    pub fn new(most: usize, most_of_address: usize) -> Arc<Self> {
        let by_address = Mutex::default();
        Arc::new(Self { most, most_of_address, open: AtomicUsize::new(0), by_address })
    }

    /// Lets a connection in. `address` is that of the peer, if it is one that is counted by itself.
    pub fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Guest, Crowded> {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        // From here on its end is counted, whatever becomes of it.
        let mut guest = Guest { crowd: self.clone(), address: None };
        if before >= self.most {
            return Err(Crowded::Connections);
        }
        if let Some(address) = address.map(counted_as) {
            let mut by_address = self.by_address();
            let count = by_address.entry(address).or_default();
            if *count >= self.most_of_address {
                return Err(Crowded::PerAddress);
            }
            *count += 1;
            drop(by_address);
            guest.address = Some(address);
        }
        Ok(guest)
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of IPv6 the network of 64 bits: whoever has one address of it has all.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.crowd.open.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut by_address = self.crowd.by_address();
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
