//! What is kept has an end, and what is asked has an index.
use rusqlite::Connection;

use super::{Embedded, Folder, wait};
use crate::store::conformance::{NOW, created, credential};
use crate::store::embedded::{audit, log, repeat};
use crate::store::{AuditFilter, Begun, Position, RepeatKey, Store as _};

fn in_use() -> (Folder, Embedded) {
    let folder = Folder::new();
    let store = folder.open();
    wait(created(&store, credential("crd_1"), 1));
    (folder, store)
}

/// Adds so many rows with these columns, by one statement from outside.
fn fill(folder: &Folder, table: &str, columns: &str, values: &str, rows: i64) {
    let outside = Connection::open(folder.path()).unwrap();
    let grown = format!(
        "INSERT INTO {table} ({columns})
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         SELECT {values} FROM n"
    );
    outside.execute_batch(&grown).unwrap();
}

fn count(folder: &Folder, table: &str) -> i64 {
    let outside = Connection::open(folder.path()).unwrap();
    outside.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn the_log_is_capped_and_says_so() {
    let (folder, store) = in_use();
    let values = "'revoked', 'credential', 'app', 'crd_0', zeroblob(32)";
    fill(&folder, "change", "kind, record, place, id, digest", values, log::KEPT);
    wait(async {
        let kept = log::KEPT.cast_unsigned();
        assert!(!store.changes(Position(0), 1).await.unwrap().trimmed);
        let head = created(&store, credential("crd_2"), 2).await.position;
        assert_eq!(head.0, kept + 2);
        let oldest = head.0 - kept + 1;
        let whole = store.changes(Position(oldest - 1), usize::MAX).await.unwrap();
        assert!(!whole.trimmed, "all that came after {} is there", oldest - 1);
        assert_eq!((whole.items.len() as u64, whole.items[0].position.0), (kept, oldest));
        assert!(store.changes(Position(oldest - 2), 1).await.unwrap().trimmed);
        assert!(store.changes(Position(0), 1).await.unwrap().trimmed);
    });
}

#[test]
fn the_audit_log_keeps_the_newest() {
    let (folder, store) = in_use();
    let columns = "at, author, request, action, record, place, id, version, fields";
    let values = "i, 'a', 'r', 'create', 'credential', 'app', 'crd_' || i, 1, '[]'";
    fill(&folder, "audit", columns, values, audit::KEPT);
    wait(created(&store, credential("crd_new"), 2));
    assert_eq!(count(&folder, "audit"), audit::KEPT);
    let newest = wait(store.audit(&AuditFilter::default(), None, 1)).unwrap();
    assert_eq!(newest.items[0].id.as_str(), "crd_new");
    let first = AuditFilter { id: Some(credential("crd_1").id), ..AuditFilter::default() };
    assert_eq!(wait(store.audit(&first, None, 1)).unwrap().items, []);
}

#[test]
fn of_calls_under_keys_the_newest_are_kept_and_none_for_longer_than_a_day() {
    let (folder, store) = in_use();
    let columns = "author, key, body, at, status, reply";
    let values = format!("'a', 'k' || i, zeroblob(32), {}, 201, x''", NOW.0);
    fill(&folder, "repeat", columns, &values, repeat::KEPT);
    let key = |key: &str| RepeatKey { author: "a".into(), key: key.into() };
    wait(async {
        let begin = async |name: &str, now| store.begin(&key(name), [0; 32], now).await.unwrap();
        assert_eq!(begin("new", NOW).await, Begun::New);
        assert_eq!(count(&folder, "repeat"), repeat::KEPT);
        assert_eq!(begin("k1", NOW).await, Begun::New, "the oldest was forgotten");
        assert!(matches!(begin("k3", NOW).await, Begun::Done(_)));
        let tomorrow = decision::facts::Timestamp(NOW.0 + crate::store::REPLY_FOR);
        assert_eq!(begin("k3", tomorrow).await, Begun::New);
        assert_eq!(count(&folder, "repeat"), 1);
    });
}

const BY_PARENT: &str = "resource INDEXED BY resource_parent";
const BY_KIND: &str = "resource INDEXED BY resource_kind";

#[test]
fn lists_and_look_ups_are_served_by_indexes() {
    let (folder, _store) = in_use();
    let outside = Connection::open(folder.path()).unwrap();
    let newest = "ORDER BY created_at DESC, id DESC LIMIT 100";
    let of_realm = "ORDER BY id LIMIT 100";
    let audit = "ORDER BY position DESC LIMIT 100";
    for (table, condition, order, index) in [
        ("credential", "api = 'a' AND digest = x''", newest, "credential_digest"),
        ("credential", "true", newest, "credential_newest"),
        ("credential", "true AND (created_at, id) < (1, 'x')", newest, "credential_newest"),
        ("credential", "true AND api = 'a'", newest, "credential_api"),
        ("credential", "true AND subject = 'a'", newest, "credential_subject"),
        (
            "credential",
            "true AND org = 'a' AND (created_at, id) < (1, 'x')",
            newest,
            "credential_org",
        ),
        ("credential", "true AND scheme = 'a'", newest, "credential_scheme"),
        ("credential", "true AND external_id = 'a'", newest, "credential_external_id"),
        ("credential", "true AND revoked_at IS NOT NULL", newest, "credential_revoked"),
        ("credential", "revoked_at IS NULL AND disabled", newest, "credential_disabled"),
        (
            "credential",
            "api = 'a' AND scheme = 'k' AND ends_at <= 1",
            "LIMIT 9",
            "credential_ends_at",
        ),
        (
            "credential",
            "subject = 'a' AND api = 'b' AND revoked_at IS NULL",
            "",
            "credential_subject",
        ),
        ("credential", "org = 'a' AND api = 'b' AND revoked_at IS NULL", "", "credential_org"),
        ("credential", "pepper = 1", "", "credential_pepper"),
        ("subject", "realm = 'a' AND id = 'b'", "", "PRIMARY KEY"),
        ("subject", "realm = 'a' AND id > 'b'", of_realm, "PRIMARY KEY"),
        ("resource", "realm = 'a' AND id = 'b'", "", "PRIMARY KEY"),
        ("resource", "realm = 'a' AND id > 'b'", of_realm, "PRIMARY KEY"),
        (BY_PARENT, "realm = 'a' AND id > 'b' AND parent = 'c'", of_realm, "parent=? AND id>?"),
        (BY_KIND, "realm = 'a' AND id > 'b' AND kind = 'c'", of_realm, "kind=? AND id>?"),
        ("audit", "true AND id = 'a'", audit, "INDEX audit_id"),
        ("audit", "true AND author = 'a'", audit, "INDEX audit_author"),
        ("repeat", "author = 'a' AND key = 'b'", "", "INDEX sqlite_autoindex_repeat"),
    ] {
        let plan = format!("EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {condition} {order}");
        let steps: Vec<String> = outside
            .prepare(&plan)
            .unwrap()
            .query_map([], |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(steps[0].contains(index), "{condition}: {steps:?}");
        // Few have one external id.
        let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(!sorted || index == "credential_external_id", "{condition}: {steps:?}");
    }
}
