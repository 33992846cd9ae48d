//! The records of one kind that this process knows: cached, and fetched once for all who ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use decision::facts::FactKey;
use tokio::runtime::Handle;
use tokio::time::{Instant as Deadline, timeout, timeout_at};

use super::cache::{Cache, Entry};
use super::fence::Stamp;
use super::flight::{Flight, Flights, Landing};
use super::line::Line;
use crate::store::{Read, Unavailable};

/// How often one request asks anew because a change overtook the answer.
pub(super) const READS: usize = 3;

/// See the module.
#[derive(Debug)]
pub(super) struct Records<T> {
    pub(super) cache: Cache<T>,
    flights: Arc<Flights<Entry<T>>>,
    house: House,
}

/// What look-ups of every kind share.
#[derive(Clone, Debug)]
pub(super) struct House {
    /// Carries the look-ups: a request that goes away leaves them running for the others.
    pub(super) runtime: Handle,
    /// Bounds each, with the time that it stands in line.
    pub(super) timeout: Duration,
    pub(super) line: Arc<Line>,
}

impl<T: Send + Sync + 'static> Records<T> {
    pub(super) fn new(cache: Cache<T>, house: House) -> Arc<Self> {
        Arc::new(Self { cache, flights: Arc::default(), house })
    }

    /// Asks the store, until `until` at most. However many ask for one key, the store is asked once; never more than
    /// `flight::MOST` times at once. What it could not say is not remembered. `None`: nobody can say.
    ///
    /// The answer was current in the poll that returned it: it is older than no change that had been applied by then. `now`
    /// is when the request began to ask.
    pub(super) async fn fetch<R>(
        self: &Arc<Self>,
        key: FactKey,
        now: Instant,
        until: Instant,
        read: impl Fn() -> R,
    ) -> Option<Entry<T>>
    where
        R: Future<Output = Result<Read<Option<T>>, Unavailable>> + Send + 'static,
    {
        let current = async {
            for _ in 0..READS {
                let entry = self.board(key, now, &read)?.landed().await?;
                if self.cache.is_current(&key, &entry) {
                    return Some(entry);
                }
            }
            None
        };
        timeout_at(Deadline::from_std(until), current).await.ok().flatten()
    }

    /// The flight of `key`, a new one if none is under way. `None`: too many are.
    fn board<R>(
        self: &Arc<Self>,
        key: FactKey,
        now: Instant,
        read: impl FnOnce() -> R,
    ) -> Option<Flight<Entry<T>>>
    where
        R: Future<Output = Result<Read<Option<T>>, Unavailable>> + Send + 'static,
    {
        // Asked again where no second flight can begin meanwhile: one may have landed since the caller looked.
        let known = || self.cache.get(&key, now);
        let start = |landing| {
            let look_up = Arc::clone(self).look_up(key, now, read(), landing);
            drop(self.house.runtime.spawn(look_up));
        };
        Flights::board(&self.flights, key, known, start)
    }

    async fn look_up<R>(
        self: Arc<Self>,
        key: FactKey,
        now: Instant,
        read: R,
        landing: Landing<Entry<T>>,
    ) where
        R: Future<Output = Result<Read<Option<T>>, Unavailable>>,
    {
        let answered = async {
            let turn = self.house.line.turn().await?;
            let epoch = self.cache.epoch();
            let read = read.await;
            turn.answered();
            Some((epoch, read.ok()?))
        };
        // An answer that does not come is none: dropping the landing says so to all who wait for it.
        if let Ok(Some((epoch, read))) = timeout(self.house.timeout, answered).await {
            let stamp = Stamp { epoch, position: read.position };
            let entry = Entry { record: read.value.map(Arc::new), stamp, asked_at: now };
            self.cache.insert(key, entry.clone());
            landing.land(entry);
        }
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.flights.under_way()
    }
}
