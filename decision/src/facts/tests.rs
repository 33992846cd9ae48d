use std::hash::BuildHasher;
use std::hash::RandomState;

use super::*;
use crate::name::Id;
use crate::secret::Digest;
use crate::test_support::{credential, fact};

#[test]
fn equal_digests_of_two_apis_are_two_keys() {
    let digest = Digest([7; 32]);
    let key = |api| FactKey::new(&api_mask(api), &digest);
    assert_eq!(key("a"), key("a"));
    assert_ne!(key("a"), key("b"));
    assert_ne!(key("a"), FactKey::new(&api_mask("a"), &Digest([8; 32])));
    let state = RandomState::new();
    assert_eq!(state.hash_one(key("a")), state.hash_one(key("a")));
}

#[test]
fn a_key_and_a_digest_show_nothing() {
    assert_eq!(format!("{:?}", FactKey::new(&[0; 32], &Digest([1; 32]))), "FactKey(..)");
}

#[test]
fn a_credential_is_good_until_the_millisecond_it_expires_and_revoked_whatever_its_expiry() {
    let mut credential = credential("a", "ak");
    assert_eq!(credential.state(Timestamp(i64::MAX)), CredentialState::Active);
    credential.expires_at = Some(Timestamp(1000));
    assert_eq!(credential.state(Timestamp(999)), CredentialState::Active);
    assert_eq!(credential.state(Timestamp(1000)), CredentialState::Expired);
    credential.revoked_at = Some(Timestamp(5));
    assert_eq!(credential.state(Timestamp(0)), CredentialState::Revoked);
}

#[test]
fn a_disabled_credential_may_be_expired_too_and_a_revoked_one_was_perhaps_disabled() {
    let mut credential = credential("a", "ak");
    (credential.disabled, credential.expires_at) = (true, Some(Timestamp(1000)));
    assert_eq!(credential.state(Timestamp(1000)), CredentialState::Disabled);
    credential.revoked_at = Some(Timestamp(5));
    assert_eq!(credential.state(Timestamp(0)), CredentialState::Revoked);
}

#[test]
fn equal_ids_are_other_keys_in_another_realm_and_as_another_kind_of_record() {
    let id = Id::new("a_1").unwrap();
    let (here, there) = (realm_mask("a"), realm_mask("b"));
    assert_eq!(FactKey::subject(&here, &id), FactKey::subject(&here, &id));
    assert_ne!(FactKey::subject(&here, &id), FactKey::subject(&there, &id));
    assert_ne!(FactKey::subject(&here, &id), FactKey::resource(&here, &id));
    assert_ne!(FactKey::resource(&here, &id), FactKey::resource(&there, &id));
}

#[test]
fn identity_values_are_ready_to_be_sent() {
    let fact = fact("a", "ak");
    assert_eq!((fact.id.as_bytes(), fact.subject.as_bytes()), (&b"crd_1"[..], &b"user_1"[..]));
    assert_eq!(fact.org.as_ref().unwrap(), "org_1");
}
