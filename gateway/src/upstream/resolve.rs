//! Names to addresses, in the background: no request waits for DNS.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use decision::config::snapshot::EndpointSpec;
use tokio::task::JoinSet;

use super::{Upstream, lock, name};

/// How often names are asked again. An answer that fails leaves what was known.
const REFRESH: Duration = Duration::from_secs(10);

/// The address of an endpoint that is named by one.
pub fn literal(spec: &EndpointSpec) -> Option<SocketAddr> {
    let host = spec.host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, spec.port))
}

impl Upstream {
    fn names(&self) -> impl Iterator<Item = &EndpointSpec> {
        self.specs.iter().filter(|spec| literal(spec).is_none())
    }

    /// Whether some name has never been resolved.
    fn lacks_answers(&self) -> bool {
        let known = lock(&self.names);
        self.names().any(|spec| !known.addresses.contains_key(&name(spec)))
    }

    fn is_retired(&self) -> bool {
        lock(&self.names).retired
    }

    /// Asks for every name once; names without an answer keep the addresses that they had.
    pub async fn resolve(&self) {
        for name in self.names() {
            match tokio::net::lookup_host((name.host.as_str(), name.port)).await {
                Ok(found) => self.learn(name, found.collect()),
                Err(error) => crate::log::warn("an upstream's name does not resolve", |line| {
                    line.field("upstream", &*self.name)
                        .field("name", &*name.host)
                        .field("error", error.to_string());
                }),
            }
        }
    }

    /// Keeps asking while the upstream is in use.
    pub async fn keep_resolved(upstream: Weak<Self>) {
        loop {
            tokio::time::sleep(REFRESH).await;
            match upstream.upgrade() {
                Some(upstream) if !upstream.is_retired() => upstream.resolve().await,
                _ => return,
            }
        }
    }
}

/// Starts the background asking for all of `upstreams`, after the first answers to new names, or `patience`.
pub async fn start(upstreams: &[Arc<Upstream>], patience: Duration) {
    let mut first = JoinSet::new();
    for upstream in upstreams.iter().filter(|upstream| upstream.names().next().is_some()) {
        if upstream.lacks_answers() {
            let upstream = upstream.clone();
            first.spawn(async move { upstream.resolve().await });
        }
        tokio::spawn(Upstream::keep_resolved(Arc::downgrade(upstream)));
    }
    let answered = async { while first.join_next().await.is_some() {} };
    let _late_answers_come_with_the_refresh = tokio::time::timeout(patience, answered).await;
}
