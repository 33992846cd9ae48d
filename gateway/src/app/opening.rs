//! The store is opened, with the keys that belong to it.

use std::sync::Arc;

use decision::config::snapshot::StoreSettings;
use decision::secret::{Pepper, Peppers, SealingKey};
use secrecy::SecretString;
use tokio::runtime::Runtime;

use super::StartError;
use super::outage::Outage;
use crate::admin::Keys;
use crate::metrics::Metrics;
use crate::store::embedded::{Embedded, pepper_beside};
use crate::store::measured::{Call, Measured};
use crate::store::redis::Redis;
use crate::store::{SharedLog, Store};
use crate::{clock, log};

/// A store, ready to be asked.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) shared: Option<Shared>,
    pub(super) keys: Keys,
}

/// A store that others change, too.
pub(super) struct Shared {
    pub(super) log: Arc<dyn SharedLog>,
    /// The same store for the probe: neither log nor metric tells of its calls, and no replica of Redis is waited for.
    pub(super) probed: Arc<dyn Store>,
}

/// What waits for the store runs on `control`.
pub(super) fn open(
    settings: &StoreSettings,
    metrics: &Arc<Metrics>,
    control: &Runtime,
) -> Result<Opened, StartError> {
    let keys = keys(settings)?;
    let (store, shared): (Arc<dyn Store>, _) = match &settings.redis {
        None => {
            metrics.feed.store_up.set(1);
            (Arc::new(embedded(settings, &keys)?), None)
        }
        Some(redis) => {
            let forged = metrics.store_records_forged.clone();
            let redis = Redis::open(redis, &keys.peppers, move || forged.inc());
            let redis = control.block_on(redis).map_err(|error| StartError(error.to_string()))?;
            // Nobody relies on what the probe changes.
            let probed = Arc::new(redis.acknowledged_by(0));
            (Arc::new(redis.clone()), Some(Shared { log: Arc::new(redis), probed }))
        }
    };
    let (observed, outage) = (metrics.clone(), Outage::default());
    let measured = Measured::new(store, move |call| {
        observed.observe_store(call.operation, call.failure.is_none(), call.took);
        tell(&outage, &call);
    });
    Ok(Opened { store: Arc::new(measured), shared, keys })
}

fn tell(outage: &Outage, call: &Call<'_>) {
    let now = clock::now();
    match call.failure {
        None => {
            if let Some(unanswered) = outage.answered(now) {
                log::info("the store answers again", |line| {
                    line.field("unanswered", unanswered);
                });
            }
        }
        Some(failure) => {
            if let Some(more) = outage.unanswered(now) {
                log::error("the store did not answer", |line| {
                    line.field("operation", call.operation).field("error", failure);
                    line.field("more", more);
                });
            }
        }
    }
}

fn embedded(settings: &StoreSettings, keys: &Keys) -> Result<Embedded, StartError> {
    let store = Embedded::open(&settings.path, &keys.peppers)
        .map_err(|error| StartError(error.to_string()))?;
    if store.lost() > 0 {
        log::warn("credentials were made under a pepper that is not given any more", |line| {
            line.field("credentials", store.lost());
        });
    }
    Ok(store)
}

fn keys(settings: &StoreSettings) -> Result<Keys, StartError> {
    let current = match &settings.pepper {
        Some(given) => pepper(given)?,
        None => pepper(&found_beside(settings)?)?,
    };
    let previous = settings.previous_peppers.iter().map(pepper).collect::<Result<Vec<_>, _>>()?;
    let sealing = match &settings.sealing_key {
        None => None,
        Some(key) => Some(
            SealingKey::new(key)
                .ok_or_else(|| StartError("store.sealing_key has the wrong length".to_owned()))?,
        ),
    };
    Ok(Keys { peppers: Peppers::new(current, previous), sealing })
}

fn pepper(value: &SecretString) -> Result<Pepper, StartError> {
    Pepper::new(value).ok_or_else(|| StartError("store.pepper is too short".to_owned()))
}

fn found_beside(settings: &StoreSettings) -> Result<SecretString, StartError> {
    let file = pepper_beside(&settings.path).map_err(|error| StartError(error.to_string()))?;
    if file.created {
        log::info("created a pepper beside the store", |line| {
            line.field("path", file.path.display().to_string());
        });
    }
    if file.group_readable {
        log::warn("the pepper's file is readable by its group", |line| {
            line.field("path", file.path.display().to_string());
        });
    }
    Ok(file.value)
}
