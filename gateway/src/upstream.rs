//! Upstreams: live endpoints, the choice among them, and idle connections to them.
//!
//! Endpoints are not part of the configuration's snapshot: a name leads to a live set that a list or DNS fills.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use decision::config::snapshot::{Balance, EndpointSpec, Retries, UpstreamSpec};
use tokio::net::TcpStream;

use crate::wire::Wire;

pub mod pool;
pub mod resolve;

/// A service that requests are forwarded to.
#[derive(Debug)]
pub struct Upstream {
    pub name: Arc<str>,
    specs: Vec<EndpointSpec>,
    balance: Balance,
    pub connect_timeout: Duration,
    pub idle_timeout: Duration,
    pub retries: Retries,
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    turn: AtomicUsize,
}

/// One address of an upstream, for as long as the upstream has it.
#[derive(Debug)]
pub struct Endpoint {
    /// Told apart by identity, not by address: another upstream's connections to the same address are never shared.
    id: u64,
    pub address: SocketAddr,
    /// Exchanges under way, of all threads.
    busy: AtomicUsize,
    removed: AtomicBool,
}

/// A connection for one exchange.
#[derive(Debug)]
pub struct Checkout {
    pub wire: Wire,
    /// It has served before.
    pub reused: bool,
}

/// Counts an exchange with an endpoint while it lives.
#[derive(Debug)]
pub struct Busy(Arc<Endpoint>);

impl Busy {
    pub const fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Endpoint {
    fn new(address: SocketAddr) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, address, busy: AtomicUsize::new(0), removed: AtomicBool::new(false) })
    }

    pub fn occupy(self: Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self)
    }

    /// Opens a connection; the caller bounds the time.
    pub async fn connect(self: Arc<Self>) -> std::io::Result<Wire> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Wire::new(stream))
    }

    fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Relaxed)
    }
}

impl Upstream {
    pub fn new(spec: &UpstreamSpec) -> Arc<Self> {
        let upstream = Self {
            name: spec.name.clone(),
            specs: spec.endpoints.clone(),
            balance: spec.balance,
            connect_timeout: spec.connect_timeout,
            idle_timeout: spec.idle_timeout,
            retries: spec.retries,
            endpoints: ArcSwap::default(),
            turn: AtomicUsize::new(0),
        };
        upstream.set(upstream.specs.iter().filter_map(resolve::literal).collect());
        Arc::new(upstream)
    }

    /// Replaces the addresses; an endpoint whose address stays keeps its connections.
    fn set(&self, mut addresses: Vec<SocketAddr>) {
        addresses.dedup();
        let before = self.endpoints.load();
        let kept = |address: &SocketAddr| {
            before.iter().find(|endpoint| endpoint.address == *address).cloned()
        };
        let after: Vec<_> = addresses
            .iter()
            .map(|address| kept(address).unwrap_or_else(|| Endpoint::new(*address)))
            .collect();
        for endpoint in before.iter().filter(|endpoint| !addresses.contains(&endpoint.address)) {
            endpoint.removed.store(true, Ordering::Relaxed);
        }
        self.endpoints.store(Arc::new(after));
    }

    /// How many endpoints it has now.
    pub fn count(&self) -> usize {
        self.endpoints.load().len()
    }

    /// Chooses an endpoint, one that was not tried where there is one.
    pub fn pick(&self, tried: &[Arc<Endpoint>]) -> Option<Arc<Endpoint>> {
        let endpoints = self.endpoints.load();
        if let [only] = endpoints.as_slice() {
            return Some(only.clone());
        }
        let untried: Vec<_> = endpoints
            .iter()
            .filter(|endpoint| !tried.iter().any(|other| other.id == endpoint.id))
            .collect();
        let candidates = if untried.is_empty() { endpoints.iter().collect() } else { untried };
        // Each starts at another place, so that ties do not all fall on the first.
        let start = match self.balance {
            Balance::RoundRobin | Balance::LeastRequest => {
                self.turn.fetch_add(1, Ordering::Relaxed)
            }
            Balance::Random => random(),
        };
        let rotated =
            candidates.iter().cycle().skip(start % candidates.len().max(1)).take(candidates.len());
        let chosen = match self.balance {
            Balance::LeastRequest => {
                rotated.min_by_key(|endpoint| endpoint.busy.load(Ordering::Relaxed))
            }
            Balance::RoundRobin | Balance::Random => rotated.into_iter().next(),
        };
        chosen.map(|endpoint| Arc::clone(endpoint))
    }
}

fn random() -> usize {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0u8) as usize
}

#[cfg(test)]
mod tests;
