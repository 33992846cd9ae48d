//! The replicas that share the store, as the register has them.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Mutex;

use crate::clock;
use crate::store::{Followed, Mark, Register, SharedLog, Unavailable};

/// See the module.
#[derive(Debug)]
pub struct Fleet {
    log: Arc<dyn SharedLog>,
    /// This process, in the register.
    pub(super) instance: String,
    /// What was read last, and when it was asked for.
    last: Mutex<Option<(Instant, Arc<Register>)>>,
}

impl Fleet {
    pub fn new(log: Arc<dyn SharedLog>, instance: String) -> Self {
        Self { log, instance, last: Mutex::new(None) }
    }

    /// The register as it was after `since`. However many ask at once, it is read by one of them at a time, for all who wait.
    pub(super) async fn register(&self, since: Instant) -> Result<Arc<Register>, Unavailable> {
        let mut last = self.last.lock().await;
        if let Some((asked, register)) = &*last
            && *asked >= since
        {
            return Ok(Arc::clone(register));
        }
        let asked = clock::now();
        let register = Arc::new(self.log.register().await?);
        *last = Some((asked, Arc::clone(&register)));
        Ok(register)
    }

    /// Whether the log in force is one that leads on from `mark`.
    pub(super) async fn leads_on_from(&self, mark: Mark) -> Result<bool, Unavailable> {
        Ok(matches!(self.log.follow(mark, 1).await?, Followed::Entries { .. }))
    }
}
