//! Idle connections, a pool per thread: no lock, and nothing shared.
//!
//! The newest goes out first: it is the warmest, and the least likely to have been closed meanwhile.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::Endpoint;
use crate::roster;
use crate::wire::Wire;

/// Idle connections kept per endpoint and thread.
const IDLE_MAX: usize = 256;

thread_local! {
    static POOL: RefCell<HashMap<u64, Shelf>> = RefCell::default();
}

#[derive(Debug)]
struct Shelf {
    endpoint: Arc<Endpoint>,
    idle: Vec<Idle>,
}

#[derive(Debug)]
struct Idle {
    wire: Wire,
    until: Instant,
}

/// Takes an idle connection that the upstream has not closed. `certain` asks the kernel itself.
pub fn take(endpoint: &Endpoint, now: Instant, certain: bool) -> Option<Wire> {
    POOL.with_borrow_mut(|pool| {
        let shelf = pool.get_mut(&endpoint.id)?;
        while let Some(idle) = shelf.idle.pop() {
            if now < idle.until && !idle.wire.is_stale(certain) {
                return Some(idle.wire);
            }
        }
        None
    })
}

/// Keeps the connection of a finished exchange until then at most.
pub fn put_back(endpoint: &Arc<Endpoint>, wire: Wire, until: Instant) {
    if endpoint.is_removed() || roster::is_draining() {
        return;
    }
    POOL.with_borrow_mut(|pool| {
        let shelf = pool
            .entry(endpoint.id)
            .or_insert_with(|| Shelf { endpoint: endpoint.clone(), idle: Vec::new() });
        if shelf.idle.len() >= IDLE_MAX {
            shelf.idle.remove(0);
        }
        shelf.idle.push(Idle { wire, until });
    });
}

/// Closes what is too old, what the upstream has closed, and what leads to an endpoint that is no more. Once a second.
pub fn sweep(now: Instant) {
    POOL.with_borrow_mut(|pool| {
        pool.retain(|_, shelf| {
            let gone = shelf.endpoint.is_removed();
            shelf.idle.retain(|idle| !gone && now < idle.until && !idle.wire.is_stale(false));
            !(gone || shelf.idle.is_empty())
        });
    });
}

/// Closes everything: the process is leaving.
pub fn clear() {
    POOL.with_borrow_mut(HashMap::clear);
}
