//! The choice among an upstream's endpoints.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use decision::config::snapshot::Balance;

use super::{Endpoint, Upstream};

impl Upstream {
    /// Chooses an endpoint: one that was not tried, and is not left out, where there is one. `hash` is that of the field by
    /// which this upstream is balanced, if the request has it.
    pub fn pick(&self, tried: &[Arc<Endpoint>], hash: Option<u64>) -> Option<Arc<Endpoint>> {
        let endpoints = self.endpoints.load();
        if let [only] = endpoints.as_slice() {
            return Some(only.clone());
        }
        let is_tried =
            |endpoint: &&Arc<Endpoint>| tried.iter().any(|other| other.id == endpoint.id);
        // One that is removed is known to requests of an older generation alone.
        let untried =
            endpoints.iter().filter(|endpoint| !is_tried(endpoint) && !endpoint.is_removed());
        let in_place =
            |endpoint: &&Arc<Endpoint>| self.outlier.is_none() || !endpoint.standing.is_out();
        let mut candidates: Vec<_> = untried.clone().filter(in_place).collect();
        // Whom everybody has failed may as well be one that was left out: it is no worse than nobody.
        if candidates.is_empty() {
            candidates = untried.collect();
        }
        if candidates.is_empty() {
            candidates = endpoints.iter().collect();
        }
        let chosen = match (&self.balance, hash) {
            (Balance::RoundRobin, _) => self.next(&candidates),
            (Balance::LeastRequest, _) => {
                let load = |endpoint: &&Arc<Endpoint>| {
                    let busy = endpoint.busy.load(Ordering::Relaxed) as u64;
                    (busy << 32) / u64::from(endpoint.weight())
                };
                let least = candidates.iter().map(load).min()?;
                // Those that are as free as it take turns, so that ties do not all fall on the first.
                candidates.retain(|endpoint| load(endpoint) == least);
                self.next(&candidates)
            }
            (Balance::Hash(_), Some(hash)) => highest(&candidates, hash),
            (Balance::Random, _) | (Balance::Hash(_), None) => {
                weighted(&candidates, u64::from(fastrand::u32(..)) << 32)
            }
        };
        chosen.cloned()
    }

    /// Takes turns: in order where all weigh the same, else spread as evenly as the weights allow.
    fn next<'e>(&self, candidates: &[&'e Arc<Endpoint>]) -> Option<&'e Arc<Endpoint>> {
        /// 2^64 over the golden ratio: multiples of it fill a circle evenly, however far they have come.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let first = candidates.first()?;
        if candidates.iter().all(|endpoint| endpoint.weight() == first.weight()) {
            candidates.get(turn % candidates.len()).copied()
        } else {
            weighted(candidates, (turn as u64).wrapping_mul(STEP))
        }
    }
}

/// The endpoint whose share of all 64-bit numbers `point` falls into.
fn weighted<'e>(candidates: &[&'e Arc<Endpoint>], point: u64) -> Option<&'e Arc<Endpoint>> {
    let total: u64 = candidates.iter().map(|endpoint| u64::from(endpoint.weight())).sum();
    let mut left = ((u128::from(point) * u128::from(total)) >> 64) as u64;
    for endpoint in candidates {
        let weight = u64::from(endpoint.weight());
        if left < weight {
            return Some(endpoint);
        }
        left -= weight;
    }
    candidates.last().copied()
}

/// Rendezvous hashing: each endpoint draws a number from the request's hash and its own address, weighted, and the highest
/// wins. So an endpoint that goes moves only its own requests, and every process chooses alike.
fn highest<'e>(candidates: &[&'e Arc<Endpoint>], hash: u64) -> Option<&'e Arc<Endpoint>> {
    let score = |endpoint: &Endpoint| {
        let ip = match endpoint.address.ip() {
            std::net::IpAddr::V4(ip) => u128::from(ip.to_bits()),
            std::net::IpAddr::V6(ip) => ip.to_bits(),
        };
        let address =
            mix((ip as u64) ^ mix((ip >> 64) as u64 ^ u64::from(endpoint.address.port())));
        // Of 53 bits, so that a float holds it, and above 0.
        let drawn = ((mix(hash ^ address) >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        -f64::from(endpoint.weight()) / drawn.ln()
    };
    candidates.iter().max_by(|one, other| score(one).total_cmp(&score(other))).copied()
}

/// The finaliser of SplitMix64: every bit of the input tells on every bit of the output.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
