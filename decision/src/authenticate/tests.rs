use super::*;
use crate::secret::Digest;
use crate::test_support::{api, peppers, route};

const SECRET: &str = "ak_0000000000000000000000000000000000000000000";

fn candidate(value: &str, scheme: usize) -> Candidate<'_> {
    Candidate { value: value.as_bytes().into(), scheme, place: 0 }
}

fn recognised(
    api: &Api,
    accept: u64,
    value: &str,
    scheme: usize,
) -> Result<(FactKey, Digest), Outcome> {
    let route = Route { accept, ..route("/") };
    let presented = recognise(api, &route, &candidate(value, scheme), &peppers());
    presented
        .map(|presented| (presented.key, presented.digests.current))
        .map_err(|refused| refused.outcome)
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
fn what_is_looked_up_is_the_keyed_digest_in_this_api() {
    let wanted = |api: &Api| recognised(api, u64::MAX, "ak_1", 0).unwrap();
    let ((a, digest), (b, same)) = (wanted(&api("a", Vec::new())), wanted(&api("b", Vec::new())));
    assert_eq!(digest, peppers().current.digest(b"ak_1"));
    assert_eq!(digest, same);
    assert_ne!(a, b);
}
