//! A file that an older version has made.
use decision::facts::{Credential, Level};
use rusqlite::{Connection, params};

use super::{Embedded, Folder, Problem, pepper_of, wait};
use crate::store::conformance::{
    NOW, at, changed, created, credential, digest, id, later, new, told,
};
use crate::store::embedded::schema::VERSION;
use crate::store::{ChangeError, ChangeKind, Filter, Keep, Position, Store as _};

/// The tables of version 1, as that version made them.
const FIRST: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
    CREATE TABLE credential (
        id TEXT PRIMARY KEY, api TEXT NOT NULL, digest BLOB NOT NULL, scheme TEXT NOT NULL, subject TEXT NOT NULL,
        org TEXT, external_id TEXT, created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER,
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
        position INTEGER PRIMARY KEY AUTOINCREMENT, api TEXT NOT NULL, digest BLOB NOT NULL, credential TEXT NOT NULL,
        kind TEXT NOT NULL
    ) STRICT;
    PRAGMA application_id = 0x50434C53;
    PRAGMA user_version = 1;
";

/// A record as version 1 wrote it.
fn record(name: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{name}","api":"app","scheme":"key","hint":"ak_…wxyz","subject":"user_1","created_at":{}{more},"version":1}}"#,
        NOW.0
    )
}

