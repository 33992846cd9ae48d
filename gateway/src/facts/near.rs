//! The records that this thread has used last, in front of the caches that all threads share.
//!
//! A shared map costs a walk through cold memory and a note of each use; here a record is a step or two away. It is a table
//! without chains: a key belongs into one set of [`WAYS`] places, and while all of them hold what is fresh, whoever comes is
//! left to the shared map: keys in turn that drive one another out would all miss. Nothing is trusted here that the shared cache
//! would not give: the fence is asked at each use, and after [`FRESH`] the shared cache is, so that it learns what is in use.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use decision::facts::{Fact, FactKey, Resource, Subject};

use super::cache::Entry;
use crate::clock;

/// Places of one thread: some 400 KiB, and what they hold.
const PLACES: usize = SETS * WAYS;
/// With one place for a key, a table that is half full of busy keys would lose every fourth of them to another.
const WAYS: usize = 4;
const SETS: usize = 1024;
/// How long a record is used without asking the shared cache.
const FRESH: Duration = Duration::from_secs(1);

thread_local! {
    static NEAR: RefCell<Vec<Option<Slot>>> = const { RefCell::new(Vec::new()) };
}

struct Slot {
    owner: Owner,
    key: FactKey,
    until: Instant,
    held: Held,
}

/// The facts whose records these are: tests have several of them in one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(u64);

impl Owner {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A record of any kind. Keys of different kinds are different keys.
pub(super) enum Held {
    Credential(Entry<Fact>),
    Subject(Entry<Subject>),
    Resource(Entry<Resource>),
}

/// A kind of records.
pub(super) trait Kind: Sized {
    /// Whether no change makes it good again.
    fn is_over(&self) -> bool;
    fn hold(entry: Entry<Self>) -> Held;
    fn held(held: &Held) -> Option<&Entry<Self>>;
}

macro_rules! kind {
    ($record:ident in $variant:ident, over: $over:expr) => {
        impl Kind for $record {
            fn is_over(&self) -> bool {
                let over: fn(&Self) -> bool = $over;
                over(self)
            }

            fn hold(entry: Entry<Self>) -> Held {
                Held::$variant(entry)
            }

            fn held(held: &Held) -> Option<&Entry<Self>> {
                match held {
                    Held::$variant(entry) => Some(entry),
                    _ => None,
                }
            }
        }
    };
}

kind!(Fact in Credential, over: |fact| {
    let credential = &fact.credential;
    credential.revoked_at.is_some() || credential.expires_at.is_some_and(|at| at <= clock::wall())
});
kind!(Subject in Subject, over: |_| false);
kind!(Resource in Resource, over: |_| false);

/// What lies here under `key`, if it is not too long here. Whether it is current is for the caller to ask.
pub(super) fn get<T: Kind>(owner: Owner, key: &FactKey, now: Instant) -> Option<Entry<T>> {
    NEAR.with_borrow(|places| {
        let slot = places.get(set(key))?.iter().flatten().find(|slot| slot.is_of(owner, key))?;
        T::held(&slot.held).filter(|_| now < slot.until).cloned()
    })
}

/// Keeps what the shared cache gave at `now` and would give until `until`.
pub(super) fn put<T: Kind>(
    owner: Owner,
    key: &FactKey,
    entry: Entry<T>,
    now: Instant,
    until: Instant,
) {
    NEAR.with_borrow_mut(|places| {
        if places.is_empty() {
            places.resize_with(PLACES, || None);
        }
        let places = places.get_mut(set(key)).unwrap_or_default();
        // Its own place before another, so that a key has one at most.
        let own = places.iter().position(|slot| slot.as_ref().is_some_and(|s| s.is_of(owner, key)));
        let lapsed = || places.iter().position(|slot| slot.as_ref().is_none_or(|s| s.until <= now));
        if let Some(place) = own.or_else(lapsed).and_then(|place| places.get_mut(place)) {
            let until = until.min(now + FRESH);
            *place = Some(Slot { owner, key: *key, until, held: T::hold(entry) });
        }
    });
}

/// The places that `key` may have.
fn set(key: &FactKey) -> Range<usize> {
    let first = key.place(SETS) * WAYS;
    first..first + WAYS
}

impl Slot {
    fn is_of(&self, owner: Owner, key: &FactKey) -> bool {
        self.key == *key && self.owner == owner
    }
}

#[cfg(test)]
mod tests;
