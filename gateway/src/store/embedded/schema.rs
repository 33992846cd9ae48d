//! How a file is recognised, claimed for this process, made and checked.

use std::path::Path;
use std::time::Duration;

use decision::secret::Pepper;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::Problem;

/// Marks a database as ours (SQLite's `application_id`): "PCLS".
const APPLICATION: i32 = 0x5043_4C53;
/// The version of the tables below (SQLite's `user_version`).
pub(super) const VERSION: i32 = 1;

/// How long a call waits for a lock that somebody outside (a backup, a shell) holds.
const BUSY: Duration = Duration::from_secs(1);

/// `deleted` remembers records for [`crate::store::DELETED_FOR`]. AUTOINCREMENT: a position is never given twice.
const TABLES: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;

    CREATE TABLE credential (
        id TEXT PRIMARY KEY,
        api TEXT NOT NULL,
        digest BLOB NOT NULL,
        scheme TEXT NOT NULL,
        subject TEXT NOT NULL,
        org TEXT,
        external_id TEXT,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        revoked_at INTEGER,
        record TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX credential_digest ON credential (api, digest);
    CREATE UNIQUE INDEX credential_external_id ON credential (external_id, api) WHERE external_id IS NOT NULL;
    CREATE INDEX credential_newest ON credential (created_at, id);
    CREATE INDEX credential_api ON credential (api, created_at, id);
    CREATE INDEX credential_scheme ON credential (scheme, created_at, id);
    CREATE INDEX credential_subject ON credential (subject, created_at, id);
    CREATE INDEX credential_org ON credential (org, created_at, id) WHERE org IS NOT NULL;
    CREATE INDEX credential_revoked ON credential (created_at, id) WHERE revoked_at IS NOT NULL;

    CREATE TABLE deleted (id TEXT PRIMARY KEY, at INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
    CREATE INDEX deleted_at ON deleted (at);

    CREATE TABLE change (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        api TEXT NOT NULL,
        digest BLOB NOT NULL,
        credential TEXT NOT NULL,
        kind TEXT NOT NULL
    ) STRICT;
";

/// The connection that changes: recognises the file, claims it, makes or checks what is in it.
pub(super) fn open_writer(path: &Path, pepper: &Pepper) -> Result<Connection, Problem> {
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
    claim_and_check(&mut connection, pepper)?;
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
        (APPLICATION, VERSION) => Ok(()),
        (APPLICATION, newer) => Err(Problem::Newer(newer)),
        _ => Err(Problem::Foreign),
    }
}

/// SQLite's exclusive lock is granted only while no other process has the file open, under whatever name. It is then
/// lowered to the shared lock that every connection to a write-ahead log keeps until it is closed, which refuses the
/// exclusive one to everybody who tries to start later, and ends with the process however that ends.
fn claim_and_check(connection: &mut Connection, pepper: &Pepper) -> Result<(), Problem> {
    connection.query_row("PRAGMA locking_mode = exclusive", [], |_| Ok(()))?;
    let claimed = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Again: between the first look and the claim another process may have made the tables.
    recognise(&claimed)?;
    let verdict: String = claimed.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Problem::Corrupt(verdict));
    }
    let made: i64 =
        claimed.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if made == 0 {
        claimed.execute_batch(TABLES)?;
        claimed.pragma_update(None, "application_id", APPLICATION)?;
        claimed.pragma_update(None, "user_version", VERSION)?;
        let check = pepper.check_value();
        claimed.execute("INSERT INTO meta (name, value) VALUES ('pepper', ?1)", [check])?;
    }
    let check: [u8; 32] =
        claimed.query_row("SELECT value FROM meta WHERE name = 'pepper'", [], |row| row.get(0))?;
    if check != pepper.check_value() {
        return Err(Problem::OtherPepper);
    }
    claimed.commit()?;
    // The lock is lowered at the end of the next transaction.
    connection.query_row("PRAGMA locking_mode = normal", [], |_| Ok(()))?;
    Ok(connection.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?)
}
