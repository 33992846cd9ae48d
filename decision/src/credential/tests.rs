use super::*;
use crate::test_support::{Request, api, header, scheme};

mod emptying;

const BEARER_PLACE: usize = 0;
const API_KEY: usize = 1;
const COOKIE_PLACE: usize = 2;
const QUERY: usize = 3;
const ACCESS_TOKEN: usize = 4;

type Outcome = Result<Option<(String, usize, usize)>, Unreadable>;

/// Value, scheme and place.
fn read_by(api: &Api, accept: u64, request: &Request) -> Outcome {
    request.with_head(|head| {
        let candidate = read(api, accept, head)?;
        Ok(candidate.map(|found| {
            (String::from_utf8(found.value.into_owned()).unwrap(), found.scheme, found.place)
        }))
    })
}

fn read_from(request: &Request) -> Outcome {
    read_by(&api("a", Vec::new()), u64::MAX, request)
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what was read")]
fn found(value: &str, scheme: usize, place: usize) -> Outcome {
    Ok(Some((value.to_owned(), scheme, place)))
}

fn get() -> Request {
    Request::get("/")
}

// --- places ----------------------------------------------------------------------------------------------------------

#[test]
fn bearer_is_a_word_of_any_case_then_spaces_then_exactly_one_token() {
    for value in ["Bearer ak_1", "bearer ak_1", "BEARER  ak_1", "bEaReR    ak_1"] {
        assert_eq!(
            read_from(&get().field("Authorization", value)),
            found("ak_1", 0, BEARER_PLACE),
            "{value}"
        );
    }
    for value in [
        "Bearer\tak_1",
        "Bearer ak_1 ak_2",
        "Bearer ak_1, Bearer ak_1",
        "Bearer,ak_1",
        "Bearer=ak_1",
        "Bearer ak_é",
    ] {
        assert!(
            matches!(
                read_from(&get().field("Authorization", value)),
                Err(Unreadable::Malformed(_))
            ),
            "{value}"
        );
    }
    for value in ["Bearer", "bearer", "Bearer  "] {
        assert_eq!(
            read_from(&get().field("Authorization", value)),
            Err(Unreadable::BearerAlone),
            "{value}"
        );
    }
}

#[test]
fn an_authorization_of_another_kind_is_no_value() {
    for value in ["Basic dTpw", "ak_1", "Bearerak_1", "Bearer-ak_1 x", "Token ak_1", "", "B"] {
        assert_eq!(read_from(&get().field("Authorization", value)), Ok(None), "{value}");
    }
}

#[test]
fn a_header_is_its_whole_value_and_an_empty_one_is_none() {
    assert_eq!(read_from(&get().field("X-Api-KEY", "ak_1")), found("ak_1", 0, API_KEY));
    assert_eq!(read_from(&get().field("x-api-key", "")), Ok(None));
    assert!(matches!(
        read_from(&get().field("x-api-key", "Bearer ak_1")),
        Err(Unreadable::Malformed(_))
    ));
}

#[test]
fn a_cookie_is_found_over_all_lines_and_quotes_are_part_of_its_value() {
    for line in [
        "sid=ak_1",
        "a=1; sid=ak_1; b=2",
        "a=1;sid=ak_1",
        "a=1; sid =\tak_1 ;",
        "sid=; sid=ak_1",
        "sid; sid=ak_1",
    ] {
        assert_eq!(
            read_from(&get().field("Cookie", line)),
            found("ak_1", 0, COOKIE_PLACE),
            "{line}"
        );
    }
    assert_eq!(
        read_from(&get().field("cookie", "a=1").field("COOKIE", "sid=ak_1")),
        found("ak_1", 0, COOKIE_PLACE)
    );
    assert_eq!(read_from(&get().field("cookie", "sid=ak_1=2")), found("ak_1=2", 0, COOKIE_PLACE));
    assert_eq!(read_from(&get().field("cookie", "SID=ak_1; xsid=ak_2; sid")), Ok(None));
    assert_eq!(read_from(&get().field("cookie", "sid=\"ak_1\"")), Err(Unreadable::Untaken));
}

#[test]
fn the_last_of_sixty_cookies_is_found() {
    let line = format!("{}sid=ak_1", format!("a={}; ", "x".repeat(200)).repeat(60));
    assert_eq!(read_from(&get().field("cookie", line)), found("ak_1", 0, COOKIE_PLACE));
}

#[test]
fn a_query_parameter_is_percent_decoded_and_a_plus_is_a_plus() {
    for (query, value) in [
        ("api_key=ak_1", "ak_1"),
        ("a=1&api_key=ak%5F1&b", "ak_1"),
        ("api%5Fkey=ak_1", "ak_1"),
        ("api_key=ak_%2B%2f+", "ak_+/+"),
        ("api_key=ak_a=b", "ak_a=b"),
        ("100%&%zz=1&api_key=ak_1", "ak_1"),
        ("api_key=&api_key=ak_1", "ak_1"),
    ] {
        assert_eq!(
            read_from(&Request::get(&format!("/?{query}"))),
            found(value, 0, QUERY),
            "{query}"
        );
    }
    for query in [
        "",
        "api_key",
        "api_key=",
        "API_KEY=ak_1",
        "x=api_key=ak_1",
        "a;api_key=ak_1",
        "api_key%=ak_1",
    ] {
        assert_eq!(read_from(&Request::get(&format!("/?{query}"))), Ok(None), "{query}");
    }
    for query in [
        "api_key=ak_%",
        "api_key=ak_%4",
        "api_key=ak_%zz",
        "api_key=ak_%20",
        "api_key=ak_%00",
        "api_key=ak_é",
    ] {
        assert!(
            matches!(
                read_from(&Request::get(&format!("/?{query}"))),
                Err(Unreadable::Malformed(_))
            ),
            "{query}"
        );
    }
}

#[test]
fn a_value_is_at_most_8_kib() {
    let value = |length: usize| format!("ak_{}", "x".repeat(length - 3));
    assert!(matches!(read_from(&get().field("x-api-key", value(8192))), Ok(Some(_))));
    assert!(matches!(
        read_from(&get().field("x-api-key", value(8193))),
        Err(Unreadable::Malformed(_))
    ));
}

// --- whose it is -----------------------------------------------------------------------------------------------------

fn with_schemes(schemes: &[(&str, Option<&str>, &[usize])]) -> Api {
    let schemes = schemes.iter().map(|(name, prefix, from)| scheme(name, *prefix, from)).collect();
    Api { schemes, ..api("a", Vec::new()) }
}

#[test]
fn a_value_belongs_to_the_longest_prefix_that_names_its_place_else_to_the_first_catch_all() {
    let api = with_schemes(&[
        ("any", None, &[API_KEY, BEARER_PLACE]),
        ("ak", Some("ak_"), &[API_KEY]),
        ("live", Some("ak_live_"), &[API_KEY]),
        ("other", None, &[API_KEY, ACCESS_TOKEN]),
    ]);
    for (name, value, scheme, place) in [
        ("x-api-key", "ak_live_1", 2, API_KEY),
        ("x-api-key", "ak_liv", 1, API_KEY),
        ("x-api-key", "zzz", 0, API_KEY),
        ("x-access-token", "ak_live_1", 3, ACCESS_TOKEN),
    ] {
        assert_eq!(read_by(&api, u64::MAX, &get().field(name, value)), found(value, scheme, place));
    }
    let bearer = get().field("authorization", "Bearer ak_live_1");
    assert_eq!(read_by(&api, u64::MAX, &bearer), found("ak_live_1", 0, BEARER_PLACE));
}

#[test]
fn a_value_that_no_scheme_takes_is_ignored_only_where_a_credential_is_found_in_another_place() {
    let untaken = get().field("authorization", "Bearer zzz");
    assert_eq!(read_from(&untaken), Err(Unreadable::Untaken));
    assert_eq!(read_from(&untaken.clone().field("x-api-key", "ak_1")), found("ak_1", 0, API_KEY));
    let same_place = untaken.field("authorization", "Bearer ak_1");
    assert!(matches!(read_from(&same_place), Err(Unreadable::Ambiguous(_))));
}

#[test]
fn different_values_in_one_place_are_ambiguous_and_equal_ones_are_one() {
    for ambiguous in [Ambiguous::Refuse, Ambiguous::First] {
        let api = Api { ambiguous, ..api("a", Vec::new()) };
        for request in [
            get().field("x-api-key", "ak_1").field("x-api-key", "ak_2"),
            get().field("x-api-key", "zz1").field("x-api-key", "zz2"),
            get().field("cookie", "sid=ak_1; sid=ak_2"),
            get().field("cookie", "sid=ak_1").field("cookie", "sid=ak_2"),
            Request::get("/?api_key=ak_1&api_key=ak_2"),
            get().field("authorization", "Bearer ak_1").field("authorization", "Bearer ak_2"),
        ] {
            assert!(
                matches!(read_by(&api, u64::MAX, &request), Err(Unreadable::Ambiguous(_))),
                "{request:?}"
            );
        }
    }
    let twice = get().field("cookie", "sid=ak_1; sid=ak_1").field("cookie", "sid=ak_1");
    assert_eq!(read_from(&twice), found("ak_1", 0, COOKIE_PLACE));
    let spelled = Request::get("/?api_key=ak_1&api_key=ak%5f1");
    assert_eq!(read_from(&spelled), found("ak_1", 0, QUERY));
}

#[test]
fn equal_values_in_different_places_are_one_credential_of_the_first_scheme_and_its_first_place() {
    let api =
        with_schemes(&[("one", None, &[ACCESS_TOKEN, API_KEY]), ("two", None, &[BEARER_PLACE])]);
    let both = get().field("authorization", "Bearer k").field("x-api-key", "k");
    assert_eq!(read_by(&api, u64::MAX, &both), found("k", 0, API_KEY));
    assert_eq!(
        read_by(&api, u64::MAX, &both.field("x-access-token", "k")),
        found("k", 0, ACCESS_TOKEN)
    );
}

#[test]
fn different_credentials_in_different_places_are_refused_or_the_first_that_the_route_accepts() {
    let request = get()
        .field("authorization", "Bearer k1")
        .field("x-api-key", "k2")
        .field("x-access-token", "k2");
    let schemes: [(&str, Option<&str>, &[usize]); 3] = [
        ("one", None, &[API_KEY]),
        ("two", None, &[BEARER_PLACE]),
        ("three", None, &[ACCESS_TOKEN]),
    ];
    let refuse = with_schemes(&schemes);
    assert!(matches!(read_by(&refuse, u64::MAX, &request), Err(Unreadable::Ambiguous(_))));
    let first = Api { ambiguous: Ambiguous::First, ..with_schemes(&schemes) };
    assert_eq!(read_by(&first, u64::MAX, &request), found("k2", 0, API_KEY));
    assert_eq!(read_by(&first, 0b010, &request), found("k1", 1, BEARER_PLACE));
    // The value of the third place is that of the first scheme, so the third scheme has none.
    assert_eq!(read_by(&first, 0b100, &request), found("k2", 0, API_KEY));
    assert_eq!(read_by(&first, 0, &request), found("k2", 0, API_KEY));
}

#[test]
fn what_is_malformed_in_any_place_comes_before_what_is_ambiguous_or_good_in_another() {
    let bad = get().field("x-api-key", "ak_1").field("x-access-token", "a b");
    assert!(matches!(read_from(&bad), Err(Unreadable::Malformed(_))));
    let bad = bad.field("x-api-key", "ak_2");
    assert!(matches!(read_from(&bad), Err(Unreadable::Malformed(_))));
}

#[test]
fn a_candidate_shows_nothing_of_its_value() {
    get().field("x-api-key", "ak_secret").with_head(|head| {
        let shown = format!("{:?} {head:?}", read(&api("a", Vec::new()), u64::MAX, head));
        assert!(!shown.contains("secret"), "{shown}");
    });
}
