//! A credential as it lies in Redis, and what belongs to writing one.

use std::sync::Arc;

use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::Digest;
use serde::{Deserialize, Serialize};

use super::commit::{Commit, Noted};
use super::names::{self, Places, places_of_credential};
use super::{Redis, blob};
use crate::store::{Action, Author, ChangeKind, DELETED_FOR, New, PROBE, Unavailable, What};

/// A credential as it lies in Redis. The time of its last use lies elsewhere.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) credential: Credential,
    /// What it is found by.
    pub(super) digest: [u8; 32],
    /// The pepper of the digest, see [`Redis::pepper`].
    pub(super) pepper: String,
    /// While a pepper is replaced: what replicas know it by that have another one in force. They hear of its changes by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) other: Option<[u8; 32]>,
}

/// As it was read.
pub(super) struct Found {
    /// With its last use.
    pub(super) kept: Kept,
    pub(super) signature: Vec<u8>,
}

impl Found {
    pub(super) fn digest(&self) -> Digest {
        Digest(self.kept.digest)
    }

    /// As it is kept on, as long as another pepper counts, too.
    fn other(&self, redis: &Redis) -> Option<[u8; 32]> {
        self.kept.other.filter(|_| redis.vault.is_rotating())
    }

    /// Enters a change under every digest by which replicas know it; the entry that is given is the last, by which this one
    /// does.
    fn enter(
        &self,
        redis: &Redis,
        commit: &mut Commit,
        kind: ChangeKind,
        what: impl Fn(Digest) -> What,
    ) -> Result<(), Unavailable> {
        let name = names::credential(&self.kept.credential.id);
        let (own, other) = (self.digest(), self.other(redis).map(Digest));
        let is_ours = self.kept.pepper == redis.pepper;
        let (first, last) = match other {
            Some(other) if !is_ours => (Some(own), other),
            other => (other, own),
        };
        if let Some(first) = first {
            commit.enter_also(&redis.vault, name.clone(), kind, what(first))?;
        }
        commit.enter(&redis.vault, name, kind, what(last))
    }
}

/// A credential that was deleted.
#[derive(Serialize, Deserialize)]
pub(super) struct Remembered {
    pub(super) at: Timestamp,
    pub(super) credential: Credential,
}

pub(super) fn opened(
    redis: &Redis,
    name: &str,
    record: &[u8],
    used: Option<i64>,
) -> Result<Found, Unavailable> {
    let mut kept: Kept = redis.vault.open(name, record)?;
    kept.credential.last_used_at = used.map(Timestamp);
    Ok(Found { kept, signature: blob::signature(record) })
}

/// That nothing is in the way is looked at again when it is written.
pub(super) fn insert(
    redis: &Redis,
    commit: &mut Commit,
    new: &New,
    author: &Author,
    action: Action,
    other: Option<Id>,
) -> Result<(), Unavailable> {
    let New { credential, digests, sealed } = new;
    let Credential { id, api, external_id, .. } = credential;
    let name = names::credential(id);
    commit.absent(name.clone());
    for digest in digests.all() {
        commit.absent(names::digest(api, digest));
    }
    commit.set(&names::digest(api, &digests.current), id.to_string().into());
    if let Some(external_id) = external_id {
        commit.absent(names::external(api, external_id));
        commit.set(&names::external(api, external_id), id.to_string().into());
    }
    if let Some(sealed) = sealed {
        let name = names::sealed(id);
        commit.set(&name, redis.vault.seal_bytes(&name, sealed.as_bytes()));
    }
    if let Some(used) = credential.last_used_at {
        commit.set_field(names::USED, id.as_str(), used.0.to_string());
    }
    commit.count(names::PEPPERS, &redis.pepper, 1);
    let pepper = redis.pepper.clone();
    let digest = digests.current.0;
    put(redis, commit, Kept { credential: credential.clone(), digest, pepper, other: None })?;
    commit.place(&Places::new(), &places_of_credential(credential));
    let what = what(credential, digests.current, true);
    let noted = Noted { version: credential.version, other, ..Noted::default() };
    commit.audit(&redis.vault, author, action, &what, noted)?;
    commit.enter(&redis.vault, name, ChangeKind::Created, what)
}

