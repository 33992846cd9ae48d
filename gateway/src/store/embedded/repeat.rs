//! Calls that were made under a key, and what was answered.

use decision::facts::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::step;
use crate::store::{Begun, REPLY_FOR, RUNNING_FOR, RepeatKey, Reply, Unavailable};

/// The newest calls that are kept.
pub(super) const KEPT: i64 = 100_000;

/// A call as it stands in the file.
struct Call {
    body: [u8; 32],
    at: i64,
    reply: Option<Reply>,
}

pub(super) fn begin(
    connection: &mut Connection,
    key: &RepeatKey,
    body: [u8; 32],
    now: Timestamp,
) -> Result<Begun, Unavailable> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .prepare_cached("DELETE FROM repeat WHERE at <= ?1")?
        .execute([now.0.saturating_sub(REPLY_FOR)])?;
    let call = transaction
        .prepare_cached(
            "SELECT body, at, status, reply FROM repeat WHERE author = ?1 AND key = ?2",
        )?
        .query_row([&key.author, &key.key], |row| {
            let (status, reply): (Option<u16>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            let reply = status.zip(reply).map(|(status, body)| Reply { status, body });
            Ok(Call { body: row.get(0)?, at: row.get(1)?, reply })
        })
        .optional()?;
    if let Some(call) = call {
        let is_left = call.reply.is_none() && call.at <= now.0.saturating_sub(RUNNING_FOR);
        if call.body != body {
            return Ok(Begun::OtherBody);
        }
        if !is_left {
            return Ok(call.reply.map_or(Begun::Running, Begun::Done));
        }
    }
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO repeat (author, key, body, at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![key.author, key.key, body, now.0])?;
    step::trim(&transaction, "repeat", transaction.last_insert_rowid(), KEPT)?;
    transaction.commit()?;
    Ok(Begun::New)
}

pub(super) fn finish(
    connection: &mut Connection,
    key: &RepeatKey,
    reply: Option<Reply>,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let query = match reply {
        Some(_) => {
            "UPDATE repeat SET at = ?3, status = ?4, reply = ?5
                    WHERE author = ?1 AND key = ?2 AND status IS NULL"
        }
        None => "DELETE FROM repeat WHERE author = ?1 AND key = ?2 AND status IS NULL",
    };
    let mut statement = connection.prepare_cached(query)?;
    match reply {
        Some(reply) => {
            statement.execute(params![key.author, key.key, now.0, reply.status, reply.body])
        }
        None => statement.execute([&key.author, &key.key]),
    }?;
    Ok(())
}
