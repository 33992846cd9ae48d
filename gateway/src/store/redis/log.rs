//! The change log, as replicas follow it.

use std::sync::Arc;

use decision::facts::{Credential, Resource, Subject, Timestamp};
use decision::name::Id;
use decision::secret::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, strange};
use super::record::Kept;
use super::{Redis, names, scripts};
use crate::store::{
    Change, ChangeKind, Changes, Followed, Mark, Position, RecordKind, Told, Unavailable, What,
};

/// An entry as it lies in Redis: the name of the record and not the record.
#[derive(Serialize, Deserialize)]
pub(super) struct Logged {
    change: String,
    record: String,
    place: String,
    id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<[u8; 32]>,
}

impl Logged {
    pub(super) fn new(kind: ChangeKind, what: &What) -> Self {
        let digest = match what {
            What::Credential { digest, .. } => Some(digest.0),
            What::Subject { .. } | What::Resource { .. } => None,
        };
        Self {
            change: kind.name().to_owned(),
            record: what.kind().name().to_owned(),
            place: what.place().to_owned(),
            id: what.id().clone(),
            digest,
        }
    }
}

/// An entry with its record, as a script or a message tells them.
pub(super) struct Raw {
    pub(super) position: u64,
    pub(super) before: u64,
    pub(super) link: u64,
    pub(super) entry: Vec<u8>,
    pub(super) record: Option<Vec<u8>>,
    pub(super) used: Option<i64>,
}

impl Raw {
    fn read(answer: &mut Answer) -> Result<Self, Unavailable> {
        Ok(Self {
            position: answer.number()?,
            before: answer.number()?,
            link: answer.number()?,
            entry: answer.bytes()?,
            record: answer.value()?,
            used: answer.instant()?,
        })
    }
}

/// What a script says of the log.
struct Part {
    head: Mark,
    /// The log leads on from where was asked.
    leads: bool,
    items: Vec<Told>,
}

pub(super) async fn changes(
    redis: &Redis,
    after: Position,
    limit: usize,
) -> Result<Changes, Unavailable> {
    let Part { head, leads, items } = part(redis, after, None, limit).await?;
    let items = items.into_iter().map(|told| told.change).collect();
    Ok(Changes { items, trimmed: !leads, head: head.position })
}

pub(super) async fn follow(
    redis: &Redis,
    after: Mark,
    limit: usize,
) -> Result<Followed, Unavailable> {
    let Part { head, leads, items } = part(redis, after.position, Some(after.link), limit).await?;
    Ok(if leads { Followed::Entries { items, head } } else { Followed::Broken { head } })
}

async fn part(
    redis: &Redis,
    after: Position,
    link: Option<u64>,
    limit: usize,
) -> Result<Part, Unavailable> {
    let mut call = scripts::Call::of(&scripts::FOLLOW);
    // Scripts count in floating point: greater positions there are none.
    call.arg(after.0.min(1 << 53)).arg(link.map_or_else(String::new, |link| link.to_string()));
    call.arg(limit);
    let mut answer = Answer::new(redis.link.look_up(&call).await?)?;
    let head = Mark { position: Position(answer.number()?), link: answer.number()? };
    let _oldest = answer.number()?;
    let leads = answer.number()? == 1;
    let mut items = Vec::new();
    while !answer.is_over() {
        match told(redis, Raw::read(&mut answer)?) {
            Ok(told) => items.push(told),
            // Nobody can say what was changed there: as if it had been trimmed. Whoever needs that very record hears of it
            // when he asks; it must not keep everybody from hearing of all others.
            Err(_) => return Ok(Part { head, leads: false, items: Vec::new() }),
        }
    }
    Ok(Part { head, leads, items })
}

pub(super) fn told(redis: &Redis, raw: Raw) -> Result<Told, Unavailable> {
    let name = names::entry(raw.link);
    let logged: Logged = redis.vault.open(&name, &raw.entry)?;
    let kind = ChangeKind::from_name(&logged.change).ok_or_else(strange)?;
    let Logged { record, place, id, digest, .. } = logged;
    let what = match RecordKind::from_name(&record).ok_or_else(strange)? {
        RecordKind::Credential => {
            let digest = digest.map(Digest).ok_or_else(strange)?;
            let now = credential(redis, &place, &id, raw.record, raw.used)?;
            What::Credential { api: place, id, digest, now }
        }
        RecordKind::Subject => {
            let now = of_realm::<Subject>(redis, "subject", &place, &id, raw.record)?;
            What::Subject { realm: place, id, now }
        }
        RecordKind::Resource => {
            let now = of_realm::<Resource>(redis, "resource", &place, &id, raw.record)?;
            What::Resource { realm: place, id, now }
        }
    };
    let position = Position(raw.position);
    let before = Mark { position: Position(raw.position.saturating_sub(1)), link: raw.before };
    let change = Change { position, kind, what };
    Ok(Told { before, mark: Mark { position, link: raw.link }, change })
}

fn credential(
    redis: &Redis,
    api: &str,
    id: &Id,
    record: Option<Vec<u8>>,
    used: Option<i64>,
) -> Result<Option<Arc<Credential>>, Unavailable> {
    let Some(record) = record else { return Ok(None) };
    let name = names::credential(id);
    let kept: Kept = redis.vault.open(&name, &record)?;
    // The id was given anew, in another api: the one that the entry tells of is gone.
    if kept.credential.api != api {
        return Ok(None);
    }
    let last_used_at = used.map(Timestamp);
    Ok(Some(Arc::new(Credential { last_used_at, ..kept.credential })))
}

fn of_realm<T: DeserializeOwned>(
    redis: &Redis,
    kind: &str,
    realm: &str,
    id: &Id,
    record: Option<Vec<u8>>,
) -> Result<Option<Arc<T>>, Unavailable> {
    let Some(record) = record else { return Ok(None) };
    redis
        .vault
        .open(&names::of_realm(kind, realm, id), &record)
        .map(|record| Some(Arc::new(record)))
}
