//! What this process knows of credentials, subjects and resources: facts are cached, never decisions.
//!
//! A request asks through a [`View`]: the cached facts, which cost neither I/O nor a lock shared by all, and what it has
//! fetched from the authority, the store (`records`, `flight`). Whether a fact may still be used is decided at each use, by
//! the [`fence`]: not by taking entries out of a map.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use decision::config::snapshot::CacheSettings;
use decision::facts::{Fact, FactKey, Resource, Subject, api_mask, realm_mask};
use tokio::runtime::Handle;

use self::cache::{Cache, Shelf};
use self::fence::Fence;
pub use self::lease::{Contact, Lease};
use self::line::Line;
use self::records::{House, Records};
pub use self::view::View;
use crate::store::{Change, PROBE, Store, What};

mod cache;
pub mod fence;
mod flight;
mod hasher;
pub mod lease;
mod line;
mod near;
mod records;
mod view;

/// Each change makes one in so many cached facts old: 32 KiB of marks, which stay in a core's own cache.
const STRIPES: usize = 4096;

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Facts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    owner: near::Owner,
    store: Arc<dyn Store>,
    fence: Arc<Fence>,
    /// Of the probe's own credentials: they change all the time, and each change makes some other facts old.
    probed: Fence,
    /// Whoever changes the fence does so alone.
    changing: Mutex<()>,
    lease: Lease,
    line: Arc<Line>,
    credentials: Arc<Records<Fact>>,
    subjects: Arc<Records<Subject>>,
    resources: Arc<Records<Resource>>,
    timeout: Duration,
}

impl Facts {
    /// `timeout` bounds all that one request asks the store. `runtime`, with its timer, carries the look-ups. `lease` says how
    /// long facts may be used.
    pub fn new(
        store: Arc<dyn Store>,
        settings: &CacheSettings,
        timeout: Duration,
        runtime: Handle,
        lease: Lease,
    ) -> Self {
        let fence = Arc::new(Fence::new(STRIPES));
        let line = Arc::new(Line::new());
        let house = House { runtime, timeout, line: line.clone() };
        let CacheSettings { capacity, ttl, negative_capacity, negative_ttl } = *settings;
        // Apart, so that a flood of guesses drives out no credential.
        let unknown = Shelf::new(negative_capacity, negative_ttl);
        let credentials = Cache::new(fence.clone(), Shelf::new(capacity, ttl), Some(unknown));
        // Only who has shown a live credential is asked about these: as many as there are credentials suffice.
        let subjects = Cache::new(fence.clone(), Shelf::new(capacity, ttl), None);
        let resources = Cache::new(fence.clone(), Shelf::new(capacity, ttl), None);
        Self(Arc::new(Inner {
            owner: near::Owner::new(),
            store,
            fence,
            probed: Fence::new(STRIPES),
            changing: Mutex::new(()),
            lease,
            line,
            credentials: Records::new(credentials, house.clone()),
            subjects: Records::new(subjects, house.clone()),
            resources: Records::new(resources, house),
            timeout,
        }))
    }

    /// What a request may know that began to ask at `now`.
    pub fn view(&self, now: Instant) -> View<'_> {
        View::new(&self.0, now)
    }

    /// What the store has changed holds here from now on: once this has returned, no request is decided on older facts.
    pub fn apply(&self, change: &Change) {
        let key = key_of(&change.what);
        let _alone = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_probed = change.what.place() == PROBE;
        let fence = if is_probed { &self.0.probed } else { &*self.0.fence };
        fence.apply(&key, change.position);
        match change.what {
            What::Credential { .. } => self.0.credentials.cache.forget(&key),
            What::Subject { .. } => self.0.subjects.cache.forget(&key),
            What::Resource { .. } => self.0.resources.cache.forget(&key),
        }
    }

    /// Every fact is old from now on: the log does not lead on from where it was applied.
    pub fn new_epoch(&self) {
        let _alone = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.fence.new_epoch();
        self.0.probed.new_epoch();
    }

    pub fn lease(&self) -> &Lease {
        &self.0.lease
    }

    /// The authority.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Whether whoever follows the store's log gets no answer: then nothing is looked up either.
    pub fn set_out_of_contact(&self, out: bool) {
        self.0.line.set_out_of_contact(out);
    }

    /// Credentials in the cache, about.
    pub fn entries(&self) -> u64 {
        self.0.credentials.cache.entries()
    }
}

/// What a request asks for that needs the record.
pub fn key_of(what: &What) -> FactKey {
    match what {
        What::Credential { api, digest, .. } => FactKey::new(&api_mask(api), digest),
        What::Subject { realm, id, .. } => FactKey::subject(&realm_mask(realm), id),
        What::Resource { realm, id, .. } => FactKey::resource(&realm_mask(realm), id),
    }
}

#[cfg(test)]
mod tests;
