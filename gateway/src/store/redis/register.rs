//! The log and the register, as the replicas of a fleet use them.

use std::time::Duration;

use async_trait::async_trait;
use decision::facts::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, parsed, strange};
use super::listen::Subscribed;
use super::{Redis, log, names, scripts};
use crate::store::{
    Followed, Listener, Mark, Position, Register, Registered, Report, SharedLog, Unavailable,
};

/// How long an instance whose bound has passed is kept in the register, in milliseconds.
const KEPT: u32 = 60_000;

/// What a replica says of itself, as it lies in Redis. Durations are in milliseconds.
#[derive(Serialize, Deserialize)]
struct Said {
    instance: String,
    replica: String,
    number: u64,
    version: String,
    position: u64,
    link: u64,
    lease: u64,
    bound: u64,
    generation: u64,
}

#[async_trait]
impl SharedLog for Redis {
    async fn report(&self, report: &Report) -> Result<Mark, Unavailable> {
        let Report { instance, applied, bound, .. } = report;
        let said = Said {
            instance: instance.clone(),
            replica: report.replica.clone(),
            number: report.number,
            version: report.version.clone(),
            position: applied.position.0,
            link: applied.link,
            lease: milliseconds(report.lease),
            bound: milliseconds(*bound),
            generation: report.generation,
        };
        let mut call = scripts::Call::of(&scripts::REPORT);
        call.arg(instance).arg(applied.position.0).arg(applied.link).arg(milliseconds(*bound));
        call.arg(report.number).arg(self.vault.seal(&name(instance), &said)?).arg(KEPT);
        let mut answer = Answer::new(self.link.look_up(&call).await?)?;
        mark(&mut answer)
    }

    async fn leave(&self, instance: &str) -> Result<(), Unavailable> {
        let mut command = redis::cmd("HDEL");
        command.arg(names::full(names::REPLICAS)).arg(instance);
        // On the connection of the reports: one that is still on its way comes before.
        self.link.command(&command).await.map(drop)
    }

    async fn follow(&self, after: Mark, limit: usize) -> Result<Followed, Unavailable> {
        log::follow(self, after, limit).await
    }

    async fn listen(&self) -> Result<Box<dyn Listener>, Unavailable> {
        let live = self.link.live().await?;
        Ok(Box::new(Subscribed::new(self.clone(), &live, &self.channel).await?))
    }

    async fn register(&self) -> Result<Register, Unavailable> {
        let call = scripts::Call::of(&scripts::REGISTER);
        let mut answer = Answer::new(self.link.change(&call).await?)?;
        let now = Timestamp(i64::try_from(answer.number()?).unwrap_or(i64::MAX));
        let head = mark(&mut answer)?;
        let mut replicas = Vec::new();
        while !answer.is_over() {
            let (instance, entry) = (answer.text()?, answer.bytes()?);
            replicas.push(self.registered(instance, &entry)?);
        }
        replicas.sort_by(|a, b| {
            let key = |one: &Registered| (one.report.replica.clone(), one.report.instance.clone());
            key(a).cmp(&key(b))
        });
        Ok(Register { now, head, replicas })
    }
}

impl Redis {
    /// `entry`: when it was written, its bound, whether its position is one of this log, its number, and what was said.
    fn registered(&self, instance: String, entry: &[u8]) -> Result<Registered, Unavailable> {
        let mut parts = entry.splitn(5, |byte| *byte == b' ');
        let mut part = || parts.next().ok_or_else(strange);
        let reported_at = parsed(part()?).map(Timestamp).ok_or_else(strange)?;
        let (_bound, is_of_log, _number) = (part()?, part()? == b"1", part()?);
        let said: Said = self.vault.open(&name(&instance), part()?)?;
        let (position, link) = if is_of_log { (said.position, said.link) } else { (0, 0) };
        let report = Report {
            instance,
            replica: said.replica,
            number: said.number,
            version: said.version,
            applied: Mark { position: Position(position), link },
            lease: Duration::from_millis(said.lease),
            bound: Duration::from_millis(said.bound),
            generation: said.generation,
        };
        Ok(Registered { report, reported_at })
    }
}

fn mark(answer: &mut Answer) -> Result<Mark, Unavailable> {
    Ok(Mark { position: Position(answer.number()?), link: answer.number()? })
}

fn name(instance: &str) -> String {
    format!("replica:{instance}")
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
