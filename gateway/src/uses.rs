//! When credentials were last used: noted without a lock or a map, in the cached fact itself, and told to the store in parts.
//!
//! A use is a request that was let through. Of a credential that is in use all the time one use a minute is told, so
//! `last_used_at` may be that much too old; what is not told yet when the process ends is lost.

use std::sync::Arc;
use std::time::Duration;

use decision::facts::{Fact, Timestamp};
use decision::name::Id;
use tokio::sync::mpsc;

use crate::store::Store;

/// How long a use stands for all that follow, in milliseconds.
const STANDS_FOR: i64 = 60_000;
/// Uses that wait to be told. Beyond, a use is not told.
const MOST: usize = 100_000;
/// Uses that are told in one call, and how long the store then rests.
const PART: usize = 1000;
const REST: Duration = Duration::from_secs(5);

/// Where uses are noted. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Uses(mpsc::Sender<(Id, Timestamp)>);

/// What was noted and is not told yet.
#[derive(Debug)]
pub struct Noted(mpsc::Receiver<(Id, Timestamp)>);

impl Uses {
    pub fn new() -> (Self, Noted) {
        let (uses, noted) = mpsc::channel(MOST);
        (Self(uses), Noted(noted))
    }

    /// The credential is used. Threads that find at once that a use is to be told may each tell it: nothing comes of that.
    pub fn note(&self, fact: &Fact, now: Timestamp) {
        if now.0 < fact.use_told().0.saturating_add(STANDS_FOR) {
            return;
        }
        if self.0.try_send((fact.credential.id.clone(), now)).is_ok() {
            fact.set_use_told(now);
        }
    }
}

impl Noted {
    /// Tells the store, until nobody notes anything any more. What it cannot be told is not told again: a later use will be.
    pub async fn tell(mut self, store: Arc<dyn Store>) {
        let mut part = Vec::new();
        while self.0.recv_many(&mut part, PART).await > 0 {
            let _logged_by_the_store = store.used(&part).await;
            if part.len() < PART {
                tokio::time::sleep(REST).await;
            }
            part.clear();
        }
    }
}

#[cfg(test)]
mod tests;
