//! Changes that replicas of Redis must hold before they are acknowledged.

use decision::facts::Credential;
use redis::Value;

use super::{Redis, credentials, names};
use crate::log;
use crate::store::{Author, ChangeError, Changed, Rotated, Unavailable};

/// How long replicas are waited for, in milliseconds.
const WAIT: u32 = 1000;

impl Redis {
    /// Makes a change with `make`, and lets it be acknowledged when enough replicas hold it. One that found everything as it was
    /// to be waits, too: what it found may be held by none.
    pub(super) async fn held<T>(
        &self,
        make: impl Future<Output = Result<T, ChangeError>>,
    ) -> Result<T, ChangeError> {
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
        if let Err(error) = credentials::delete(self, &credential.id, None, author).await {
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

    /// Waits until enough replicas hold what this connection has written. The write in front makes it count what others wrote
    /// before, too.
    async fn wait(&self, generation: Option<u64>) -> Result<(), Unavailable> {
        let Some(generation) = generation else { return Ok(()) };
        let mut write = redis::cmd("SET");
        write.arg(names::full(names::ACKNOWLEDGED)).arg("");
        let mut wait = redis::cmd("WAIT");
        wait.arg(self.acknowledge).arg(WAIT);
        let answers = self.link.commands(&[write, wait]).await?;
        // Another server's replicas may hold another history.
        if self.link.generation().await? != generation {
            let reason = "the server was replaced before the change was acknowledged".to_owned();
            return Err(Unavailable { reason });
        }
        match answers.last() {
            Some(Value::Int(held)) if *held >= i64::from(self.acknowledge) => Ok(()),
            Some(Value::Int(held)) => {
                let wanted = self.acknowledge;
                let reason = format!("{held} replicas of {wanted} hold the change");
                Err(Unavailable { reason })
            }
            _ => Err(super::answer::strange()),
        }
    }
}
