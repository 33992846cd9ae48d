//! Lists and their pages.
use std::sync::Arc;

use decision::facts::{Credential, CredentialState, Timestamp};

use super::{NOW, at, created, credential, id, later};
use crate::store::{Filter, ListError, Store};

/// Seven of three instants, and what a list of them must look like.
async fn seven(store: &dyn Store) -> Vec<Credential> {
    let mut all = Vec::new();
    for (number, instant) in [(1, 2), (2, 1), (3, 2), (4, 3), (5, 2), (6, 1), (7, 3)] {
        let mut one = credential(&format!("crd_{number}"));
        one.created_at = Timestamp(NOW.0 + instant);
        created(store, one.clone(), number).await;
        all.push(one);
    }
    all.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    all
}

/// All pages of this size, one after the other.
async fn paged(store: &dyn Store, filter: &Filter, size: usize) -> Vec<Credential> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.list(filter, cursor.as_deref(), size, NOW).await.unwrap();
        assert!(page.items.len() == size || page.next.is_none(), "only the last page may be short");
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

pub(crate) async fn a_list_is_newest_first_and_then_by_greater_id(store: Arc<dyn Store>) {
    assert!(store.list(&Filter::default(), None, 10, NOW).await.unwrap().items.is_empty());
    let expected = seven(&*store).await;
    let page = store.list(&Filter::default(), None, 1000, NOW).await.unwrap();
    assert_eq!((page.items, page.next), (expected, None));
}

pub(crate) async fn pages_show_each_credential_once_whatever_their_size(store: Arc<dyn Store>) {
    let expected = seven(&*store).await;
    for size in 1..=8 {
        assert_eq!(paged(&*store, &Filter::default(), size).await, expected, "pages of {size}");
    }
}

pub(crate) async fn what_is_added_or_removed_between_two_pages_moves_no_other(
    store: Arc<dyn Store>,
) {
    let mut expected = seven(&*store).await;
    let first = store.list(&Filter::default(), None, 3, NOW).await.unwrap();
    let mut newer = credential("crd_8");
    newer.created_at = Timestamp(NOW.0 + 9);
    created(&*store, newer, 8).await;
    // The very one at which the page ended, and one that was still to come.
    store.delete(&expected[2].id, None, &at(NOW)).await.unwrap();
    store.delete(&expected[5].id, None, &at(NOW)).await.unwrap();
    let second = store.list(&Filter::default(), first.next.as_deref(), 10, NOW).await.unwrap();
    expected.remove(5);
    assert_eq!(first.items, expected[..3]);
    assert_eq!(second.items, expected[3..]);
}

pub(crate) async fn a_last_page_that_is_full_has_no_next(store: Arc<dyn Store>) {
    let expected = seven(&*store).await;
    let page = store.list(&Filter::default(), None, expected.len(), NOW).await.unwrap();
    assert_eq!((page.items, page.next), (expected, None));
}

pub(crate) async fn each_filter_shows_its_own_and_all_together_restrict(store: Arc<dyn Store>) {
    type Change = fn(&mut Credential);
    let changes: [Change; 5] = [
        |one| one.api = "other".into(),
        |one| one.subject = id("user_2"),
        |one| one.org = Some(id("org_2")),
        |one| one.scheme = "session".into(),
        |one| one.external_id = Some(id("ext:2")),
    ];
    let mut number = 0;
    let mut all = credential("crd_all");
    for change in changes {
        number += 1;
        let mut one = credential(&format!("crd_{number}"));
        change(&mut one);
        change(&mut all);
        created(&*store, one, number).await;
    }
    // Both have the external id, in different apis.
    created(&*store, all.clone(), 6).await;
    created(&*store, credential("crd_plain"), 7).await;

    let filters = [
        Filter { api: Some("other".into()), ..Filter::default() },
        Filter { subject: Some("user_2".into()), ..Filter::default() },
        Filter { org: Some("org_2".into()), ..Filter::default() },
        Filter { scheme: Some("session".into()), ..Filter::default() },
        Filter { external_id: Some("ext:2".into()), ..Filter::default() },
    ];
    for (number, filter) in (1..).zip(&filters) {
        let found = paged(&*store, filter, 1).await;
        let ids = found.iter().map(|one| one.id.as_str()).collect::<Vec<_>>();
        assert_eq!(ids, ["crd_all", &format!("crd_{number}")], "{filter:?}");
    }
    let [api, subject, org, scheme, external_id] = filters;
    let together = Filter {
        api: api.api,
        subject: subject.subject,
        org: org.org,
        scheme: scheme.scheme,
        external_id: external_id.external_id,
        state: Some(CredentialState::Active),
    };
    assert_eq!(paged(&*store, &together, 10).await, [all]);
}

pub(crate) async fn a_filter_takes_its_value_literally(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    for value in ["", "%", "user_", "user%", "' OR 1=1 --", "*", "USER_1", "user_1 "] {
        let filter = Filter { subject: Some(value.into()), ..Filter::default() };
        assert!(paged(&*store, &filter, 10).await.is_empty(), "{value:?}");
    }
}

pub(crate) async fn a_state_is_what_it_is_at_the_given_instant(store: Arc<dyn Store>) {
    for (number, expires_at, disabled, revoked) in [
        (1, None, false, false),
        (2, Some(50), false, false),
        (3, None, false, true),
        (4, Some(50), true, true),
        (5, Some(50), true, false),
        (6, None, false, false),
    ] {
        let name = format!("crd_{number}");
        let mut one = credential(&name);
        (one.expires_at, one.disabled) = (expires_at.map(later), disabled);
        created(&*store, one, number).await;
        if revoked {
            store.revoke(&id(&name), None, None, false, &at(NOW)).await.unwrap();
        }
    }
    let disabled = Credential { disabled: true, ..credential("crd_6") };
    store.update(disabled, &at(NOW)).await.unwrap();
    for (state, after, expected) in [
        (CredentialState::Active, 49, vec!["crd_2", "crd_1"]),
        (CredentialState::Active, 50, vec!["crd_1"]),
        (CredentialState::Disabled, 49, vec!["crd_6", "crd_5"]),
        (CredentialState::Disabled, 50, vec!["crd_6", "crd_5"]),
        (CredentialState::Expired, 49, vec![]),
        (CredentialState::Expired, 50, vec!["crd_2"]),
        (CredentialState::Revoked, 49, vec!["crd_4", "crd_3"]),
        (CredentialState::Revoked, 50, vec!["crd_4", "crd_3"]),
    ] {
        let filter = Filter { state: Some(state), ..Filter::default() };
        let page = store.list(&filter, None, 10, later(after)).await.unwrap();
        let ids = page.items.iter().map(|one| one.id.as_str()).collect::<Vec<_>>();
        assert_eq!(ids, expected, "{state:?} after {after} ms");
        assert!(page.items.iter().all(|one| one.state(later(after)) == state));
    }
}

pub(crate) async fn a_cursor_that_was_never_given_is_refused(store: Arc<dyn Store>) {
    seven(&*store).await;
    for cursor in
        ["", ".", "x", "1", "1.", ".crd_1", "x.crd_1", "1.a b", "99999999999999999999.crd_1"]
    {
        let answer = store.list(&Filter::default(), Some(cursor), 10, NOW).await;
        assert!(matches!(answer, Err(ListError::CursorInvalid)), "{cursor:?}: {answer:?}");
    }
}
