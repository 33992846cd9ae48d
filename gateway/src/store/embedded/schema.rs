//! How a file is recognised, claimed for this process, made and checked.

use std::path::Path;
use std::time::Duration;

use decision::secret::{Pepper, Peppers};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior};

use super::{Problem, tables};

/// Marks a database as ours (SQLite's `application_id`): "PCLS".
const APPLICATION: i32 = 0x5043_4C53;
/// The version of the tables (SQLite's `user_version`).
pub(super) const VERSION: i32 = 2;

/// How long a call waits for a lock that somebody outside (a backup, a shell) holds.
const BUSY: Duration = Duration::from_secs(1);

/// The connection that changes: recognises the file, claims it, makes or checks what is in it.
pub(super) fn open_writer(path: &Path, peppers: &Peppers) -> Result<Connection, Problem> {
    let mut connection = connect(path)?;
    if connection.is_readonly("main")? {
        return Err(Problem::ReadOnly);
    }
    recognise(&connection)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Problem::Failed("the file system does not support a write-ahead log".into()));
    }
    // Full: a change that was acknowledged survives a crash of the machine.
    connection.execute_batch("PRAGMA synchronous = full; PRAGMA trusted_schema = off")?;
    // A first read in normal mode: a log that is opened under the exclusive lock could never be shared afterwards.
    recognise(&connection)?;
    claim_and_check(&mut connection, peppers)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// A connection that only reads, on a file that [`open_writer`] has claimed.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Problem> {
    let connection = connect(path)?;
    connection.execute_batch("PRAGMA query_only = on; PRAGMA trusted_schema = off")?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Waits for nobody: who holds the file at start holds it for long.
fn connect(path: &Path) -> Result<Connection, Problem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok(connection)
}

/// Before a byte is written: is it ours, or empty, and not from a later version?
fn recognise(connection: &Connection) -> Result<(), Problem> {
    let (application, version, objects): (i32, i32, i64) = connection.query_row(
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
                (SELECT count(*) FROM sqlite_schema)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    match (application, version) {
        (0, 0) if objects == 0 => Ok(()),
        (APPLICATION, 1..=VERSION) => Ok(()),
        (APPLICATION, newer) => Err(Problem::Newer(newer)),
        _ => Err(Problem::Foreign),
    }
}

/// SQLite's exclusive lock is granted only while no other process has the file open, under whatever name. It is then
/// lowered to the shared lock that every connection to a write-ahead log keeps until it is closed, which refuses the
/// exclusive one to everybody who tries to start later, and ends with the process however that ends.
fn claim_and_check(connection: &mut Connection, peppers: &Peppers) -> Result<(), Problem> {
    connection.query_row("PRAGMA locking_mode = exclusive", [], |_| Ok(()))?;
    let claimed = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Again: between the first look and the claim another process may have made the tables.
    recognise(&claimed)?;
    let verdict: String = claimed.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Problem::Corrupt(verdict));
    }
    make_or_migrate(&claimed)?;
    put_in_force(&claimed, peppers)?;
    // Whoever was answering these calls has ended with the process that held the file.
    claimed.execute("DELETE FROM repeat WHERE status IS NULL", [])?;
    claimed.commit()?;
    // The lock is lowered at the end of the next transaction.
    connection.query_row("PRAGMA locking_mode = normal", [], |_| Ok(()))?;
    Ok(connection.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?)
}

/// To the tables of this version, from none or from those of an older one, with all that is in them.
fn make_or_migrate(claimed: &Transaction<'_>) -> Result<(), Problem> {
    let version: i32 = claimed.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        0 => {
            claimed.execute_batch(tables::FIRST)?;
            claimed.execute_batch(tables::SECOND)?;
            claimed.pragma_update(None, "application_id", APPLICATION)?;
        }
        1 => claimed.execute_batch(tables::SECOND)?,
        _ => return Ok(()),
    }
    Ok(claimed.pragma_update(None, "user_version", VERSION)?)
}

/// The file remembers which pepper was in force: it must be among those given. From now on it is the current one.
fn put_in_force(claimed: &Transaction<'_>, peppers: &Peppers) -> Result<(), Problem> {
    let in_force: Option<[u8; 32]> = claimed
        .query_row("SELECT value FROM pepper WHERE in_force", [], |row| row.get(0))
        .optional()?;
    let current = peppers.current.check_value();
    let mut previous = peppers.previous.iter().map(Pepper::check_value);
    match in_force {
        Some(value) if value == current => return Ok(()),
        Some(value) if !previous.any(|previous| previous == value) => {
            return Err(Problem::OtherPepper);
        }
        _ => {}
    }
    claimed.execute("UPDATE pepper SET in_force = false WHERE in_force", [])?;
    claimed.execute(
        "INSERT INTO pepper (value, in_force) VALUES (?1, true) ON CONFLICT (value) DO UPDATE SET in_force = true",
        [current],
    )?;
    Ok(())
}

/// Credentials that can be found under none of these peppers any more.
pub(super) fn lost(connection: &Connection, peppers: &Peppers) -> Result<u64, Problem> {
    let known: Vec<[u8; 32]> = std::iter::once(&peppers.current)
        .chain(&*peppers.previous)
        .map(Pepper::check_value)
        .collect();
    let mut statement = connection.prepare(
        "SELECT value, (SELECT count(*) FROM credential WHERE pepper = number) FROM pepper WHERE NOT in_force",
    )?;
    let mut lost = 0;
    for row in statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))? {
        let (value, count) = row?;
        if !known.contains(&value) {
            lost += count.cast_unsigned();
        }
    }
    Ok(lost)
}
