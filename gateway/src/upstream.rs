//! Upstreams: live endpoints, the choice among them, and idle connections to them.
//!
//! Endpoints are not part of the configuration's snapshot: a name leads to a live set that a list or DNS fills.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use decision::config::snapshot::{Balance, EndpointSpec, Outlier, Retries, UpstreamSpec};
use http::HeaderName;
use tokio::net::TcpStream;

use crate::wire::Wire;

mod balance;
mod outlier;
pub mod pool;
pub mod resolve;

use outlier::Standing;

/// A service that requests are forwarded to.
#[derive(Debug)]
pub struct Upstream {
    pub name: Arc<str>,
    specs: Vec<EndpointSpec>,
    balance: Balance,
    pub connect_timeout: Duration,
    pub idle_timeout: Duration,
    pub retries: Retries,
    outlier: Option<Outlier>,
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    /// Held while `endpoints` changes.
    names: Mutex<Names>,
    turn: AtomicUsize,
}

/// A name that is resolved, and a port.
type Name = (String, u16);

/// What is known of an upstream's names.
#[derive(Debug, Default)]
struct Names {
    addresses: HashMap<Name, Vec<SocketAddr>>,
    /// The upstream of a later generation has taken over: this one learns nothing more.
    retired: bool,
}

/// One address of an upstream, for as long as the upstream has it.
#[derive(Debug)]
pub struct Endpoint {
    /// Told apart by identity, not by address: another upstream's connections to the same address are never shared.
    id: u64,
    pub address: SocketAddr,
    /// Its share beside the others', at least 1.
    weight: AtomicU32,
    standing: Standing,
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
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            address,
            weight: AtomicU32::new(1),
            standing: Standing::default(),
            busy: AtomicUsize::new(0),
            removed: AtomicBool::new(false),
        })
    }

    fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
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

    /// Its connections are not kept from now on; idle ones are closed by each thread's next sweep.
    fn remove(&self) {
        self.removed.store(true, Ordering::Relaxed);
    }
}

/// What one upstream hands over to the next: endpoints, what names were resolved to, whose turn it is.
type Inheritance = (Arc<Vec<Arc<Endpoint>>>, HashMap<Name, Vec<SocketAddr>>, usize);

/// An endpoint for each address, of this weight from now on: that of `known`, or a new one.
fn endpoints(addresses: &[(SocketAddr, u32)], known: &[Arc<Endpoint>]) -> Vec<Arc<Endpoint>> {
    let known: HashMap<_, _> = known.iter().map(|endpoint| (endpoint.address, endpoint)).collect();
    let of = |(address, weight): &(SocketAddr, u32)| {
        let endpoint = match known.get(address) {
            Some(endpoint) => Arc::clone(endpoint),
            None => Endpoint::new(*address),
        };
        endpoint.weight.store(*weight, Ordering::Relaxed);
        endpoint
    };
    addresses.iter().map(of).collect()
}

fn name(spec: &EndpointSpec) -> Name {
    (spec.host.clone(), spec.port)
}

fn lock(names: &Mutex<Names>) -> std::sync::MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Upstream {
    /// `before`: the upstream of this name in the generation before, which hands over what it knows and learns no more. An
    /// endpoint that stays keeps its connections and its count of exchanges, whatever else changes.
    pub fn new(spec: &UpstreamSpec, before: Option<&Self>) -> Arc<Self> {
        let (known, mut names, turn) = before.map(Self::retire).unwrap_or_default();
        names.retain(|known, _| spec.endpoints.iter().any(|spec| name(spec) == *known));
        let upstream = Self {
            name: spec.name.clone(),
            specs: spec.endpoints.clone(),
            balance: spec.balance.clone(),
            connect_timeout: spec.connect_timeout,
            idle_timeout: spec.idle_timeout,
            retries: spec.retries,
            outlier: spec.outlier,
            endpoints: ArcSwap::default(),
            turn: AtomicUsize::new(turn),
            names: Mutex::new(Names { addresses: names, retired: false }),
        };
        let addresses = upstream.addresses(&lock(&upstream.names));
        upstream.endpoints.store(Arc::new(endpoints(&addresses, &known)));
        Arc::new(upstream)
    }

    fn retire(&self) -> Inheritance {
        let mut names = lock(&self.names);
        names.retired = true;
        let endpoints = self.endpoints.load_full();
        (endpoints, names.addresses.clone(), self.turn.load(Ordering::Relaxed))
    }

    /// Takes in what a name has been resolved to. Endpoints whose addresses stay keep their connections.
    fn learn(&self, spec: &EndpointSpec, mut addresses: Vec<SocketAddr>) {
        addresses.sort_unstable();
        let mut names = lock(&self.names);
        if names.retired {
            return;
        }
        names.addresses.insert(name(spec), addresses);
        let addresses = self.addresses(&names);
        let before = self.endpoints.load();
        let after = endpoints(&addresses, &before);
        for endpoint in
            before.iter().filter(|known| !after.iter().any(|stays| stays.id == known.id))
        {
            endpoint.remove();
        }
        self.endpoints.store(Arc::new(after));
    }

    /// How many endpoints it has now, and how many of them are left out.
    pub fn count(&self) -> (usize, usize) {
        let endpoints = self.endpoints.load();
        let out = |endpoint: &&Arc<Endpoint>| self.outlier.is_some() && endpoint.standing.is_out();
        (endpoints.len(), endpoints.iter().filter(out).count())
    }

    /// The field by whose value endpoints are chosen.
    pub const fn hashed(&self) -> Option<&HeaderName> {
        match &self.balance {
            Balance::Hash(name) => Some(name),
            Balance::RoundRobin | Balance::LeastRequest | Balance::Random => None,
        }
    }

    /// What its endpoints are known to be, each once with its weight, in the order of the configuration.
    fn addresses(&self, names: &Names) -> Vec<(SocketAddr, u32)> {
        let of = |spec: &EndpointSpec| {
            let resolved = names.addresses.get(&name(spec)).into_iter().flatten().copied();
            let all = resolve::literal(spec).into_iter().chain(resolved);
            all.map(|address| (address, spec.weight)).collect::<Vec<_>>()
        };
        let mut seen = HashSet::new();
        self.specs.iter().flat_map(of).filter(|(address, _)| seen.insert(*address)).collect()
    }

    /// The endpoints that it has now.
    pub fn endpoint_ids(&self) -> Vec<u64> {
        self.endpoints.load().iter().map(|endpoint| endpoint.id).collect()
    }

    /// Gives up the connections to all endpoints but those in `kept`. Requests under way may still choose among all.
    pub fn leave(&self, kept: &HashSet<u64>) {
        for endpoint in self.endpoints.load().iter().filter(|endpoint| !kept.contains(&endpoint.id))
        {
            endpoint.remove();
        }
    }
}

#[cfg(test)]
mod tests;
