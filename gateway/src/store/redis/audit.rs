//! The audit log: who changed what, as far back as it is kept.

use redis::Value;

use super::answer::{parsed, strange};
use super::commit::Audited;
use super::{Redis, names};
use crate::store::{
    Action, AuditEntry, AuditFilter, Author, ListError, Page, RecordKind, Unavailable,
};

/// The most entries that are read in one step.
const READ_AT_ONCE: usize = 1000;

pub(super) async fn list(
    redis: &Redis,
    filter: &AuditFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<AuditEntry>, ListError> {
    let mut from: Option<u64> = match cursor {
        Some(text) => Some(text.parse().map_err(|_| ListError::CursorInvalid)?),
        None => None,
    };
    let mut items = Vec::new();
    while items.len() <= limit {
        let part = before(redis, from).await?;
        let Some((last, _)) = part.last() else { break };
        from = Some(*last);
        let ours = part.into_iter().filter_map(|(number, entry)| Some((number, entry?)));
        items.extend(ours.filter(|(_, entry)| shows(filter, entry)));
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|(number, _)| number.to_string());
    Ok(Page { items: items.into_iter().map(|(_, entry)| entry).collect(), next })
}

/// The newest entries before this one. `None`: it is not ours, or was signed under a pepper that is not given any more. That it
/// is there was told ([`Vault::forged`](super::blob::Vault::forged)); it does not hide the others.
async fn before(
    redis: &Redis,
    number: Option<u64>,
) -> Result<Vec<(u64, Option<AuditEntry>)>, Unavailable> {
    let from = number.map_or_else(|| "+".to_owned(), |number| format!("({number}-0"));
    let mut command = redis::cmd("XREVRANGE");
    command.arg(names::full(names::AUDIT)).arg(from).arg("-").arg("COUNT").arg(READ_AT_ONCE);
    let answer = redis.link.commands(&[command]).await?;
    let Some(Value::Array(entries)) = answer.into_iter().next() else { return Err(strange()) };
    entries.into_iter().map(|entry| opened(redis, entry)).collect()
}

/// From the number of an entry and its only field.
fn opened(redis: &Redis, entry: Value) -> Result<(u64, Option<AuditEntry>), Unavailable> {
    let (id, fields): (String, Vec<Vec<u8>>) =
        redis::from_redis_value(entry).map_err(|_| strange())?;
    let number = id.split_once('-').and_then(|(number, _)| parsed(number.as_bytes()));
    let number = number.ok_or_else(strange)?;
    let [_, blob] = &fields[..] else { return Err(strange()) };
    let entry = redis.vault.open(names::AUDIT, blob).ok();
    Ok((number, entry.map(told).transpose()?))
}

fn told(audited: Audited) -> Result<AuditEntry, Unavailable> {
    Ok(AuditEntry {
        author: Author { name: audited.author, request: audited.request, now: audited.at },
        action: Action::from_name(&audited.action).ok_or_else(strange)?,
        kind: RecordKind::from_name(&audited.kind).ok_or_else(strange)?,
        place: audited.place,
        id: audited.id,
        version: audited.version,
        fields: audited.fields,
        other: audited.other,
    })
}

fn shows(filter: &AuditFilter, entry: &AuditEntry) -> bool {
    filter.author.as_ref().is_none_or(|author| entry.author.name == *author)
        && filter.action.is_none_or(|action| entry.action == action)
        && filter.kind.is_none_or(|kind| entry.kind == kind)
        && filter.place.as_ref().is_none_or(|place| entry.place == *place)
        && filter.id.as_ref().is_none_or(|id| entry.id == *id)
        && filter.from.is_none_or(|from| entry.author.now >= from)
        && filter.until.is_none_or(|until| entry.author.now < until)
}
