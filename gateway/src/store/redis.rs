//! The store that several replicas share: Redis, or what speaks as it does.
//!
//! Every change is one script. The rules are judged here, on records that were read and whose signatures hold; the script looks
//! whether they are still as they were read, and writes the record, its places in the indices, the entries of both logs, and
//! tells the change; or nothing, and it is judged anew. Redis runs one script at a time, so each is one atomic step.
//!
//! A look-up reads a record and the head of the log in one script, which a server that takes no changes refuses: so none of them
//! is answered by a replica, or by a master that was demoted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use decision::config::snapshot::RedisSettings;
use decision::secret::Peppers;
use redis::Value;

use self::acknowledge::Rounds;
use self::answer::strange;
use self::blob::Vault;
use self::link::Link;
use self::renew::Renewing;
use self::server::Servers;
use super::{ChangeError, Unavailable};

mod acknowledge;
mod answer;
mod audit;
mod blob;
mod calls;
mod commit;
mod credentials;
mod find;
mod link;
mod list;
mod listen;
mod log;
mod names;
mod notes;
mod realm;
mod record;
mod register;
mod renew;
mod repeat;
mod scripts;
mod server;

/// How long a server that cannot be reached is waited for at start.
const FIRST: Duration = Duration::from_secs(5);

/// See the module. Cheap to clone; the connections are closed with the last of them.
#[derive(Clone)]
pub struct Redis {
    link: Arc<Link>,
    vault: Arc<Vault>,
    /// Which pepper is in force, in a form that tells it from others and not what it is.
    pepper: String,
    /// On which changes are told.
    channel: String,
    /// Replicas of Redis that must hold a change before it is acknowledged.
    acknowledge: u32,
    rounds: Arc<Rounds>,
    /// Kept: goes on for as long as the store is open.
    _renewing: Option<Arc<Renewing>>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Redis {
    /// Connects, on the runtime of the caller, which must live as long as the store does. A server that cannot be reached is waited
    /// for a while, and then left to be found later. `forged` is called for each record that was not written by this deployment.
    pub async fn open(
        settings: &RedisSettings,
        peppers: &Peppers,
        forged: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let link = Link::start(Servers::new(settings.clone(), peppers));
        match link.first(FIRST).await {
            Err(trouble) if trouble.is_lasting => return Err(OpenError(trouble.reason)),
            Ok(()) | Err(_) => {}
        }
        let link = Arc::new(link);
        let vault = Arc::new(Vault::new(peppers, Box::new(forged)));
        let renewing =
            vault.is_rotating().then(|| Renewing::start(Arc::clone(&link), Arc::clone(&vault)));
        Ok(Self {
            link,
            vault,
            pepper: names::hex(&peppers.current.check_value()),
            // A channel is not one of a database: two deployments may share a server.
            channel: format!("{}changes:{}", names::PREFIX, settings.db),
            acknowledge: settings.acknowledge,
            rounds: Arc::default(),
            _renewing: renewing.map(Arc::new),
        })
    }

    /// The same store for changes that so many replicas must hold.
    #[must_use]
    pub fn acknowledged_by(&self, replicas: u32) -> Self {
        Self { acknowledge: replicas, ..self.clone() }
    }

    async fn value(&self, name: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        let mut command = redis::cmd("GET");
        command.arg(names::full(name));
        match self.link.commands(&[command]).await?.into_iter().next() {
            Some(Value::Nil) => Ok(None),
            Some(Value::BulkString(value)) => Ok(Some(value)),
            _ => Err(strange()),
        }
    }

    /// Whether there is something under each of these names.
    async fn exist(&self, names: impl Iterator<Item = &String>) -> Result<Vec<bool>, Unavailable> {
        let commands: Vec<_> = names
            .map(|name| {
                let mut command = redis::cmd("EXISTS");
                command.arg(names::full(name));
                command
            })
            .collect();
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.link.commands(&commands).await?;
        Ok(answers.into_iter().map(|answer| answer == Value::Int(1)).collect())
    }
}

/// Why Redis cannot be the store: the configuration is wrong.
#[derive(Debug, thiserror::Error)]
#[error("store: {0}")]
pub struct OpenError(String);

fn overtaken() -> ChangeError {
    let reason = "the record is changed too often to be changed again".to_owned();
    ChangeError::Unavailable(Unavailable { reason })
}

/// Drawn at random. Not zero, which is the link before the first change.
fn link() -> u64 {
    fastrand::u64(1..)
}

#[cfg(test)]
mod tests;
