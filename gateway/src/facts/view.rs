//! What one request knows: the cached facts, and those it has fetched itself, all of one moment.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use decision::facts::{Fact, FactKey, Known, Lookup, Resource, Subject, Wanted};
use smallvec::SmallVec;

use super::Inner;
use super::cache::{Cache, Entry};
use super::fence::Moment;
use super::lease::Contact;
use super::near::{self, Kind};
use crate::store::{Position, Read};

/// How often one request may ask the store or begin anew: more than the records that the longest rule needs.
const ROUNDS: u32 = 32;

/// See the module. A step that was decided on it counts only if it [holds](Self::holds) afterwards, and only in the same poll.
#[derive(Debug)]
pub struct View<'f> {
    facts: &'f Inner,
    /// When the request began to ask.
    now: Instant,
    /// How long beyond the lease it may use what is known.
    serve: Duration,
    /// What it rests on at this moment.
    contact: Contact,
    moment: Moment,
    /// When the store's time for this request is up: known once it was asked.
    until: Option<Instant>,
    rounds: u32,
    credentials: Fetched<Fact>,
    subjects: Fetched<Subject>,
    resources: Fetched<Resource>,
    /// Of each record that was told at this moment, the position that it was read at.
    told: RefCell<SmallVec<[(FactKey, Position); 8]>>,
}

/// What a request has fetched: a cache that is full may not have kept it. `None`: nobody can say.
#[derive(Debug)]
struct Fetched<T>(Vec<(FactKey, Option<Entry<T>>)>);

impl<T> Fetched<T> {
    fn put(&mut self, key: FactKey, entry: Option<Entry<T>>) {
        self.0.retain(|(other, _)| *other != key);
        self.0.push((key, entry));
    }

    fn get(&self, key: &FactKey) -> Option<&Option<Entry<T>>> {
        self.0.iter().find(|(other, _)| other == key).map(|(_, entry)| entry)
    }
}

impl<'f> View<'f> {
    pub(super) fn new(facts: &'f Inner, now: Instant) -> Self {
        Self {
            facts,
            now,
            serve: Duration::ZERO,
            contact: facts.lease.contact_at(now, Duration::ZERO),
            moment: facts.fence.moment(),
            until: None,
            rounds: 0,
            credentials: Fetched(Vec::new()),
            subjects: Fetched(Vec::new()),
            resources: Fetched(Vec::new()),
            told: RefCell::default(),
        }
    }

    /// What is known may be used for this much longer than the lease lasts.
    pub fn serve(&mut self, serve: Duration) {
        self.serve = serve;
        self.contact = self.facts.lease.contact_at(self.now, serve);
    }

    /// Whether all that was told since the view, or its last change of moment, was true at once, and may be used now. If not,
    /// what was decided on it has to be decided anew, on a later moment: that one is entered here.
    pub fn holds(&mut self) -> bool {
        // Who was told that nobody can say was told so whatever the moment.
        if self.is_over() || self.told.get_mut().is_empty() {
            return true;
        }
        // First the lease, then the fence: see `Terms::contact`.
        let contact = self.facts.lease.contact(self.serve);
        if contact == self.contact && self.facts.fence.holds(self.moment) {
            return true;
        }
        self.turn();
        false
    }

    /// Whether what was told may be older than the lease allows.
    pub fn is_stale(&self) -> bool {
        self.contact == Contact::Serving && !self.told.borrow().is_empty()
    }

    /// The position up to which changes to the record of `key` are in what was told here of it.
    pub fn position(&self, key: &FactKey) -> Position {
        let told = self.told.borrow();
        let positions =
            told.iter().filter(|(known, _)| known == key).map(|(_, position)| *position);
        positions.min().unwrap_or(Position(0))
    }