/// Puts `new` in the place of what was found, under the next version.
pub(super) fn write(
    redis: &Redis,
    commit: &mut Commit,
    found: &Found,
    mut new: Credential,
    (action, author): (Action, &Author),
    noted: Noted,
) -> Result<Credential, Unavailable> {
    new.version += 1;
    let name = names::credential(&new.id);
    commit.begins(name, found.signature.clone());
    let Kept { digest, pepper, .. } = found.kept.clone();
    let other = found.other(redis);
    put(redis, commit, Kept { credential: new.clone(), digest, pepper, other })?;
    let before = places_of_credential(&found.kept.credential);
    commit.place(&before, &places_of_credential(&new));
    let kind = if action == Action::Revoke { ChangeKind::Revoked } else { ChangeKind::Updated };
    let what = |digest| what(&new, digest, true);
    let noted = Noted { version: new.version, ..noted };
    commit.audit(&redis.vault, author, action, &what(found.digest()), noted)?;
    found.enter(redis, commit, kind, what)?;
    Ok(new)
}

fn put(redis: &Redis, commit: &mut Commit, mut kept: Kept) -> Result<(), Unavailable> {
    let name = names::credential(&kept.credential.id);
    kept.credential.last_used_at = None;
    commit.set(&name, redis.vault.seal(&name, &kept)?);
    Ok(())
}

/// Takes away what was found, and remembers for a while that it was there, as `last`.
pub(super) fn remove(
    redis: &Redis,
    commit: &mut Commit,
    found: &Found,
    last: Credential,
    (kind, action, author): (ChangeKind, Action, &Author),
) -> Result<Credential, Unavailable> {
    let Credential { id, api, external_id, .. } = &last;
    let name = names::credential(id);
    commit.begins(name.clone(), found.signature.clone());
    commit.delete(&name);
    commit.delete(&names::digest(api, &found.digest()));
    commit.delete(&names::sealed(id));
    if let Some(external_id) = external_id {
        commit.delete(&names::external(api, external_id));
    }
    commit.delete_field(names::USED, id.as_str());
    commit.count(names::PEPPERS, &found.kept.pepper, -1);
    commit.place(&places_of_credential(&found.kept.credential), &Places::new());
    // The probe repeats nothing, and a day of what it has deleted would fill the store.
    if api != PROBE {
        let mut ended = last.clone();
        ended.revoked_at.get_or_insert(author.now);
        let name = names::deleted(id);
        let remembered = Remembered { at: author.now, credential: ended };
        commit.keep(&name, redis.vault.seal(&name, &remembered)?, DELETED_FOR);
    }
    let what = |digest| what(&last, digest, false);
    let noted = Noted::version(last.version);
    commit.audit(&redis.vault, author, action, &what(found.digest()), noted)?;
    found.enter(redis, commit, kind, what)?;
    Ok(last)
}

/// Moves what was found to another digest: a change of how it is found, and not of the record.
pub(super) fn rekey(redis: &Redis, found: &Found, current: Digest) -> Result<Commit, Unavailable> {
    let credential = &found.kept.credential;
    let mut commit = Commit::default();
    let (name, before) = (names::credential(&credential.id), found.digest());
    commit.begins(name.clone(), found.signature.clone());
    commit.absent(names::digest(&credential.api, &current));
    commit.delete(&names::digest(&credential.api, &before));
    commit.set(&names::digest(&credential.api, &current), credential.id.to_string().into());
    commit.count(names::PEPPERS, &found.kept.pepper, -1);
    commit.count(names::PEPPERS, &redis.pepper, 1);
    // Replicas that have the former pepper in force may know it by the former digest.
    let other = redis.vault.is_rotating().then_some(before.0);
    let pepper = redis.pepper.clone();
    let kept = Kept { credential: credential.clone(), digest: current.0, pepper, other };
    put(redis, &mut commit, kept)?;
    for digest in [before, current] {
        let what = what(credential, digest, true);
        commit.enter(&redis.vault, name.clone(), ChangeKind::Rekeyed, what)?;
    }
    Ok(commit)
}

/// Notes by what else it is known, where another pepper than this replica's is in force.
pub(super) fn also_known(
    redis: &Redis,
    found: &Found,
    current: Digest,
) -> Result<Commit, Unavailable> {
    let credential = &found.kept.credential;
    let mut commit = Commit::default();
    let name = names::credential(&credential.id);
    commit.begins(name.clone(), found.signature.clone());
    put(redis, &mut commit, Kept { other: Some(current.0), ..found.kept.clone() })?;
    let what = what(credential, current, true);
    commit.enter(&redis.vault, name, ChangeKind::Rekeyed, what)?;
    Ok(commit)
}

pub(super) fn what(credential: &Credential, digest: Digest, is_there: bool) -> What {
    What::Credential {
        api: credential.api.clone(),
        id: credential.id.clone(),
        digest,
        now: is_there.then(|| Arc::new(credential.clone())),
    }
}
