//! What holds for all inputs.

use proptest::prelude::*;

use super::*;

const SECRET: &str = "ak_topsecret";

/// Requests of honest and forged fields around one secret in any place, on any route.
fn requests() -> impl Strategy<Value = Request> {
    let path = prop::sample::select(vec![
        "/v1/x",
        "/optional/x",
        "/public/x",
        "/forward/x",
        "/sessions",
        "/none",
        "/v1/%7Ex/",
        "/v1/../x",
    ]);
    let query = prop::sample::select(vec![
        "",
        "?",
        "?a=1",
        "?api_key=ak_topsecret",
        "?a=%&api%5Fkey=ak%5Ftopsecret&b",
    ]);
    let name = prop::sample::select(vec![
        "x-org-id",
        "X-Subject-Id",
        "X-CREDENTIAL-ID",
        "x_org_id",
        "x-credential-scheme",
        "x-resource-id",
        "x-level",
        "x-grants",
        "x-scopes",
        "X-Request-Id",
        "x-other-tenant",
        "x-forwarded-for",
        "Forwarded",
        "x-real-ip",
        "x-original-url",
        "accept",
    ]);
    let place = prop::sample::select(vec![
        ("Authorization", "Bearer ak_topsecret"),
        ("authorization", "bearer  ak_topsecret"),
        ("authorization", "Basic dTpw"),
        ("X-Api-Key", SECRET),
        ("x-api-key", ""),
        ("cookie", "sid=ak_topsecret"),
        ("Cookie", "a=1; sid=ak_topsecret; b=2"),
        ("x-access-token", "zz"),
    ]);
    let field = prop_oneof![
        name.prop_map(|name| (name.to_owned(), "forged".to_owned())),
        place.prop_map(|(name, value)| (name.to_owned(), value.to_owned())),
    ];
    let host = prop::sample::select(vec!["api.example", "API.example.:80", "other.example", "a b"]);
    (path, query, host, prop::collection::vec(field, 0..8), any::<bool>()).prop_map(
        |(path, query, host, fields, trusted)| {
            let request =
                Request { host: host.to_owned(), ..Request::get(&format!("{path}{query}")) };
            let request = if trusted { request.trusting("192.0.2.0/24") } else { request };
            fields.iter().fold(request, |request, (name, value)| request.field(name, value))
        },
    )
}

#[derive(Clone, Copy, Debug)]
enum Knowledge {
    Active,
    Expired,
    Revoked,
    OtherScheme,
    Unknown,
    Unavailable,
    NotAsked,
}

fn lookup(known: Knowledge) -> Option<Lookup> {
    let mut record = credential("a", "ak");
    match known {
        Knowledge::Active => record.expires_at = Some(Timestamp(NOW.0 + 1)),
        Knowledge::Expired => record.expires_at = Some(NOW),
        Knowledge::Revoked => record.revoked_at = Some(Timestamp(NOW.0 + 1000)),
        Knowledge::OtherScheme => record.scheme = "any".to_owned(),
        Knowledge::Unknown => return Some(Lookup::Unknown),
        Knowledge::Unavailable => return Some(Lookup::Unavailable),
        Knowledge::NotAsked => return None,
    }
    Some(Lookup::Found(Arc::new(Fact::new(record))))
}

fn knowledge() -> impl Strategy<Value = Knowledge> {
    use Knowledge::*;
    prop::sample::select(vec![
        Active,
        Expired,
        Revoked,
        OtherScheme,
        Unknown,
        Unavailable,
        NotAsked,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn only_an_active_credential_or_none_at_all_where_none_is_needed_leads_to_a_permit(request in requests(), known in knowledge()) {
        let snapshot = ordinary();
        if let Ok(question) = request.with_head(|head| ask(&snapshot, &peppers(), head)) {
            let (presented, auth) = (question.presented.clone(), question.route().auth);
            match answer(&question, &Records::of(lookup(known))) {
                Ended::Permitted(permit) if permit.principal().is_some() => {
                    // `zz` belongs to the scheme that the record of the other scheme names.
                    let zz = presented.as_ref().is_some_and(|presented| presented.digests.current == peppers().current.digest(b"zz"));
                    prop_assert!(matches!(known, Knowledge::Active) && !zz || matches!(known, Knowledge::OtherScheme) && zz);
                }
                Ended::Permitted(_) => prop_assert!(presented.is_none() && auth != Auth::Required),
                Ended::Wants(_) => prop_assert!(presented.is_some() && matches!(known, Knowledge::NotAsked)),
                Ended::Refused(refused) => {
                    prop_assert!(presented.is_some());
                    if matches!(known, Knowledge::Unavailable) {
                        prop_assert_eq!(refused.outcome, Outcome::StoreUnavailable);
                    } else {
                        prop_assert_eq!(refused.outcome.status(), 401);
                    }
                }
            }
        }
    }

    #[test]
    fn the_upstream_gets_each_identity_name_once_with_our_value_or_not_and_never_the_credential(request in requests()) {
        let snapshot = ordinary();
        let Became::Sent(sent) = decide(&snapshot, &request, lookup(Knowledge::Active)) else { return Ok(()) };
        let names = snapshot.apis.iter().flat_map(|api| &api.identity.headers);
        for (name, _) in names {
            for alias in [name.as_str().to_owned(), name.as_str().replace('-', "_")] {
                let values = sent.values(&alias);
                prop_assert!(values.len() <= 1 && !values.contains(&"forged"), "{}: {:?}", alias, values);
            }
        }
        prop_assert_eq!(sent.values("x-request-id"), ["req_ours"]);
        prop_assert_eq!(sent.values("x-forwarded-for").len(), 1);
        let whole = format!("{} {:?}", sent.target.replace("%5F", "_"), sent.fields.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect::<Vec<_>>());
        let open = sent.target.starts_with("/public") || sent.target.starts_with("/forward") || sent.host == "other.example";
        prop_assert!(open || !whole.contains(SECRET), "{}", whole);
        prop_assert!(open || sent.values("authorization").is_empty());
    }

    #[test]
    fn without_a_rewrite_the_path_that_is_sent_is_the_normalised_one_byte_for_byte(request in requests()) {
        let Became::Sent(sent) = decide(&ordinary(), &request, lookup(Knowledge::Active)) else { return Ok(()) };
        let path = |target: &str| target.split('?').next().unwrap().to_owned();
        prop_assert_eq!(path(&sent.target), normalise(&path(&request.target)).unwrap().into_owned());
    }

    #[test]
    fn nothing_that_can_be_shown_of_a_decision_holds_the_secret(request in requests(), known in knowledge()) {
        let snapshot = ordinary();
        let head = request.with_head(|head| format!("{head:?}"));
        let refused = |refused: &Refused<'_>| {
            let answer = crate::dialect::render(refused, "req_ours", None);
            format!("{refused:?} {answer:?} {}", refused.why)
        };
        let decision = match request.with_head(|head| ask(&snapshot, &peppers(), head)) {
            Err(error) => refused(&error),
            Ok(question) => {
                let ended = answer(&question, &Records::of(lookup(known)));
                let told = if let Ended::Refused(error) = &ended { refused(error) } else { String::new() };
                format!("{question:?} {ended:?} {told}")
            }
        };
        let shown = format!("{head} {decision}");
        prop_assert!(!shown.contains("topsecret"), "{}", shown);
    }
}