/// A store of version 1 with an active, an ending, a revoked and a deleted credential; its log begins at position 41.
fn first() -> Folder {
    let folder = Folder::new();
    let file = Connection::open(folder.path()).unwrap();
    file.execute_batch(FIRST).unwrap();
    let check = pepper_of("first").current.check_value();
    file.execute("INSERT INTO meta (name, value) VALUES ('pepper', ?1)", [check]).unwrap();
    let insert = |number: u64,
                  external_id: Option<&str>,
                  expires: Option<i64>,
                  revoked: Option<i64>,
                  more: &str| {
        let name = format!("crd_{number}");
        file.execute(
            "INSERT INTO credential VALUES (?1, 'app', ?2, 'key', 'user_1', NULL, ?3, ?4, ?5, ?6, ?7)",
            params![name, digest(number).0, external_id, NOW.0, expires, revoked, record(&name, more)],
        )
        .unwrap();
    };
    let (end, revocation) = (NOW.0 + 10, NOW.0 + 5);
    insert(1, Some("ext_1"), None, None, r#","external_id":"ext_1","metadata":{"k":"é"}"#);
    insert(2, None, Some(end), None, &format!(r#","expires_at":{end}"#));
    insert(
        3,
        None,
        None,
        Some(revocation),
        &format!(r#","revoked_at":{revocation},"revoke_reason":"leaked""#),
    );
    let gone = record("crd_4", &format!(r#","revoked_at":{revocation}"#));
    file.execute("INSERT INTO deleted VALUES ('crd_4', ?1, ?2)", params![revocation, gone])
        .unwrap();
    file.execute("INSERT INTO sqlite_sequence VALUES ('change', 40)", []).unwrap();
    for (number, kind) in [(1, "created"), (2, "created"), (3, "revoked"), (4, "deleted")] {
        file.execute(
            "INSERT INTO change (api, digest, credential, kind) VALUES ('app', ?1, ?2, ?3)",
            params![digest(number).0, format!("crd_{number}"), kind],
        )
        .unwrap();
    }
    folder
}

fn version_of(folder: &Folder) -> i32 {
    let file = Connection::open(folder.path()).unwrap();
    file.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_file_of_version_1_is_opened_with_all_that_is_in_it() {
    let folder = first();
    let store = folder.open();
    assert_eq!(version_of(&folder), VERSION);
    let mut active = credential("crd_1");
    active.external_id = Some(id("ext_1"));
    active.metadata.insert("k".into(), "é".into());
    let ending = Credential { expires_at: Some(later(10)), ..credential("crd_2") };
    let mut revoked = credential("crd_3");
    (revoked.revoked_at, revoked.revoke_reason) = (Some(later(5)), Some("leaked".into()));
    wait(async {
        for (number, expected) in [(1, &active), (2, &ending), (3, &revoked)] {
            let found = store.find("app", &digest(number).into()).await.unwrap();
            assert_eq!((found.value.as_ref(), found.position), (Some(expected), Position(44)));
            assert_eq!(store.get(&expected.id).await.unwrap().as_ref(), Some(expected));
        }
        let page = store.list(&Filter::default(), None, 10, NOW).await.unwrap();
        assert_eq!(page.items, [revoked, ending, active]);
        let late = store.revoke(&id("crd_4"), None, None, false, &at(later(6))).await.unwrap();
        assert_eq!((late.record.id, late.change), (id("crd_4"), None), "it is remembered");
    });
}

#[test]
fn the_log_of_a_file_of_version_1_goes_on_where_it_was() {
    let folder = first();
    let store = folder.open();
    wait(async {
        let log = store.changes(Position(40), 10).await.unwrap();
        assert_eq!((log.head, log.trimmed), (Position(44), false));
        assert!(store.changes(Position(39), 10).await.unwrap().trimmed);
        let kinds: Vec<_> = log
            .items
            .iter()
            .map(|change| (change.position.0, change.kind, told(change).1.as_str(), told(change).2))
            .collect();
        let [created, revoked, deleted] =
            [ChangeKind::Created, ChangeKind::Revoked, ChangeKind::Deleted];
        assert_eq!(
            kinds,
            [
                (41, created, "crd_1", digest(1)),
                (42, created, "crd_2", digest(2)),
                (43, revoked, "crd_3", digest(3)),
                (44, deleted, "crd_4", digest(4))
            ]
        );
        assert_eq!(created_at(&store, "crd_5", 5).await, Position(45));
    });
}

async fn created_at(store: &Embedded, name: &str, number: u64) -> Position {
    created(store, credential(name), number).await.position
}

#[test]
fn what_version_1_has_made_can_be_changed_in_every_way() {
    let folder = first();
    let store = folder.open();
    wait(async {
        let twin = Credential { external_id: Some(id("ext_1")), ..credential("crd_5") };
        let taken = store.create(new(twin, 5), &at(NOW)).await;
        assert!(matches!(taken, Err(ChangeError::ExternalIdTaken)), "{taken:?}");
        let given = Credential { ceiling: Some(Level::Read), ..credential("crd_2") };
        let (updated, _) = changed(store.update(given, &at(NOW)).await.unwrap());
        assert_eq!((updated.version, updated.expires_at), (2, None));
        store.used(&[(id("crd_1"), later(7))]).await.unwrap();
        changed(store.revoke(&id("crd_1"), Some(1), None, true, &at(later(8))).await.unwrap());
        let keep = Keep { api: "app".into(), scheme: "key".into(), keep: 100 };
        let forgotten = store.forget_ended(&[keep], &at(later(105))).await.unwrap();
        let names: Vec<_> = forgotten.iter().map(|one| one.record.id.as_str()).collect();
        assert_eq!(names, ["crd_3"]);
    });
    drop(store);
    drop(folder.open());
}

#[test]
fn a_file_of_version_1_stays_as_it_is_where_the_pepper_is_another() {
    let folder = first();
    let before = std::fs::read(folder.path()).unwrap();
    let error = Embedded::open(&folder.path(), &pepper_of("second")).unwrap_err();
    assert!(matches!(error.problem, Problem::OtherPepper), "{error}");
    assert_eq!(version_of(&folder), 1);
    // Its journal mode is another than before, and nothing else.
    assert_eq!(std::fs::read(folder.path()).unwrap()[100..], before[100..]);
    drop(folder.open());
    assert_eq!(version_of(&folder), VERSION);
}

#[test]
fn a_migrated_file_and_a_new_one_have_the_same_tables() {
    let tables = |folder: &Folder| -> Vec<(String, String)> {
        drop(folder.open());
        let file = Connection::open(folder.path()).unwrap();
        let mut statement = file
            .prepare("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
        // As SQLite keeps a statement, blanks and line ends included.
        let plain = |sql: String| sql.split_whitespace().collect::<String>();
        rows.unwrap().map(|row| row.map(|(name, sql)| (name, plain(sql))).unwrap()).collect()
    };
    assert_eq!(tables(&first()), tables(&Folder::new()));
}
