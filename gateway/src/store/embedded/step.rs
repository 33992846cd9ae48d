//! One change: a transaction that holds the records, the change log and the audit log together, or none of it.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{audit, log};
use crate::store::{Action, AuditEntry, Author, Change, ChangeKind, Unavailable, What};

pub(super) struct Step<'c> {
    pub(super) transaction: Transaction<'c>,
    pub(super) author: Author,
}

/// What the audit log says of a change beside who made it and to what.
#[derive(Default)]
pub(super) struct Told {
    pub(super) version: u64,
    pub(super) fields: Vec<String>,
    pub(super) other: Option<decision::name::Id>,
}

impl<'c> Step<'c> {
    /// It may write from its first statement on: what it reads is what it changes.
    pub(super) fn begin(connection: &'c mut Connection, author: &Author) -> rusqlite::Result<Self> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Self { transaction, author: author.clone() })
    }

    /// Enters a change into both logs.
    pub(super) fn enter(
        &self,
        kind: ChangeKind,
        action: Action,
        what: What,
        told: Told,
    ) -> Result<Change, Unavailable> {
        self.audit(action, &what, told)?;
        log::append(&self.transaction, kind, what)
    }

    pub(super) fn audit(&self, action: Action, what: &What, told: Told) -> Result<(), Unavailable> {
        let entry = AuditEntry {
            author: self.author.clone(),
            action,
            kind: what.kind(),
            place: what.place().to_owned(),
            id: what.id().clone(),
            version: told.version,
            fields: told.fields,
            other: told.other,
        };
        audit::append(&self.transaction, &entry)
    }

    pub(super) fn commit(self) -> Result<(), Unavailable> {
        Ok(self.transaction.commit()?)
    }
}

impl Told {
    pub(super) fn version(version: u64) -> Self {
        Self { version, ..Self::default() }
    }
}

/// Deletes all but the newest `kept` rows of a table that is numbered in the order of its rows.
pub(super) fn trim(
    transaction: &Transaction<'_>,
    table: &str,
    newest: i64,
    kept: i64,
) -> rusqlite::Result<()> {
    let query = format!("DELETE FROM {table} WHERE position <= ?1");
    transaction.prepare_cached(&query)?.execute(params![newest - kept]).map(drop)
}
