//! Equal ids in two realms are different things; a credential is good in its api alone.

use super::*;

/// An api of the realm, whose route names the resource in its path.
fn in_realm(name: &str, realm: &str) -> Api {
    let mut route = route("/v1/{org}/{board}/**");
    route.requirement.resource = Some(from_path(UnknownResource::Refuse));
    Api {
        realm: Arc::from(realm),
        realm_mask: crate::facts::realm_mask(realm),
        ..api(name, vec![route])
    }
}

fn outcome_in(api: Api, mut records: Records) -> Outcome {
    records.credential = Some(Lookup::Found(fact(&api.name, "ak")));
    let snapshot = snapshot(vec![(&["*"], api)]);
    let request = with_key("/v1/org_1/board_1");
    let question = request.with_head(|head| ask(&snapshot, &peppers(), head)).unwrap();
    match answer(&question, &records) {
        Ended::Permitted(_) => Outcome::Forwarded,
        Ended::Refused(refused) => refused.outcome,
        Ended::Wants(wanted) => panic!("{wanted:?}"),
    }
}

fn suspended() -> Subject {
    Subject { state: SubjectState::Suspended, ..subject("user_1") }
}

#[test]
fn apis_of_one_realm_share_subjects_and_resources() {
    let records = || {
        Records::of(None)
            .resource("shared", resource("org_1", None))
            .resource("shared", resource("board_1", Some("org_1")))
    };
    for name in ["a", "b"] {
        assert_eq!(outcome_in(in_realm(name, "shared"), records()), Outcome::Forwarded);
        let records = records().subject("shared", suspended());
        assert_eq!(outcome_in(in_realm(name, "shared"), records), Outcome::SubjectSuspended);
    }
}

#[test]
fn no_record_of_another_realm_is_seen() {
    let other = |realm: &str| {
        let mut archived = resource("org_1", None);
        archived.state = ResourceState::Archived;
        Records::of(None)
            .resource(realm, resource("board_1", Some("org_1")))
            .resource(realm, archived)
            .subject(realm, suspended())
    };
    assert_eq!(outcome_in(in_realm("a", "a"), other("b")), Outcome::ResourceUnknown);
    let both = other("b")
        .resource("a", resource("org_1", None))
        .resource("a", resource("board_1", Some("org_1")));
    assert_eq!(outcome_in(in_realm("a", "a"), both), Outcome::Forwarded);
    assert_eq!(outcome_in(in_realm("a", "b"), other("b")), Outcome::SubjectSuspended);
}

/// A cached fact outlives a reload, and its keys are remembered.
#[test]
fn an_api_that_moves_to_another_realm_asks_for_the_records_of_that_one() {
    let fact = fact("a", "ak");
    let (a, b) = (crate::facts::realm_mask("a"), crate::facts::realm_mask("b"));
    for (realm, other) in [(a, b), (b, a), (a, b)] {
        assert_eq!(fact.subject_key(&realm), FactKey::subject(&realm, &id("user_1")));
        assert_eq!(fact.org_key(&realm), Some(FactKey::resource(&realm, &id("org_1"))));
        assert_ne!(fact.subject_key(&realm), fact.subject_key(&other));
    }
}
