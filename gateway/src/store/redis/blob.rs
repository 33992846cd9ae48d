//! Records as they lie in Redis: JSON behind a signature under the pepper over the name and the content. Whoever can write to
//! Redis can neither make a record nor put one in another's place.

use std::fmt;

use decision::secret::{Peppers, RecordKey, SIGNATURE_LENGTH};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::log;
use crate::store::Unavailable;

/// What is done when a record was not written by us.
pub(super) type Alarm = Box<dyn Fn() + Send + Sync>;

pub(super) struct Vault {
    current: RecordKey,
    previous: Vec<RecordKey>,
    alarm: Alarm,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    pub(super) fn new(peppers: &Peppers, alarm: Alarm) -> Self {
        let previous = peppers.previous.iter().map(decision::secret::Pepper::record_key).collect();
        Self { current: peppers.current.record_key(), previous, alarm }
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

    /// A record does not say what its name promises, or nobody who knows the pepper has written it.
    pub(super) fn forged(&self, name: &str) -> Unavailable {
        (self.alarm)();
        log::error("a record of the store was not written by this deployment", |line| {
            line.field("record", name);
        });
        Unavailable { reason: format!("{name} was not written by this deployment") }
    }
}

/// What a record must begin with to be the one that was read.
pub(super) fn signature(blob: &[u8]) -> Vec<u8> {
    blob.iter().take(SIGNATURE_LENGTH).copied().collect()
}
