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

pub(crate) mod audit;
pub(crate) mod creating;
pub(crate) mod ending;
pub(crate) mod forgetting;
pub(crate) mod listing;
pub(crate) mod log;
pub(crate) mod model;
pub(crate) mod repeating;
pub(crate) mod resources;
pub(crate) mod secrets;
pub(crate) mod subjects;
pub(crate) mod updating;

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
            updating::an_update_puts_what_was_given_in_the_place_of_what_was_read
            updating::an_update_leaves_what_is_fixed_at_creation_or_by_a_revocation
            updating::an_update_of_another_version_or_of_nothing_changes_nothing
            updating::an_update_to_what_stands_there_keeps_the_version
            updating::of_twenty_updates_at_once_of_one_version_exactly_one_is_made
            updating::twenty_parts_changed_at_once_are_all_there
            updating::a_part_is_changed_only_at_the_version_asked_for
            updating::a_revoke_and_a_delete_of_another_version_change_nothing
            updating::a_use_is_seen_everywhere_and_is_no_change
            updating::the_time_of_the_last_use_never_moves_back_and_outlives_changes
            secrets::a_rotation_ends_the_old_one_and_adds_its_successor
            secrets::a_rotation_of_one_that_ends_earlier_leaves_it_as_it_is
            secrets::a_rotation_that_is_refused_changes_neither
            secrets::of_ten_rotations_at_once_of_one_version_exactly_one_is_made
            secrets::a_sealed_copy_is_given_and_the_audit_log_says_to_whom
            secrets::a_sealed_copy_outlives_changes_and_goes_with_its_credential
            secrets::what_was_kept_under_a_previous_digest_is_kept_under_the_current_from_then_on
            secrets::a_previous_digest_counts_in_its_own_api_alone
            secrets::the_current_digest_comes_before_a_previous_one
            secrets::a_secret_is_taken_under_a_previous_digest_too
            secrets::of_twenty_who_come_with_a_previous_digest_all_find_it_and_it_moves_once
            forgetting::a_revoke_that_forgets_leaves_nothing_to_find
            forgetting::a_revoke_that_would_forget_leaves_what_was_revoked_before
            forgetting::an_ended_credential_is_kept_for_as_long_as_its_scheme_says
            forgetting::each_scheme_of_each_api_has_its_own_time
            forgetting::what_is_forgotten_is_deleted_and_both_logs_say_so
            forgetting::many_are_forgotten_in_parts
            subjects::a_subject_is_put_found_changed_and_deleted
            subjects::equal_ids_of_two_realms_are_two_subjects
            subjects::a_subject_is_put_only_at_the_version_that_was_read
            subjects::a_subject_that_an_unrevoked_credential_names_is_not_deleted
            subjects::subjects_are_listed_by_id_in_pages_of_their_realm
            subjects::subjects_of_one_kind_come_in_pages_that_are_full
            subjects::twenty_changes_of_one_subject_at_once_lose_nothing
            resources::a_resource_is_put_found_changed_and_deleted
            resources::a_resource_is_put_only_at_the_version_that_was_read
            resources::a_parent_must_have_a_record_in_the_same_realm
            resources::no_resource_comes_to_lie_below_itself
            resources::nothing_lies_more_than_eight_steps_deep
            resources::a_resource_that_comes_back_counts_what_was_left_below_it
            resources::an_organisation_that_an_unrevoked_credential_names_is_not_deleted
            resources::an_organisation_that_an_unrevoked_credential_names_gets_no_parent
            resources::resources_are_listed_by_id_of_a_parent_or_a_kind
            resources::twenty_members_named_at_once_are_all_there
            resources::of_two_moves_at_once_into_each_other_one_is_made
            audit::each_change_says_who_made_it_to_what_and_which_fields
            audit::what_changed_nothing_is_not_in_the_audit_log
            audit::each_audit_filter_shows_its_own_and_all_together_restrict
            audit::the_audit_log_comes_in_pages_newest_first
            repeating::a_call_is_done_once_and_then_answered_as_before
            repeating::a_key_is_that_of_its_author
            repeating::a_call_that_had_no_answer_to_repeat_begins_anew
            repeating::a_call_whose_maker_is_gone_begins_anew_after_a_while
            repeating::of_fifty_at_once_under_one_key_exactly_one_is_done
            model::any_history_is_told_as_a_plain_list_would_tell_it
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

/// So many milliseconds after the checks began.
pub(crate) fn later(milliseconds: i64) -> Timestamp {
    Timestamp(NOW.0 + milliseconds)
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