    /// Asks the store for a record of `api`, or of `realm`. Afterwards it is known, be it that nobody can say, until a change
    /// overtakes it.
    pub async fn fetch(&mut self, api: &str, realm: &str, wanted: Wanted, asked: Instant) {
        let facts = self.facts;
        let until = *self.until.get_or_insert(asked + facts.timeout);
        let store = || facts.store.clone();
        match wanted {
            Wanted::Credential { key, digests } => {
                let read = || {
                    let (store, api, digests) = (store(), api.to_owned(), digests.clone());
                    async move {
                        let Read { value, position } = store.find(&api, &digests).await?;
                        Ok(Read { value: value.map(Fact::new), position })
                    }
                };
                let entry = facts.credentials.fetch(key, self.now, until, read).await;
                self.credentials.put(key, entry);
            }
            Wanted::Subject { key, id } => {
                let read = || {
                    let (store, realm, id) = (store(), realm.to_owned(), id.clone());
                    async move { store.subject(&realm, &id).await }
                };
                let entry = facts.subjects.fetch(key, self.now, until, read).await;
                self.subjects.put(key, entry);
            }
            Wanted::Resource { key, id } => {
                let read = || {
                    let (store, realm, id) = (store(), realm.to_owned(), id.clone());
                    async move { store.resource(&realm, &id).await }
                };
                let entry = facts.resources.fetch(key, self.now, until, read).await;
                self.resources.put(key, entry);
            }
        }
        self.turn();
    }

    /// Whether a request that comes now would be let in on the credential of the probe's that was fetched under `key`, as far
    /// as what is heard of changes tells.
    pub fn would_use(&self, key: &FactKey) -> bool {
        let Some(Some(entry)) = self.credentials.get(key) else { return false };
        entry.record.is_some()
            && self.facts.lease.contact(self.serve) != Contact::Lost
            && self.facts.probed.is_current(key, entry.stamp)
    }

    fn turn(&mut self) {
        self.rounds += 1;
        self.contact = self.facts.lease.contact(self.serve);
        self.moment = self.facts.fence.moment();
        self.told.get_mut().clear();
    }

    fn is_over(&self) -> bool {
        self.rounds >= ROUNDS
    }

    /// What the thread has used last, or else what all threads share.
    fn cached<T: Kind + Send + Sync + 'static>(
        &self,
        cache: &Cache<T>,
        key: &FactKey,
    ) -> Option<Entry<T>> {
        let (owner, now) = (self.facts.owner, self.now);
        let near = near::get::<T>(owner, key, now).filter(|entry| cache.is_current(key, entry));
        if near.is_some() {
            return near;
        }
        let entry = match self.contact {
            Contact::Held => cache.get(key, now)?,
            Contact::Serving | Contact::Lost => cache.get_of_any_age(key)?,
        };
        if let Some(until) = cache.until(&entry) {
            near::put(owner, key, entry.clone(), now, until);
        }
        Some(entry)
    }

    fn look<T: Kind + Send + Sync + 'static>(
        &self,
        cache: &Cache<T>,
        fetched: &Fetched<T>,
        key: &FactKey,
    ) -> Option<Lookup<T>> {
        if self.is_over() {
            return Some(Lookup::Unavailable);
        }
        let own = match fetched.get(key) {
            // Nobody could say what is new. What is known is as good as the lease is.
            Some(None) => match cache.get_of_any_age(key) {
                Some(entry) => Some(entry),
                None => return Some(Lookup::Unavailable),
            },
            Some(Some(entry)) => Some(entry).filter(|entry| cache.is_current(key, entry)).cloned(),
            None => None,
        };
        let entry = own.or_else(|| self.cached(cache, key));
        let over = |entry: &Entry<T>| entry.record.as_ref().is_some_and(|record| record.is_over());
        let usable = match (self.contact, &entry) {
            (Contact::Held, _) | (Contact::Serving, None) => true,
            (Contact::Serving, Some(entry)) => !cache.is_unknown(entry),
            // It refuses whoever shows it, whatever else has changed. No other record is told, so it lets nobody in.
            (Contact::Lost, entry) => entry.as_ref().is_some_and(over),
        };
        if !usable {
            return Some(Lookup::Unavailable);
        }
        let entry = entry?;
        self.told.borrow_mut().push((*key, entry.stamp.position));
        Some(entry.into_lookup())
    }
}

impl Known for View<'_> {
    fn credential(&self, key: &FactKey) -> Option<Lookup<Fact>> {
        self.look(&self.facts.credentials.cache, &self.credentials, key)
    }

    fn subject(&self, key: &FactKey) -> Option<Lookup<Subject>> {
        self.look(&self.facts.subjects.cache, &self.subjects, key)
    }

    fn resource(&self, key: &FactKey) -> Option<Lookup<Resource>> {
        self.look(&self.facts.resources.cache, &self.resources, key)
    }
}
