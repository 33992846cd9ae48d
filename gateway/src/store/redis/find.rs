//! What requests ask: a record and the log's head in one script, so of one moment.

use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::{Digest, Digests};
use serde::de::DeserializeOwned;

use super::answer::{Answer, strange};
use super::credentials::ATTEMPTS;
use super::record::{Found, also_known, opened, rekey};
use super::{Redis, names, scripts};
use crate::store::{Position, Read, Unavailable};

pub(super) async fn find(
    redis: &Redis,
    api: &str,
    digests: &Digests,
) -> Result<Read<Option<Credential>>, Unavailable> {
    for _ in 0..ATTEMPTS {
        let (position, seen) = under(redis, api, digests).await?;
        let Some(Seen { digest, found, is_ours_in_force }) = seen else {
            return Ok(Read { value: None, position });
        };
        let is_known = || !is_ours_in_force && found.kept.other == Some(digests.current.0);
        if digest == digests.current || is_known() {
            return Ok(Read { value: Some(found.kept.credential), position });
        }
        // Two replicas that have different peppers in force must not take it from each other again and again.
        let commit = if is_ours_in_force {
            rekey(redis, &found, digests.current)?
        } else {
            also_known(redis, &found, digests.current)?
        };
        // Whether it was done now or somebody was first: it is to be found under the current one, or known by it.
        let _done_or_overtaken = redis.commit(commit).await?;
    }
    let reason = "the digests of a credential are changed too often".to_owned();
    Err(Unavailable { reason })
}

/// A credential, and the digest that led to it.
struct Seen {
    digest: Digest,
    found: Found,
    /// Whether the pepper of this replica is the one in force. Nobody needs to know where the current digest led to it.
    is_ours_in_force: bool,
}

/// The credential under the first of the digests that has one.
async fn under(
    redis: &Redis,
    api: &str,
    digests: &Digests,
) -> Result<(Position, Option<Seen>), Unavailable> {
    let mut call = scripts::Call::of(&scripts::FIND);
    for digest in digests.all() {
        call.arg(names::digest(api, digest));
    }
    let mut answer = Answer::new(redis.link.look_up(&call).await?)?;
    let position = Position(answer.number()?);
    let which = usize::try_from(answer.number()?).unwrap_or(usize::MAX);
    let Some(place) = which.checked_sub(1) else { return Ok((position, None)) };
    let digest = *digests.all().nth(place).ok_or_else(strange)?;
    let id = Id::new(&answer.text()?).ok_or_else(strange)?;
    let (record, used, in_force) = (answer.value()?, answer.instant()?, answer.value()?);
    let name = names::credential(&id);
    let found = match record {
        Some(record) => opened(redis, &name, &record, used)?,
        None => return Err(redis.vault.forged(&name)),
    };
    // What a digest leads to is signed by nobody; the record says by which it is to be found.
    if found.kept.digest != digest.0 || found.kept.credential.api != api {
        return Err(redis.vault.forged(&name));
    }
    let is_ours_in_force = in_force.is_some_and(|pepper| pepper == redis.pepper.as_bytes());
    Ok((position, Some(Seen { digest, found, is_ours_in_force })))
}

pub(super) async fn of_realm<T: DeserializeOwned>(
    redis: &Redis,
    kind: &str,
    realm: &str,
    id: &Id,
) -> Result<Read<Option<T>>, Unavailable> {
    let name = names::of_realm(kind, realm, id);
    let mut call = scripts::Call::of(&scripts::READ);
    let mut answer = Answer::new(redis.link.look_up(call.arg(&name)).await?)?;
    let position = Position(answer.number()?);
    let value = answer.value()?.map(|record| redis.vault.open(&name, &record)).transpose()?;
    Ok(Read { value, position })
}

/// How many uses one script notes: nobody else is served meanwhile.
const NOTED_AT_ONCE: usize = 200;

pub(super) async fn used(redis: &Redis, uses: &[(Id, Timestamp)]) -> Result<(), Unavailable> {
    for part in uses.chunks(NOTED_AT_ONCE) {
        let mut call = scripts::Call::of(&scripts::USED);
        for (id, at) in part {
            call.arg(id.as_str()).arg(at.0);
        }
        redis.link.change(&call).await?;
    }
    Ok(())
}
