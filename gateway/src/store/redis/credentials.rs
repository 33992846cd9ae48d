//! Changes of credentials.

use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::Sealed;

use super::answer::Answer;
use super::commit::{Commit, Noted};
use super::names::{self, index};
use super::record::{Found, Remembered, insert, opened, remove, what, write};
use super::{Redis, list, overtaken, scripts};
use crate::store::amend::patched;
use crate::store::audit::differing;
use crate::store::{
    Action, Author, ChangeError, ChangeKind, Changed, DELETED_FOR, FORGOTTEN_MAX, Keep, New,
    Rotated, Unavailable,
};

/// How often a change is judged anew because another came between: each time at least one other was made.
pub(super) const ATTEMPTS: usize = 100;
/// How many credentials one script forgets: nobody else is served meanwhile.
const FORGOTTEN_AT_ONCE: usize = 100;

pub(super) async fn get(redis: &Redis, id: &Id) -> Result<Option<Found>, Unavailable> {
    let name = names::credential(id);
    let mut call = scripts::Call::of(&scripts::READ);
    let mut answer = Answer::new(redis.link.change(call.arg(&name)).await?)?;
    let _position = answer.number()?;
    let record = answer.value()?;
    let used = answer.instant()?;
    record.map(|record| opened(redis, &name, &record, used)).transpose()
}

pub(super) async fn create(
    redis: &Redis,
    new: New,
    author: &Author,
) -> Result<Changed<Credential>, ChangeError> {
    for _ in 0..ATTEMPTS {
        may_be_created(redis, &new).await?;
        let mut commit = Commit::default();
        insert(redis, &mut commit, &new, author, Action::Create, None)?;
        if let Some(changes) = redis.commit(commit).await? {
            return Ok(Changed { record: new.credential, change: changes.into_iter().next() });
        }
    }
    Err(overtaken())
}

pub(super) async fn update(
    redis: &Redis,
    credential: Credential,
    author: &Author,
) -> Result<Changed<Credential>, ChangeError> {
    for _ in 0..ATTEMPTS {
        let old = at(redis, &credential.id, Some(credential.version)).await?;
        let new = patched(&old.kept.credential, credential.clone());
        if new == old.kept.credential {
            return Ok(Changed { record: new, change: None });
        }
        let fields = differing(&old.kept.credential, &new);
        let mut commit = Commit::default();
        let noted = Noted { fields, ..Noted::default() };
        let record = write(redis, &mut commit, &old, new, (Action::Update, author), noted)?;
        if let Some(changes) = redis.commit(commit).await? {
            return Ok(Changed { record, change: changes.into_iter().next() });
        }
    }
    Err(overtaken())
}

pub(super) async fn rotate(
    redis: &Redis,
    old: Credential,
    successor: New,
    author: &Author,
) -> Result<Rotated, ChangeError> {
    for _ in 0..ATTEMPTS {
        let before = at(redis, &old.id, Some(old.version)).await?;
        may_be_created(redis, &successor).await?;
        let after = patched(&before.kept.credential, old.clone());
        let is_same = after == before.kept.credential;
        let fields = differing(&before.kept.credential, &after);
        let other = Some(successor.credential.id.clone());
        let noted = Noted { version: after.version, fields, other };
        let mut commit = Commit::default();
        let ended = if is_same {
            let what = what(&after, before.digest(), true);
            commit.begins(names::credential(&after.id), before.signature.clone());
            commit.audit(&redis.vault, author, Action::Rotate, &what, noted)?;
            after
        } else {
            write(redis, &mut commit, &before, after, (Action::Rotate, author), noted)?
        };
        let other = Some(ended.id.clone());
        insert(redis, &mut commit, &successor, author, Action::Rotate, other)?;
        if let Some(changes) = redis.commit(commit).await? {
            let mut changes = changes.into_iter();
            let change = if is_same { None } else { changes.next() };
            let old = Changed { record: ended, change };
            let successor = Changed { record: successor.credential, change: changes.next() };
            return Ok(Rotated { old, successor });
        }
    }
    Err(overtaken())
}

pub(super) async fn revoke(
    redis: &Redis,
    id: &Id,
    version: Option<u64>,
    reason: Option<&String>,
    forget: bool,
    author: &Author,
) -> Result<Changed<Credential>, ChangeError> {
    for _ in 0..ATTEMPTS {
        let Some(found) = get(redis, id).await? else {
            let remembered = deleted(redis, id, author.now).await?.ok_or(ChangeError::Unknown)?;
            compare(&remembered, version)?;
            return Ok(Changed { record: remembered, change: None });
        };
        compare(&found.kept.credential, version)?;
        let mut credential = found.kept.credential.clone();
        if credential.revoked_at.is_some() {
            return Ok(Changed { record: credential, change: None });
        }
        credential.revoked_at = Some(author.now);
        credential.revoke_reason = reason.cloned();
        let mut commit = Commit::default();
        let record = if forget {
            credential.version += 1;
            let ending = (ChangeKind::Revoked, Action::Revoke, author);
            remove(redis, &mut commit, &found, credential, ending)?
        } else {
            let by = (Action::Revoke, author);
            write(redis, &mut commit, &found, credential, by, Noted::default())?
        };
        if let Some(changes) = redis.commit(commit).await? {
            return Ok(Changed { record, change: changes.into_iter().next() });
        }
    }
    Err(overtaken())
}

