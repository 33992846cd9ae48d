use super::*;

#[test]
fn a_credential_with_addresses_is_good_from_them_alone() {
    let from = |addresses: &[&str]| {
        let addresses = addresses.iter().map(|block| block.parse().unwrap()).collect();
        case().credential(|credential| credential.addresses = Some(addresses))
    };
    assert_eq!(from(&["198.51.100.0/24", "192.0.2.1/32"]).outcome(), Outcome::Forwarded);
    assert_eq!(from(&["198.51.100.0/24"]).outcome(), Outcome::AddressDenied);
    assert_eq!(from(&[]).outcome(), Outcome::AddressDenied);
    assert_eq!(case().outcome(), Outcome::Forwarded, "null restricts nothing");
    let behind_a_proxy = |case: Case| {
        case.request(|request| {
            request.trusting("192.0.2.0/24").field("x-forwarded-for", "203.0.113.9")
        })
    };
    assert_eq!(behind_a_proxy(from(&["192.0.2.1/32"])).outcome(), Outcome::AddressDenied);
    assert_eq!(behind_a_proxy(from(&["203.0.113.0/24"])).outcome(), Outcome::Forwarded);
}

#[test]
fn an_audience_is_good_on_the_routes_that_name_it_and_a_bound_scheme_needs_one_there() {
    let mcp = "https://calmboard.ai/mcp";
    for (credentials, routes, bound, outcome) in [
        (None, None, false, Outcome::Forwarded),
        (None, None, true, Outcome::Forwarded),
        (None, Some(mcp), false, Outcome::Forwarded),
        (None, Some(mcp), true, Outcome::AudienceMismatch),
        (Some(mcp), Some(mcp), true, Outcome::Forwarded),
        (Some("HTTPS://CalmBoard.ai:443/x/../%6Dcp"), Some(mcp), false, Outcome::Forwarded),
        (Some("https://calmboard.ai/mcp/"), Some(mcp), false, Outcome::AudienceMismatch),
        (Some("https://calmboard.ai"), Some(mcp), false, Outcome::AudienceMismatch),
        (Some(mcp), None, false, Outcome::AudienceMismatch),
    ] {
        let case = case()
            .asking(|requirement| requirement.audience = routes.map(str::to_owned))
            .credential(|credential| credential.audience = credentials.map(str::to_owned))
            .scheme(|scheme| scheme.bound = bound);
        assert_eq!(case.outcome(), outcome, "{credentials:?} on {routes:?}, bound: {bound}");
    }
}

#[test]
fn a_subject_that_is_suspended_or_inactive_is_out_on_every_route_and_an_absent_record_means_active()
{
    for auth in [Auth::Required, Auth::Optional] {
        for (state, outcome) in [
            (SubjectState::Active, Outcome::Forwarded),
            (SubjectState::Suspended, Outcome::SubjectSuspended),
            (SubjectState::Inactive, Outcome::SubjectInactive),
        ] {
            let mut case = case().subject(|subject| subject.state = state);
            case.route.auth = auth;
            assert_eq!(case.outcome(), outcome);
        }
    }
    assert_eq!(case().outcome(), Outcome::Forwarded);
}

#[test]
fn what_was_registered_under_another_scheme_or_api_is_unknown() {
    let scheme = case().credential(|credential| credential.scheme = "any".to_owned());
    assert_eq!(scheme.outcome(), Outcome::CredentialUnknown);
    let api = case().credential(|credential| credential.api = "b".to_owned());
    assert_eq!(api.outcome(), Outcome::CredentialUnknown);
}

#[test]
fn a_refusal_knows_whose_credential_it_was_at_every_stage_after_it_was_found() {
    for case in [
        case().credential(|credential| credential.revoked_at = Some(NOW)),
        case().subject(|subject| subject.state = SubjectState::Suspended),
        case().asking(|requirement| requirement.subject_admin = true),
    ] {
        let told = case.decided(|ended, _| match ended {
            Ended::Refused(refused) => {
                assert!(refused.credential_sent && refused.scheme.is_some());
                assert!(refused.api.is_some() && refused.route.is_some());
                refused.fact.unwrap().credential.subject.to_string()
            }
            ended => panic!("{ended:?}"),
        });
        assert_eq!(told, Ok("user_1".to_owned()));
    }
}

#[test]
fn only_a_credential_that_is_not_live_is_what_failures_rules_answer_for() {
    use crate::authenticate::is_not_live;
    let not_live: Vec<_> =
        Outcome::ALL.iter().filter(|outcome| is_not_live(**outcome)).map(|o| o.name()).collect();
    assert_eq!(
        not_live,
        ["credential_unknown", "credential_revoked", "credential_disabled", "credential_expired"]
    );
}
