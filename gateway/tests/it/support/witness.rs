//! Where a secret may not turn up, besides what the gateway says itself: what its upstreams were sent, and what its clients and
//! administrators were answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::http1::Response;

/// The secrets of one gateway. Clones are one list.
#[derive(Clone, Default)]
pub(super) struct Secrets(Arc<Mutex<Vec<String>>>);

/// By the address of the gateway's public listener.
static GATEWAYS: Mutex<BTreeMap<SocketAddr, Secrets>> = Mutex::new(BTreeMap::new());

/// Gives everything that an upstream was sent to who asks.
type Sent = Box<dyn Fn(&mut dyn FnMut(&[u8])) + Send>;

static UPSTREAMS: Mutex<Vec<(SocketAddr, Sent)>> = Mutex::new(Vec::new());

/// A test that has failed holds no other up.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Secrets {
    pub(super) fn keep(&self, secrets: impl IntoIterator<Item = String>) {
        lock(&self.0).extend(secrets);
    }

    /// The one that a body of the admin API holds. A short one could stand anywhere by chance.
    pub(super) fn keep_of(&self, json: &Value) {
        let secret = json["secret"].as_str().filter(|secret| secret.len() >= 16);
        self.keep(secret.map(str::to_owned));
    }

    /// One that stands in `text`.
    pub(super) fn found_in(&self, text: &str) -> Option<String> {
        lock(&self.0).iter().find(|secret| text.contains(secret.as_str())).cloned()
    }

    /// From now on, no client at `address` may be answered with one.
    pub(super) fn guard(&self, address: SocketAddr) {
        lock(&GATEWAYS).insert(address, self.clone());
    }

    /// One that an upstream was sent whose address stands in one of these `configurations`, and which upstream that is.
    pub(super) fn sent_to(&self, configurations: &[String]) -> Option<(String, SocketAddr)> {
        let upstreams = lock(&UPSTREAMS);
        let of_ours = |address: &SocketAddr| {
            let address = address.to_string();
            configurations.iter().any(|text| text.contains(&address))
        };
        upstreams.iter().filter(|(address, _)| of_ours(address)).find_map(|(address, sent)| {
            let mut found = None;
            sent(&mut |bytes| {
                found = found.take().or_else(|| self.found_in(&String::from_utf8_lossy(bytes)));
            });
            found.map(|secret| (secret, *address))
        })
    }
}

pub(super) fn unguard(address: SocketAddr) {
    lock(&GATEWAYS).remove(&address);
}

pub(super) fn upstream(address: SocketAddr, sent: impl Fn(&mut dyn FnMut(&[u8])) + Send + 'static) {
    lock(&UPSTREAMS).push((address, Box::new(sent)));
}

/// A client has been answered by who listens at `address`.
///
/// # Panics
/// When a secret of that gateway is in the answer.
#[track_caller]
pub(super) fn answered(address: SocketAddr, response: &Response) {
    let Some(secrets) = lock(&GATEWAYS).get(&address).cloned() else { return };
    let fields = response.fields.iter().chain(&response.trailers).map(|(_, value)| value.clone());
    for text in fields.chain([response.text()]) {
        if let Some(secret) = secrets.found_in(&text) {
            panic!("a client is told the secret {secret}: {response:?}");
        }
    }
}