pub(super) async fn delete(
    redis: &Redis,
    id: &Id,
    version: Option<u64>,
    author: &Author,
) -> Result<Changed<Credential>, ChangeError> {
    for _ in 0..ATTEMPTS {
        let found = at(redis, id, version).await?;
        let mut commit = Commit::default();
        let record = found.kept.credential.clone();
        let ending = (ChangeKind::Deleted, Action::Delete, author);
        let record = remove(redis, &mut commit, &found, record, ending)?;
        if let Some(changes) = redis.commit(commit).await? {
            return Ok(Changed { record, change: changes.into_iter().next() });
        }
    }
    Err(overtaken())
}

pub(super) async fn forget_ended(
    redis: &Redis,
    keeps: &[Keep],
    author: &Author,
) -> Result<Vec<Changed<Credential>>, Unavailable> {
    let mut forgotten = Vec::new();
    for keep in keeps {
        loop {
            let room = (FORGOTTEN_MAX - forgotten.len()).min(FORGOTTEN_AT_ONCE);
            let ended = ended(redis, keep, author.now, room).await?;
            let found = ended.len();
            forgotten.extend(forget(redis, ended, author).await?);
            // Those that somebody has changed meanwhile are looked at the next time.
            if found < room || room == 0 {
                break;
            }
        }
    }
    Ok(forgotten)
}

async fn ended(
    redis: &Redis,
    keep: &Keep,
    now: Timestamp,
    room: usize,
) -> Result<Vec<Found>, Unavailable> {
    let before = now.0.saturating_sub(keep.keep);
    let to = match before.checked_add(1) {
        Some(after) => format!("({}", names::moment(Timestamp(after))),
        None => "+".to_owned(),
    };
    let ends = index::ends(&keep.api, &keep.scheme);
    let range = list::Range { index: &ends, down: false, from: "-", to: &to };
    list::credentials(redis, &range, room)
        .await
        .map(|found| found.into_iter().map(|(_, found)| found).collect())
}

async fn forget(
    redis: &Redis,
    ended: Vec<Found>,
    author: &Author,
) -> Result<Vec<Changed<Credential>>, Unavailable> {
    let mut commit = Commit::default();
    let mut records = Vec::new();
    for found in &ended {
        let record = found.kept.credential.clone();
        let ending = (ChangeKind::Deleted, Action::Forget, author);
        records.push(remove(redis, &mut commit, found, record, ending)?);
    }
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let changes = redis.commit(commit).await?.unwrap_or_default();
    let changed = |(record, change)| Changed { record, change: Some(change) };
    Ok(records.into_iter().zip(changes).map(changed).collect())
}

pub(super) async fn reveal(
    redis: &Redis,
    id: &Id,
    on_behalf: Option<&Id>,
    author: &Author,
) -> Result<Option<Sealed>, ChangeError> {
    for _ in 0..ATTEMPTS {
        let found = at(redis, id, None).await?;
        let name = names::sealed(id);
        let Some(copy) = redis.value(&name).await? else { return Ok(None) };
        let sealed = Sealed::from_bytes(redis.vault.open_bytes(&name, &copy)?.to_vec());
        let mut commit = Commit::default();
        commit.begins(names::credential(id), found.signature.clone());
        let version = found.kept.credential.version;
        let noted = Noted { version, other: on_behalf.cloned(), ..Noted::default() };
        let what = what(&found.kept.credential, found.digest(), true);
        commit.audit(&redis.vault, author, Action::Reveal, &what, noted)?;
        if redis.commit(commit).await?.is_some() {
            return Ok(Some(sealed));
        }
    }
    Err(overtaken())
}

/// What speaks against it now. Whether it still does not is looked at when it is written.
async fn may_be_created(redis: &Redis, new: &New) -> Result<(), ChangeError> {
    let Credential { id, api, external_id, .. } = &new.credential;
    let digests = new.digests.all().map(|digest| names::digest(api, digest));
    let mut taken = vec![(names::credential(id), ChangeError::IdTaken)];
    taken.extend(digests.map(|name| (name, ChangeError::SecretTaken)));
    let external = external_id.iter().map(|external_id| names::external(api, external_id));
    taken.extend(external.map(|name| (name, ChangeError::ExternalIdTaken)));
    let there = redis.exist(taken.iter().map(|(name, _)| name)).await?;
    match taken.into_iter().zip(there).find(|(_, there)| *there) {
        Some(((_, error), _)) => Err(error),
        None => Ok(()),
    }
}

async fn deleted(
    redis: &Redis,
    id: &Id,
    now: Timestamp,
) -> Result<Option<Credential>, Unavailable> {
    let name = names::deleted(id);
    let Some(blob) = redis.value(&name).await? else { return Ok(None) };
    let remembered: Remembered = redis.vault.open(&name, &blob)?;
    let is_recent = remembered.at.0 > now.0.saturating_sub(DELETED_FOR);
    Ok(is_recent.then_some(remembered.credential))
}

async fn at(redis: &Redis, id: &Id, version: Option<u64>) -> Result<Found, ChangeError> {
    let found = get(redis, id).await?.ok_or(ChangeError::Unknown)?;
    compare(&found.kept.credential, version)?;
    Ok(found)
}

fn compare(credential: &Credential, version: Option<u64>) -> Result<(), ChangeError> {
    let same = version.is_none_or(|version| version == credential.version);
    if same { Ok(()) } else { Err(ChangeError::Conflict) }
}
