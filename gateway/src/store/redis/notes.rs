//! What an operator should know of the server, told when it is connected to; once, for as long as it stays so.

use std::collections::HashMap;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;

use super::names;
use crate::log;

/// What a server is held against.
pub(super) struct Expected<'s> {
    /// Replicas of Redis that must hold a change.
    pub(super) acknowledge: u32,
    /// Those under which credentials can be found.
    pub(super) peppers: Vec<&'s str>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Note {
    /// So many credentials are found by nobody any more.
    Lost(i64),
    /// It may throw away what was acknowledged.
    Evicts(String),
    /// What it was told last is gone when it ends.
    Forgets,
    /// It has so few replicas that no change can be acknowledged.
    Lonely { replicas: u32, acknowledge: u32 },
    /// It does not say how it is set up.
    Silent,
}

impl Note {
    fn tell(&self) {
        match self {
            Self::Lost(credentials) => {
                let message = "credentials were made under a pepper that is not given any more";
                log::warn(message, |line| {
                    line.field("credentials", *credentials);
                });
            }
            Self::Evicts(policy) => {
                let message = "redis may evict records: its maxmemory-policy should be noeviction";
                log::warn(message, |line| {
                    line.field("policy", policy.as_str());
                });
            }
            Self::Forgets => {
                let message = "redis keeps no append-only file: when it ends, the changes since its last snapshot are lost";
                log::warn(message, |_| {});
            }
            Self::Lonely { replicas, acknowledge } => {
                let message = "redis has fewer replicas than store.acknowledge: no change can be acknowledged";
                log::warn(message, |line| {
                    line.field("replicas", *replicas).field("acknowledge", *acknowledge);
                });
            }
            Self::Silent => {
                let message = "how redis is set up cannot be seen: its user may not call INFO";
                log::info(message, |_| {});
            }
        }
    }
}

/// Tells what was not so, or not known, before.
pub(super) async fn tell(
    connection: MultiplexedConnection,
    expected: Expected<'_>,
    known: &mut Vec<Note>,
) {
    // That a server does not answer is found, and told, by others.
    if let Ok(found) = look(connection, &expected).await {
        found.iter().filter(|note| !known.contains(note)).for_each(Note::tell);
        *known = found;
    }
}

pub(super) async fn look(
    mut connection: MultiplexedConnection,
    expected: &Expected<'_>,
) -> RedisResult<Vec<Note>> {
    let mut notes = Vec::new();
    let mut made = redis::cmd("HGETALL");
    made.arg(names::full(names::PEPPERS));
    let made: HashMap<String, i64> = made.query_async(&mut connection).await?;
    let is_lost = |pepper: &str| !expected.peppers.contains(&pepper);
    let lost = made.iter().filter(|(pepper, count)| is_lost(pepper) && **count > 0);
    let lost: i64 = lost.map(|(_, count)| *count).sum();
    if lost > 0 {
        notes.push(Note::Lost(lost));
    }
    let mut info = redis::cmd("INFO");
    info.arg("memory").arg("persistence").arg("replication");
    match info.query_async::<String>(&mut connection).await {
        Ok(info) => notes.extend(of_info(&info, expected.acknowledge)),
        Err(error) if error.is_io_error() || error.is_timeout() => return Err(error),
        Err(_) => notes.push(Note::Silent),
    }
    Ok(notes)
}

fn of_info(info: &str, acknowledge: u32) -> Vec<Note> {
    let value = |name: &str| {
        let mut values = info.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.next()
    };
    let mut notes = Vec::new();
    if let Some(policy) = value("maxmemory_policy").filter(|policy| *policy != "noeviction") {
        notes.push(Note::Evicts(policy.to_owned()));
    }
    if value("aof_enabled") == Some("0") {
        notes.push(Note::Forgets);
    }
    let replicas = value("connected_slaves").and_then(|count| count.parse().ok());
    if let Some(replicas) = replicas.filter(|replicas| *replicas < acknowledge) {
        notes.push(Note::Lonely { replicas, acknowledge });
    }
    notes
}
