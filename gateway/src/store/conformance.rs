//! What every store must do, whatever it is made of: `conformance!(make)` makes each check a test of that store.
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::Digest;

use super::{Author, Change, Changed, New, Store, What};

pub(crate) mod creating;
pub(crate) mod ending;
pub(crate) mod listing;
pub(crate) mod log;
pub(crate) mod model;

/// The instant at which the checks happen, in milliseconds.
pub(crate) const NOW: Timestamp = Timestamp(1_900_000_000_000);

/// An empty store, and what must live as long as it does.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keep: Box<dyn Any>,
}

/// Runs one check on a store of its own.
pub(crate) fn run(make: impl AsyncFnOnce() -> Fixture, check: impl AsyncFnOnce(Arc<dyn Store>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Fixture { store, keep } = make().await;
        check(store).await;
        drop(keep);
    });
}

/// `conformance!(make)`, where `make` is an `async fn() -> Fixture`.
macro_rules! conformance {
    ($make:path) => {
        $crate::store::conformance::conformance! { @each $make =>
            creating::what_was_created_is_found_by_its_secret_and_got_by_its_id
            creating::an_unknown_secret_and_an_unknown_id_are_none
            creating::a_secret_is_taken_once_in_one_api_and_free_in_another
            creating::a_revoked_secret_stays_taken_and_a_deleted_one_is_free
            creating::an_external_id_is_taken_once_in_one_api_revoked_too
            creating::an_id_is_taken_once
            creating::a_refused_create_changes_nothing
            creating::every_field_of_a_record_comes_back_as_it_was_given
            creating::of_fifty_at_once_with_one_secret_exactly_one_wins
            creating::fifty_at_once_with_secrets_of_their_own_all_win
            ending::a_revoked_credential_is_still_found_and_says_so
            ending::revoking_again_changes_nothing_and_keeps_the_first_reason
            ending::of_twenty_revokes_at_once_exactly_one_changes
            ending::a_deleted_credential_is_forgotten
            ending::what_is_not_there_can_be_neither_revoked_nor_deleted
            ending::a_revoke_after_a_deletion_is_no_error_for_a_day
            ending::a_revoke_after_a_revoke_and_a_deletion_answers_as_the_first_did
            ending::the_version_grows_by_one_with_each_change
            listing::a_list_is_newest_first_and_then_by_greater_id
            listing::pages_show_each_credential_once_whatever_their_size
            listing::what_is_added_or_removed_between_two_pages_moves_no_other
            listing::a_last_page_that_is_full_has_no_next
            listing::each_filter_shows_its_own_and_all_together_restrict
            listing::a_filter_takes_its_value_literally
            listing::a_state_is_what_it_is_at_the_given_instant
            listing::a_cursor_that_was_never_given_is_refused
            log::each_change_has_one_entry_and_positions_grow
            log::what_changed_nothing_has_no_entry
            log::changes_come_oldest_first_and_after_the_position_asked_for
            log::a_position_that_the_log_never_reached_must_start_anew
            log::a_read_is_at_least_as_new_as_what_it_shows_and_older_than_what_comes
            log::reads_beside_changes_never_show_a_change_before_its_position
            model::any_history_is_told_as_a_plain_map_would_tell_it
        }
    };
    (@each $make:path => $($area:ident::$name:ident)*) => {
        $(#[test] fn $name() {
            $crate::store::conformance::run($make, $crate::store::conformance::$area::$name);
        })*
    };
}
pub(crate) use conformance;

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// A digest that differs with each number.
pub(crate) fn digest(number: u64) -> Digest {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Digest(bytes)
}

/// A credential of the api `app`.
pub(crate) fn credential(name: &str) -> Credential {
    Credential {
        id: id(name),
        api: "app".into(),
        scheme: "key".into(),
        name: None,
        hint: "ak_…wxyz".into(),
        external_id: None,
        subject: id("user_1"),
        org: None,
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
        revoke_reason: None,
        disabled: false,
        ceiling: None,
        grants: None,
        scopes: None,
        audience: None,
        client_id: None,
        addresses: None,
        limits: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        last_used_at: None,
        version: 1,
    }
}

/// Polls a future once.
pub(crate) async fn polled<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

/// Whoever makes a change at this instant.
pub(crate) fn at(now: Timestamp) -> Author {
    Author { name: "admin".into(), request: "req_1".into(), now }
}

/// A credential that is found by one digest.
pub(crate) fn new(credential: Credential, number: u64) -> New {
    New { credential, digests: digest(number).into(), sealed: None }
}

/// Creates it, and returns the change.
pub(crate) async fn created(store: &dyn Store, credential: Credential, number: u64) -> Change {
    store.create(new(credential, number), &at(NOW)).await.unwrap().change.unwrap()
}

/// What a change that must have happened was.
pub(crate) fn changed<T: fmt::Debug>(changed: Changed<T>) -> (T, Change) {
    match changed {
        Changed { record, change: Some(change) } => (record, change),
        other @ Changed { change: None, .. } => panic!("expected a change, found {other:?}"),
    }
}

/// The api, the id, the digest and the present record of a credential that was changed.
pub(crate) fn told(change: &Change) -> (&str, &Id, Digest, Option<&Credential>) {
    match &change.what {
        What::Credential { api, id, digest, now } => (api, id, *digest, now.as_deref()),
        other => panic!("expected a credential, found {other:?}"),
    }
}
