//! Records as they stand in the file: JSON, beside the columns that are searched.

use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::Digest;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::Unavailable;

/// A credential and what it is found by.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) credential: Credential,
    pub(super) digest: Digest,
}

pub(super) fn kept(connection: &Connection, id: &Id) -> Result<Option<Kept>, Unavailable> {
    connection
        .prepare_cached("SELECT record, last_used_at, digest FROM credential WHERE id = ?1")?
        .query_row([id.as_str()], |row| {
            Ok(credential(row).map(|credential| (credential, row.get(2))))
        })
        .optional()?
        .map(|found| {
            let (credential, digest) = found?;
            Ok(Kept { credential, digest: Digest(digest?) })
        })
        .transpose()
}

/// From the columns `record` and `last_used_at`, the first two.
pub(super) fn credential(row: &Row<'_>) -> Result<Credential, Unavailable> {
    let mut credential: Credential =
        parse(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
    credential.last_used_at = row.get::<_, Option<i64>>(1)?.map(Timestamp);
    Ok(credential)
}

/// The record of a credential without what has a column of its own.
pub(super) fn credential_text(credential: &Credential) -> Result<String, Unavailable> {
    if credential.last_used_at.is_none() {
        return text(credential);
    }
    text(&Credential { last_used_at: None, ..credential.clone() })
}

/// The record of a table that is asked by realm and id.
pub(super) fn of_realm<T: DeserializeOwned>(
    connection: &Connection,
    table: &str,
    realm: &str,
    id: &Id,
) -> Result<Option<T>, Unavailable> {
    let record: Option<String> = connection
        .prepare_cached(&format!("SELECT record FROM {table} WHERE realm = ?1 AND id = ?2"))?
        .query_row(params![realm, id.as_str()], |row| row.get(0))
        .optional()?;
    record.map(|record| parse(&record)).transpose()
}

pub(super) fn text(record: &impl Serialize) -> Result<String, Unavailable> {
    serde_json::to_string(record)
        .map_err(|error| Unavailable { reason: format!("a record cannot be written: {error}") })
}

/// Says where a record is broken and not what stands there.
pub(super) fn parse<T: DeserializeOwned>(record: &str) -> Result<T, Unavailable> {
    serde_json::from_str(record).map_err(|error| Unavailable {
        reason: format!(
            "a record is broken ({:?} error at byte {})",
            error.classify(),
            error.column()
        ),
    })
}
