//! Records as they lie in Redis: JSON behind a signature under the pepper over the name and the content. Whoever can write to
//! Redis can neither make a record nor put one in another's place.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use decision::secret::{Peppers, RecordKey, SIGNATURE_LENGTH};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::Unavailable;
use crate::{clock, log};

/// How long no further line tells of a record.
const QUIET: Duration = Duration::from_secs(10);
/// The most records that lines tell of in that time.
const SPOKEN_MAX: usize = 100;

/// What is done when a record was not written by us.
pub(super) type Alarm = Box<dyn Fn() + Send + Sync>;

pub(super) struct Vault {
    current: RecordKey,
    previous: Vec<RecordKey>,
    alarm: Alarm,
    spoken: Mutex<Spoken>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    pub(super) fn new(peppers: &Peppers, alarm: Alarm) -> Self {
        let previous = peppers.previous.iter().map(decision::secret::Pepper::record_key).collect();
        let spoken = Mutex::default();
        Self { current: peppers.current.record_key(), previous, alarm, spoken }
    }

    /// Whether another pepper counts, too: then other replicas may have another one in force.
    pub(super) const fn is_rotating(&self) -> bool {
        !self.previous.is_empty()
    }

    pub(super) fn seal(&self, name: &str, record: &impl Serialize) -> Result<Vec<u8>, Unavailable> {
        let content = serde_json::to_vec(record).map_err(|error| Unavailable {
            reason: format!("a record cannot be written: {error}"),
        })?;
        Ok(self.seal_bytes(name, &content))
    }

    pub(super) fn seal_bytes(&self, name: &str, content: &[u8]) -> Vec<u8> {
        [&self.current.sign(name, content), content].concat()
    }

    /// Says where a record is broken and not what stands there.
    pub(super) fn open<T: DeserializeOwned>(
        &self,
        name: &str,
        blob: &[u8],
    ) -> Result<T, Unavailable> {
        serde_json::from_slice(self.open_bytes(name, blob)?).map_err(|error| Unavailable {
            reason: format!(
                "{name} is broken ({:?} error at byte {})",
                error.classify(),
                error.column()
            ),
        })
    }

    pub(super) fn open_bytes<'b>(
        &self,
        name: &str,
        blob: &'b [u8],
    ) -> Result<&'b [u8], Unavailable> {
        let (signature, content) =
            blob.split_at_checked(SIGNATURE_LENGTH).ok_or_else(|| self.forged(name))?;
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let is_ours = keys.any(|key| key.verify(name, content, signature));
        if is_ours { Ok(content) } else { Err(self.forged(name)) }
    }

    /// A record that a previous pepper has signed, as the one in force signs it.
    pub(super) fn renewed(&self, name: &str, blob: &[u8]) -> Option<Vec<u8>> {
        let (signature, content) = blob.split_at_checked(SIGNATURE_LENGTH)?;
        let is_previous = self.previous.iter().any(|key| key.verify(name, content, signature));
        is_previous.then(|| self.seal_bytes(name, content))
    }

    /// A record does not say what its name promises, or nobody who knows the pepper has written it.
    pub(super) fn forged(&self, name: &str) -> Unavailable {
        (self.alarm)();
        let mut spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
        if spoken.is_due(name, clock::now()) {
            log::error("a record of the store was not written by this deployment", |line| {
                line.field("record", name);
            });
        }
        Unavailable { reason: format!("{name} was not written by this deployment") }
    }
}

/// Of which records a line has told, and when: whoever writes to the store, or asks for what is written there, does not fill
/// the log.
#[derive(Default)]
struct Spoken(HashMap<String, Instant>);

impl Spoken {
    fn is_due(&mut self, name: &str, now: Instant) -> bool {
        self.0.retain(|_, told| now.saturating_duration_since(*told) < QUIET);
        if self.0.len() >= SPOKEN_MAX || self.0.contains_key(name) {
            return false;
        }
        self.0.insert(name.to_owned(), now);
        true
    }
}

/// What a record must begin with to be the one that was read.
pub(super) fn signature(blob: &[u8]) -> Vec<u8> {
    blob.iter().take(SIGNATURE_LENGTH).copied().collect()
}

#[cfg(test)]
mod tests;
