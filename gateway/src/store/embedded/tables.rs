//! The tables, version by version: a new file is made as the first one was, and brought to the last like any other.

/// `deleted` remembers records for [`crate::store::DELETED_FOR`]. AUTOINCREMENT: a position is never given twice.
pub(super) const FIRST: &str = "
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

/// Peppers get a table, and each credential the number of its own; the log tells of every kind of record.
///
/// `meta` has lost its only entry, and stays: the first version would read it before it looks at the version.
pub(super) const SECOND: &str = "
    CREATE TABLE pepper (
        number INTEGER PRIMARY KEY,
        value BLOB NOT NULL UNIQUE,
        in_force INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX pepper_in_force ON pepper (in_force) WHERE in_force;
    INSERT INTO pepper (number, value, in_force) SELECT 1, value, true FROM meta WHERE name = 'pepper';
    DELETE FROM meta;

    ALTER TABLE credential ADD COLUMN pepper INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE credential ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE credential ADD COLUMN last_used_at INTEGER;
    ALTER TABLE credential ADD COLUMN sealed BLOB;
    ALTER TABLE credential ADD COLUMN ends_at INTEGER
        AS (min(coalesce(revoked_at, expires_at), coalesce(expires_at, revoked_at))) VIRTUAL;
    CREATE INDEX credential_ends_at ON credential (api, scheme, ends_at) WHERE ends_at IS NOT NULL;
    CREATE INDEX credential_pepper ON credential (pepper);
    CREATE INDEX credential_disabled ON credential (created_at, id) WHERE disabled;

    CREATE TABLE subject (
        realm TEXT NOT NULL,
        id TEXT NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (realm, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE resource (
        realm TEXT NOT NULL,
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        parent TEXT,
        record TEXT NOT NULL,
        PRIMARY KEY (realm, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX resource_parent ON resource (realm, parent, id) WHERE parent IS NOT NULL;
    CREATE INDEX resource_kind ON resource (realm, kind, id);

    ALTER TABLE change RENAME TO change_first;
    CREATE TABLE change (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        record TEXT NOT NULL,
        place TEXT NOT NULL,
        id TEXT NOT NULL,
        digest BLOB
    ) STRICT;
    INSERT INTO change (position, kind, record, place, id, digest)
        SELECT position, kind, 'credential', api, credential, digest FROM change_first ORDER BY position;
    DROP TABLE change_first;

    CREATE TABLE audit (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        author TEXT NOT NULL,
        request TEXT NOT NULL,
        action TEXT NOT NULL,
        record TEXT NOT NULL,
        place TEXT NOT NULL,
        id TEXT NOT NULL,
        version INTEGER NOT NULL,
        fields TEXT NOT NULL,
        other TEXT
    ) STRICT;
    CREATE INDEX audit_id ON audit (id, position);
    CREATE INDEX audit_author ON audit (author, position);

    CREATE TABLE repeat (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        author TEXT NOT NULL,
        key TEXT NOT NULL,
        body BLOB NOT NULL,
        at INTEGER NOT NULL,
        status INTEGER,
        reply BLOB,
        UNIQUE (author, key)
    ) STRICT;
    CREATE INDEX repeat_at ON repeat (at);
";
