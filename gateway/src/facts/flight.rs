//! Single flight: however many ask for one key, one look-up is under way, and it belongs to none of them.

use std::collections::{HashMap, hash_map};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use decision::facts::FactKey;
use tokio::sync::watch;

use super::hasher::Seed;

/// Look-ups under way at once, most of them in line; who asks for one more is told that nobody can say.
pub(super) const MOST: usize = 8192;

/// The look-ups under way.
pub(super) struct Flights<T> {
    under_way: Mutex<UnderWay<T>>,
}

type UnderWay<T> = HashMap<FactKey, watch::Receiver<Option<T>>, Seed>;

/// One that will end: with what it brings, or without.
pub(super) struct Flight<T>(watch::Receiver<Option<T>>);

impl<T: Clone> Flight<T> {
    /// `None`: it brought nothing.
    pub(super) async fn landed(mut self) -> Option<T> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

/// The end of a flight, when it is dropped: it brought what it was given, or nothing.
pub(super) struct Landing<T> {
    flights: Arc<Flights<T>>,
    key: FactKey,
    brought: Option<T>,
    passengers: watch::Sender<Option<T>>,
}

impl<T> Flights<T> {
    /// The flight of `key`: one that `known` shows to be over, the one under way, or one that `start` begins. `None`: too
    /// many are under way.
    ///
    /// `known` is asked while no flight can end. What a flight brings is made known before it ends, so nobody falls between
    /// the two and asks once more.
    pub(super) fn board(
        flights: &Arc<Self>,
        key: FactKey,
        known: impl FnOnce() -> Option<T>,
        start: impl FnOnce(Landing<T>),
    ) -> Option<Flight<T>> {
        let mut under_way = flights.lock();
        let most_reached = under_way.len() >= MOST;
        match under_way.entry(key) {
            hash_map::Entry::Occupied(flight) => Some(Flight(flight.get().clone())),
            hash_map::Entry::Vacant(free) => {
                if let Some(known) = known() {
                    return Some(Flight(watch::channel(Some(known)).1));
                }
                if most_reached {
                    return None;
                }
                let (passengers, flight) = watch::channel(None);
                free.insert(flight.clone());
                drop(under_way);
                start(Landing { flights: Arc::clone(flights), key, brought: None, passengers });
                Some(Flight(flight))
            }
        }
    }

    pub(super) fn under_way(&self) -> usize {
        self.lock().len()
    }

    /// Nothing that panics runs under the lock but a caller's `known`, and it changes nothing here.
    fn lock(&self) -> MutexGuard<'_, UnderWay<T>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Landing<T> {
    /// Brings `value` to all who wait.
    pub(super) fn land(mut self, value: T) {
        self.brought = Some(value);
    }
}

impl<T> Drop for Landing<T> {
    /// First the key is free, then the passengers hear: one who finds the news too old boards a new flight, not this one.
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
        if let Some(brought) = self.brought.take() {
            self.passengers.send_replace(Some(brought));
        }
    }
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self { under_way: Mutex::default() }
    }
}

impl<T> fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("under_way", &self.under_way()).finish()
    }
}

#[cfg(test)]
mod tests;
