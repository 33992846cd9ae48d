//! Calls that were made under a key, and what was answered.

use decision::facts::Timestamp;
use serde::{Deserialize, Serialize};

use super::commit::Commit;
use super::credentials::ATTEMPTS;
use super::{Redis, blob, names};
use crate::store::{Begun, REPLY_FOR, RUNNING_FOR, RepeatKey, Reply, Unavailable};

/// The newest calls that are kept.
const KEPT: u32 = 100_000;

/// A call as it lies in Redis.
#[derive(Serialize, Deserialize)]
struct Call {
    body: [u8; 32],
    at: i64,
    reply: Option<(u16, Vec<u8>)>,
}

pub(super) async fn begin(
    redis: &Redis,
    key: &RepeatKey,
    body: [u8; 32],
    now: Timestamp,
) -> Result<Begun, Unavailable> {
    let name = names::repeat(key);
    for _ in 0..ATTEMPTS {
        let mut commit = Commit::default();
        match redis.value(&name).await? {
            None => commit.absent(name.clone()),
            Some(blob) => {
                let call: Call = redis.vault.open(&name, &blob)?;
                if let Some(begun) = judge(call, body, now) {
                    return Ok(begun);
                }
                commit.begins(name.clone(), blob::signature(&blob));
            }
        }
        let call = Call { body, at: now.0, reply: None };
        commit.keep(&name, redis.vault.seal(&name, &call)?, REPLY_FOR);
        commit.queue(names::REPEATS, &name, KEPT);
        if redis.commit(commit).await?.is_some() {
            return Ok(Begun::New);
        }
    }
    Err(Unavailable { reason: "a call is begun too often at once".to_owned() })
}

/// `None`: it begins anew.
fn judge(call: Call, body: [u8; 32], now: Timestamp) -> Option<Begun> {
    let is_left = call.reply.is_none() && call.at <= now.0.saturating_sub(RUNNING_FOR);
    if call.at <= now.0.saturating_sub(REPLY_FOR) {
        None
    } else if call.body != body {
        Some(Begun::OtherBody)
    } else if is_left {
        None
    } else {
        let done = |(status, body)| Begun::Done(Reply { status, body });
        Some(call.reply.map_or(Begun::Running, done))
    }
}

pub(super) async fn finish(
    redis: &Redis,
    key: &RepeatKey,
    reply: Option<Reply>,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let name = names::repeat(key);
    let Some(blob) = redis.value(&name).await? else { return Ok(()) };
    let call: Call = redis.vault.open(&name, &blob)?;
    if call.reply.is_some() {
        return Ok(());
    }
    let mut commit = Commit::default();
    commit.begins(name.clone(), blob::signature(&blob));
    match reply {
        None => commit.delete(&name),
        Some(reply) => {
            let reply = Some((reply.status, reply.body));
            let call = Call { at: now.0, reply, ..call };
            commit.keep(&name, redis.vault.seal(&name, &call)?, REPLY_FOR);
        }
    }
    // Who was overtaken had been taken to be gone, and another has begun the call anew.
    let _done_or_overtaken = redis.commit(commit).await?;
    Ok(())
}
