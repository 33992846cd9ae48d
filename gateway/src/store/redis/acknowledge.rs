//! Changes that replicas of Redis must hold before they are acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};

use decision::facts::Credential;
use redis::Value;
use tokio::sync::Mutex;

use super::{Redis, credentials, names};
use crate::log;
use crate::store::{Author, ChangeError, Changed, Rotated, Unavailable};

/// How long replicas are waited for, in milliseconds.
const WAIT: u32 = 1000;

impl Redis {
    /// Makes a change with `make`, and lets it be acknowledged when enough replicas hold it. One that found everything as it was
    /// to be waits, too: what it found may be held by none.
    pub(super) async fn held<T, E: From<Unavailable>>(
        &self,
        make: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let generation = self.generation().await?;
        let made = make.await?;
        self.wait(generation).await?;
        Ok(made)
    }

    /// As [`Self::held`], for a credential whose secret nobody learns when it is not: it is taken back.
    pub(super) async fn created(
        &self,
        author: &Author,
        make: impl Future<Output = Result<Changed<Credential>, ChangeError>>,
    ) -> Result<Changed<Credential>, ChangeError> {
        let generation = self.generation().await?;
        let made = make.await?;
        self.or_take_back(generation, &made.record, author).await?;
        Ok(made)
    }

    pub(super) async fn rotated(
        &self,
        author: &Author,
        make: impl Future<Output = Result<Rotated, ChangeError>>,
    ) -> Result<Rotated, ChangeError> {
        let generation = self.generation().await?;
        let made = make.await?;
        self.or_take_back(generation, &made.successor.record, author).await?;
        Ok(made)
    }

    async fn or_take_back(
        &self,
        generation: Option<u64>,
        credential: &Credential,
        author: &Author,
    ) -> Result<(), Unavailable> {
        let Err(unavailable) = self.wait(generation).await else { return Ok(()) };
        let taken_back = credentials::delete(self, &credential.id, None, author).await;
        // A server that does not know it has taken the place of the one that did.
        if let Err(error) = taken_back
            && !matches!(error, ChangeError::Unknown)
        {
            log::error("a credential whose creation was not acknowledged is still there", |line| {
                line.field("credential", credential.id.as_str());
                line.field("error", format!("{error:?}"));
            });
        }
        Err(unavailable)
    }

    /// `None`: nobody is waited for.
    async fn generation(&self) -> Result<Option<u64>, Unavailable> {
        if self.acknowledge == 0 { Ok(None) } else { self.link.generation().await.map(Some) }
    }

    /// Waits until enough replicas hold everything that this server was told before.
    async fn wait(&self, generation: Option<u64>) -> Result<(), Unavailable> {
        let Some(generation) = generation else { return Ok(()) };
        let held = self.rounds.next(|| self.round()).await?;
        // Another server's replicas may hold another history.
        if held.generation != generation {
            let reason = "the server was replaced before the change was acknowledged".to_owned();
            return Err(Unavailable { reason });
        }
        if held.replicas < self.acknowledge.into() {
            let reason =
                format!("{} replicas of {} hold the change", held.replicas, self.acknowledge);
            return Err(Unavailable { reason });
        }
        Ok(())
    }

    /// `WAIT` counts what its own connection has written: the write in front makes it count all that was written before.
    async fn round(&self) -> Result<Held, Unavailable> {
        let mut write = redis::cmd("SET");
        write.arg(names::full(names::ACKNOWLEDGED)).arg("");
        let mut wait = redis::cmd("WAIT");
        wait.arg(self.acknowledge).arg(WAIT);
        let (generation, answers) = self.link.wait(&[write, wait]).await?;
        match answers.last() {
            Some(Value::Int(replicas)) => Ok(Held { generation, replicas: *replicas }),
            _ => Err(super::answer::strange()),
        }
    }
}

/// How many replicas hold what the server of a generation was told.
#[derive(Clone)]
struct Held {
    generation: u64,
    replicas: i64,
}

/// Rounds of waiting, one after the other. Whoever comes while one is under way takes part in the next: it begins after his
/// change. So a replica that is away costs everybody two rounds at most, however many changes there are.
#[derive(Default)]
pub(super) struct Rounds {
    /// How many have begun.
    begun: AtomicU64,
    last: Mutex<Option<Round>>,
}

struct Round {
    number: u64,
    outcome: Result<Held, Unavailable>,
}

impl Rounds {
    /// What comes of a round that begins from now on.
    async fn next<R>(&self, round: impl FnOnce() -> R) -> Result<Held, Unavailable>
    where
        R: Future<Output = Result<Held, Unavailable>>,
    {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let Some(last) = &*last
            && last.number > begun
        {
            return last.outcome.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let outcome = round().await;
        *last = Some(Round { number, outcome: outcome.clone() });
        outcome
    }
}
