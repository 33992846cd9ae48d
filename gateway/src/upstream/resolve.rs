//! Names to addresses, in the background: no request waits for DNS.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use decision::config::snapshot::EndpointSpec;

use super::Upstream;

/// How often names are asked again. An answer that fails leaves what was known.
const REFRESH: Duration = Duration::from_secs(10);

/// The address of an endpoint that is named by one.
pub fn literal(spec: &EndpointSpec) -> Option<SocketAddr> {
    let host = spec.host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, spec.port))
}

impl Upstream {
    fn has_names(&self) -> bool {
        self.specs.iter().any(|spec| literal(spec).is_none())
    }

    /// Asks for every name once; names without an answer keep the addresses that they had.
    pub async fn resolve(&self) {
        if !self.has_names() {
            return;
        }
        let mut addresses = Vec::new();
        for spec in &self.specs {
            if let Some(address) = literal(spec) {
                addresses.push(address);
                continue;
            }
            match tokio::net::lookup_host((spec.host.as_str(), spec.port)).await {
                Ok(found) => addresses.extend(found),
                Err(error) => {
                    crate::log::warn("an upstream's name does not resolve", |line| {
                        line.field("upstream", &*self.name)
                            .field("name", &*spec.host)
                            .field("error", error.to_string());
                    });
                    let known = self.endpoints.load();
                    addresses.extend(known.iter().map(|endpoint| endpoint.address));
                }
            }
        }
        addresses.sort_unstable();
        self.set(addresses);
    }

    /// Keeps asking while the upstream is in use.
    pub async fn keep_resolved(upstream: Weak<Self>) {
        loop {
            tokio::time::sleep(REFRESH).await;
            match upstream.upgrade() {
                Some(upstream) if upstream.has_names() => upstream.resolve().await,
                _ => return,
            }
        }
    }
}

/// Starts the background asking for all of `upstreams`, after a first answer, or the lack of one, within `patience`.
pub async fn start(upstreams: &[Arc<Upstream>], patience: Duration) {
    for upstream in upstreams {
        let _late_answers_come_with_the_refresh =
            tokio::time::timeout(patience, upstream.resolve()).await;
        tokio::spawn(Upstream::keep_resolved(Arc::downgrade(upstream)));
    }
}
