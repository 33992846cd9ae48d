use proptest::prelude::*;

use super::*;
use crate::test_support::{NOW, api, credential, fact, pepper, route, scheme};

const SECRET: &str = "ak_0000000000000000000000000000000000000000000";

fn candidate(value: &str, scheme: usize) -> Candidate<'_> {
    Candidate { value: value.as_bytes().into(), scheme, place: 0 }
}

fn recognised(api: &Api, accept: u64, value: &str, scheme: usize) -> Result<Wanted, Outcome> {
    let route = Route { accept, ..route("/") };
    let presented = recognise(api, &route, &candidate(value, scheme), &pepper());
    presented.map(|presented| presented.wanted).map_err(|refused| refused.outcome)
}

#[test]
fn a_scheme_that_the_route_does_not_accept_is_refused_before_anything_else_is_said_of_the_value() {
    let mistyped = format!("{SECRET}000000");
    let api = api("a", Vec::new());
    assert_eq!(recognised(&api, 0b10, &mistyped, 0), Err(Outcome::SchemeNotAccepted));
    assert_eq!(recognised(&api, 0b01, &mistyped, 0), Err(Outcome::CredentialUnknown));
}

#[test]
fn a_value_of_the_minted_form_needs_its_checksum_where_the_scheme_has_a_prefix_and_checks_it() {
    let minted = crate::secret::mint("ak_", |bytes| bytes.fill(7));
    let minted = secrecy::ExposeSecret::expose_secret(&minted).to_owned();
    let mistyped = format!("{SECRET}000000");
    let checking = api("a", Vec::new());
    assert!(recognised(&checking, u64::MAX, &minted, 0).is_ok());
    assert_eq!(recognised(&checking, u64::MAX, &mistyped, 0), Err(Outcome::CredentialUnknown));
    assert!(recognised(&checking, u64::MAX, "ak_of_another_form", 0).is_ok());
    assert!(recognised(&checking, u64::MAX, &mistyped, 1).is_ok(), "a catch-all has no form");
    let mut trusting = api("a", Vec::new());
    trusting.schemes[0].issue.checksum = false;
    assert!(recognised(&trusting, u64::MAX, &mistyped, 0).is_ok());
}

#[test]
fn what_is_wanted_is_the_keyed_digest_in_this_api() {
    let wanted = |api: &Api| recognised(api, u64::MAX, "ak_1", 0).unwrap();
    let (a, b) = (wanted(&api("a", Vec::new())), wanted(&api("b", Vec::new())));
    assert_eq!(a.digest, pepper().digest(b"ak_1"));
    assert_eq!(a.digest, b.digest);
    assert_ne!(a.key, b.key);
}

fn judged(lookup: Option<Lookup>, now: Timestamp) -> Result<Option<String>, Outcome> {
    let api = api("a", Vec::new());
    let digest = Digest([0; 32]);
    let wanted = Wanted { key: FactKey::new(&api.mask, &digest), digest };
    let presented = Presented { scheme: &api.schemes[0], wanted };
    let authenticated =
        authenticate(&api, Some(presented), lookup, now).map_err(|refused| refused.outcome)?;
    Ok(authenticated.into_principal().map(|principal| principal.fact().credential.id.to_string()))
}

#[test]
fn an_active_credential_is_its_principal() {
    assert_eq!(judged(Some(Lookup::Found(fact("a", "ak"))), NOW), Ok(Some("crd_1".to_owned())));
}

#[test]
fn what_nobody_could_say_or_nobody_asked_is_never_a_no() {
    assert_eq!(judged(Some(Lookup::Unavailable), NOW), Err(Outcome::StoreUnavailable));
    assert_eq!(judged(None, NOW), Err(Outcome::StoreUnavailable));
    assert_eq!(judged(Some(Lookup::Unknown), NOW), Err(Outcome::CredentialUnknown));
}

#[test]
fn a_credential_registered_under_another_scheme_or_api_is_unknown() {
    for (api, scheme) in [("a", "any"), ("b", "ak")] {
        assert_eq!(
            judged(Some(Lookup::Found(fact(api, scheme))), NOW),
            Err(Outcome::CredentialUnknown)
        );
    }
}

#[test]
fn a_refusal_knows_whose_credential_it_was() {
    let mut revoked = credential("a", "ak");
    revoked.revoked_at = Some(NOW);
    let api = api("a", Vec::new());
    let scheme = scheme("ak", Some("ak_"), &[0]);
    let digest = Digest([0; 32]);
    let wanted = Wanted { key: FactKey::new(&api.mask, &digest), digest };
    let lookup = Lookup::Found(Arc::new(Fact::new(revoked)));
    let refused =
        authenticate(&api, Some(Presented { scheme: &scheme, wanted }), Some(lookup), NOW)
            .unwrap_err();
    assert_eq!(refused.outcome, Outcome::CredentialRevoked);
    assert_eq!(refused.fact.unwrap().credential.subject.as_str(), "user_1");
    assert!(refused.credential_sent && refused.scheme.is_some());
}

proptest! {
    #[test]
    fn only_a_found_credential_that_is_neither_revoked_nor_expired_now_is_a_principal(
        revoked_at in prop::option::of(any::<i64>()),
        expires_at in prop::option::of(any::<i64>()),
        now: i64,
    ) {
        let mut record = credential("a", "ak");
        record.revoked_at = revoked_at.map(Timestamp);
        record.expires_at = expires_at.map(Timestamp);
        let expected = match (revoked_at, expires_at) {
            (Some(_), _) => Err(Outcome::CredentialRevoked),
            (None, Some(at)) if at <= now => Err(Outcome::CredentialExpired),
            _ => Ok(Some("crd_1".to_owned())),
        };
        prop_assert_eq!(judged(Some(Lookup::Found(Arc::new(Fact::new(record)))), Timestamp(now)), expected);
    }
}
