//! Credentials that are not remembered: revoked for good, or ended long ago.
use std::sync::Arc;

use decision::facts::{Credential, Timestamp};

use super::{NOW, at, changed, created, credential, digest, id, later, told};
use crate::store::{Action, AuditFilter, ChangeKind, FORGOTTEN_MAX, Filter, Keep, Position, Store};

fn keep(api: &str, scheme: &str, keep: i64) -> Keep {
    Keep { api: api.into(), scheme: scheme.into(), keep }
}

/// The ids that are forgotten at this instant, in alphabetical order.
async fn forgotten(store: &dyn Store, keeps: &[Keep], now: Timestamp) -> Vec<String> {
    let answer = store.forget_ended(keeps, &at(now)).await.unwrap();
    let mut ids: Vec<_> = answer.iter().map(|one| one.record.id.to_string()).collect();
    ids.sort();
    ids
}

pub(crate) async fn a_revoke_that_forgets_leaves_nothing_to_find(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let reason = Some("left".to_owned());
    let revoke = store.revoke(&id("crd_1"), None, reason.clone(), true, &at(later(1))).await;
    let (revoked, change) = changed(revoke.unwrap());
    let expected = Credential {
        revoked_at: Some(later(1)),
        revoke_reason: reason,
        version: 2,
        ..credential("crd_1")
    };
    assert_eq!(revoked, expected);
    assert_eq!(change.kind, ChangeKind::Revoked);
    assert_eq!(told(&change), ("app", &id("crd_1"), digest(1), None));
    assert_eq!(store.find("app", &digest(1).into()).await.unwrap().value, None);
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), None);

    let again = store.revoke(&id("crd_1"), None, None, true, &at(later(2))).await.unwrap();
    assert_eq!((again.record, again.change), (expected, None));
    created(&*store, credential("crd_2"), 1).await;
}

pub(crate) async fn a_revoke_that_would_forget_leaves_what_was_revoked_before(
    store: Arc<dyn Store>,
) {
    created(&*store, credential("crd_1"), 1).await;
    let first = store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    let again = store.revoke(&id("crd_1"), None, None, true, &at(later(1))).await.unwrap();
    assert_eq!((&again.record, again.change), (&first.record, None));
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(first.record));
}

pub(crate) async fn an_ended_credential_is_kept_for_as_long_as_its_scheme_says(
    store: Arc<dyn Store>,
) {
    for (number, expires_at, revoked_at) in
        [(1, None, None), (2, Some(100), None), (3, None, Some(50)), (4, Some(100), Some(150))]
    {
        let name = format!("crd_{number}");
        let mut one = credential(&name);
        one.expires_at = expires_at.map(later);
        created(&*store, one, number).await;
        if let Some(revoked_at) = revoked_at {
            store.revoke(&id(&name), None, None, false, &at(later(revoked_at))).await.unwrap();
        }
    }
    let keeps = [keep("app", "key", 1000)];
    assert!(forgotten(&*store, &keeps, later(1049)).await.is_empty());
    assert_eq!(forgotten(&*store, &keeps, later(1050)).await, ["crd_3"]);
    assert!(forgotten(&*store, &keeps, later(1099)).await.is_empty());
    // What is revoked after its expiry ended with that.
    assert_eq!(forgotten(&*store, &keeps, later(1100)).await, ["crd_2", "crd_4"]);
    assert!(forgotten(&*store, &keeps, Timestamp(i64::MAX)).await.is_empty());
    let left = store.list(&Filter::default(), None, 10, NOW).await.unwrap().items;
    assert_eq!(left, [credential("crd_1")]);
}

pub(crate) async fn each_scheme_of_each_api_has_its_own_time(store: Arc<dyn Store>) {
    for (number, api, scheme) in
        [(1, "app", "key"), (2, "app", "session"), (3, "other", "key"), (4, "gone", "key")]
    {
        let mut one = credential(&format!("crd_{number}"));
        (one.api, one.scheme, one.expires_at) = (api.into(), scheme.into(), Some(later(0)));
        created(&*store, one, number).await;
    }
    let keeps = [keep("app", "key", 10), keep("app", "session", 20), keep("other", "key", 30)];
    assert_eq!(forgotten(&*store, &keeps, later(10)).await, ["crd_1"]);
    assert_eq!(forgotten(&*store, &keeps, later(30)).await, ["crd_2", "crd_3"]);
    assert!(store.get(&id("crd_4")).await.unwrap().is_some(), "nobody says how long");
    assert!(forgotten(&*store, &[], later(1000)).await.is_empty());
}

pub(crate) async fn what_is_forgotten_is_deleted_and_both_logs_say_so(store: Arc<dyn Store>) {
    let ended = Credential { expires_at: Some(NOW), ..credential("crd_1") };
    let before = created(&*store, ended.clone(), 1).await.position;
    let answer = store.forget_ended(&[keep("app", "key", 1)], &at(later(1))).await.unwrap();
    let [one] = answer.try_into().unwrap();
    let (record, change) = changed(one);
    assert_eq!((record, change.kind), (ended, ChangeKind::Deleted));
    assert_eq!(told(&change), ("app", &id("crd_1"), digest(1), None));
    assert_eq!(store.changes(before, 10).await.unwrap().items, [change]);
    assert_eq!(store.find("app", &digest(1).into()).await.unwrap().value, None);
    let filter = AuditFilter { action: Some(Action::Forget), ..AuditFilter::default() };
    let [entry] = store.audit(&filter, None, 10).await.unwrap().items.try_into().unwrap();
    assert_eq!((entry.id, entry.author), (id("crd_1"), at(later(1))));
    // As after any deletion.
    assert!(store.revoke(&id("crd_1"), None, None, false, &at(later(2))).await.is_ok());
}

pub(crate) async fn many_are_forgotten_in_parts(store: Arc<dyn Store>) {
    let many = FORGOTTEN_MAX + 3;
    for number in 0..many {
        let name = format!("crd_{number}");
        let ended = Credential { expires_at: Some(NOW), ..credential(&name) };
        created(&*store, ended, number as u64).await;
    }
    let keeps = [keep("app", "key", 0), keep("app", "key", 0)];
    let mut parts = Vec::new();
    for _ in 0..3 {
        parts.push(store.forget_ended(&keeps, &at(NOW)).await.unwrap().len());
    }
    assert_eq!(parts, [FORGOTTEN_MAX, 3, 0]);
    assert!(store.changes(Position(0), 1).await.unwrap().head.0 >= 2 * many as u64);
}
