//! One change: what must still be as it was read, what is written, and the entries of both logs. It is made whole, or not at
//! all where something is not as it was read.
//!
//! So the rules are judged here, on records that were read and whose signatures hold, and whoever is overtaken judges anew.

use decision::facts::Timestamp;
use decision::name::Id;
use serde::{Deserialize, Serialize};

use super::blob::Vault;
use super::names::{self, Places};
use super::{Redis, answer::Answer, scripts};
use crate::store::{
    Action, Author, Change, ChangeKind, PROBE, Position, RecordKind, Unavailable, What,
};

/// The newest entries of the log that are kept: whoever is further behind starts anew.
const LOG_KEPT: u32 = 10_000;
/// The newest entries of the audit log that are kept.
const AUDIT_KEPT: u32 = 100_000;

/// See the module.
#[derive(Default)]
pub(super) struct Commit {
    guards: Vec<(String, Vec<u8>)>,
    writes: Vec<[Vec<u8>; 4]>,
    entries: Vec<Entry>,
    audit: Vec<Vec<u8>>,
}

struct Entry {
    link: u64,
    sealed: Vec<u8>,
    /// The name of the record.
    name: String,
    kind: ChangeKind,
    what: What,
    /// Another tells of the same change.
    also: bool,
}

/// What the audit log says of a change beside who made it and to what.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) version: u64,
    pub(super) fields: Vec<String>,
    pub(super) other: Option<Id>,
}

impl Noted {
    pub(super) fn version(version: u64) -> Self {
        Self { version, ..Self::default() }
    }
}

/// An entry of the audit log as it lies in Redis.
#[derive(Serialize, Deserialize)]
pub(super) struct Audited {
    pub(super) at: Timestamp,
    pub(super) author: String,
    pub(super) request: String,
    pub(super) action: String,
    pub(super) kind: String,
    pub(super) place: String,
    pub(super) id: Id,
    pub(super) version: u64,
    pub(super) fields: Vec<String>,
    pub(super) other: Option<Id>,
}

impl Commit {
    /// Nothing may lie under `name`.
    pub(super) fn absent(&mut self, name: String) {
        self.guards.push((name, Vec::new()));
    }

    /// What lies under `name` must begin so.
    pub(super) fn begins(&mut self, name: String, value: Vec<u8>) {
        self.guards.push((name, value));
    }

    pub(super) fn set(&mut self, name: &str, value: Vec<u8>) {
        self.write("set", name, value, Vec::new());
    }

    /// Forgotten after so many milliseconds.
    pub(super) fn keep(&mut self, name: &str, value: Vec<u8>, milliseconds: i64) {
        self.write("keep", name, value, milliseconds.to_string().into());
    }

    pub(super) fn delete(&mut self, name: &str) {
        self.write("del", name, Vec::new(), Vec::new());
    }

    pub(super) fn set_field(&mut self, name: &str, field: &str, value: String) {
        self.write("field", name, field.into(), value.into());
    }

    pub(super) fn delete_field(&mut self, name: &str, field: &str) {
        self.write("unfield", name, field.into(), Vec::new());
    }

    pub(super) fn count(&mut self, name: &str, field: &str, by: i64) {
        self.write("count", name, field.into(), by.to_string().into());
    }

    /// Puts `member` at the end of a queue that holds `kept`; what the oldest beyond name is deleted.
    pub(super) fn queue(&mut self, name: &str, member: &str, kept: u32) {
        self.write("queue", name, member.into(), kept.to_string().into());
    }

    /// From the indices where a record stands to those where it is to stand.
    pub(super) fn place(&mut self, before: &Places, after: &Places) {
        for (index, member) in before.difference(after) {
            self.write("rem", index, member.clone().into(), Vec::new());
        }
        for (index, member) in after.difference(before) {
            self.write("add", index, member.clone().into(), Vec::new());
        }
    }

    fn write(&mut self, what: &str, name: &str, a: Vec<u8>, b: Vec<u8>) {
        self.writes.push([what.into(), name.into(), a, b]);
    }

    /// Enters a change of the record under `name` into the log.
    pub(super) fn enter(
        &mut self,
        vault: &Vault,
        name: String,
        kind: ChangeKind,
        what: What,
    ) -> Result<(), Unavailable> {
        self.log(vault, name, kind, what, false)
    }

    /// As [`Self::enter`], of a change that an entry after this one tells of, too.
    pub(super) fn enter_also(
        &mut self,
        vault: &Vault,
        name: String,
        kind: ChangeKind,
        what: What,
    ) -> Result<(), Unavailable> {
        self.log(vault, name, kind, what, true)
    }

    fn log(
        &mut self,
        vault: &Vault,
        name: String,
        kind: ChangeKind,
        what: What,
        also: bool,
    ) -> Result<(), Unavailable> {
        let link = super::link();
        let sealed = vault.seal(&names::entry(link), &super::log::Logged::new(kind, &what))?;
        self.entries.push(Entry { link, sealed, name, kind, what, also });
        Ok(())
    }

    /// Enters it into the audit log, unless it is the probe's.
    pub(super) fn audit(
        &mut self,
        vault: &Vault,
        author: &Author,
        action: Action,
        what: &What,
        noted: Noted,
    ) -> Result<(), Unavailable> {
        if what.place() == PROBE && what.kind() == RecordKind::Credential {
            return Ok(());
        }
        let audited = Audited {
            at: author.now,
            author: author.name.clone(),
            request: author.request.clone(),
            action: action.name().to_owned(),
            kind: what.kind().name().to_owned(),
            place: what.place().to_owned(),
            id: what.id().clone(),
            version: noted.version,
            fields: noted.fields,
            other: noted.other,
        };
        self.audit.push(vault.seal(names::AUDIT, &audited)?);
        Ok(())
    }
}

impl Redis {
    /// The changes, with their positions. `None`: something is not as it was read any more, and nothing was written.
    pub(super) async fn commit(&self, commit: Commit) -> Result<Option<Vec<Change>>, Unavailable> {
        let Commit { guards, writes, entries, audit } = commit;
        let mut call = scripts::Call::of(&scripts::COMMIT);
        call.arg(&self.channel).arg(LOG_KEPT).arg(AUDIT_KEPT);
        call.arg(guards.len());
        for (name, value) in guards {
            call.arg(name).arg(value);
        }
        call.arg(writes.len());
        for part in writes.into_iter().flatten() {
            call.arg(part);
        }
        call.arg(entries.len());
        for entry in &entries {
            call.arg(entry.link).arg(&entry.sealed).arg(&entry.name);
        }
        call.arg(audit.len());
        for entry in audit {
            call.arg(entry);
        }
        let mut answer = Answer::new(self.link.change(&call).await?)?;
        if answer.number()? == 0 {
            return Ok(None);
        }
        let positions = answer.number()?..;
        let changes = positions.zip(entries).filter(|(_, entry)| !entry.also);
        let change = |(position, entry): (u64, Entry)| Change {
            position: Position(position),
            kind: entry.kind,
            what: entry.what,
        };
        Ok(Some(changes.map(change).collect()))
    }
}
