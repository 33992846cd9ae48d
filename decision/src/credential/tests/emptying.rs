//! Emptying, and that it is the pair of reading.

use proptest::prelude::*;

use super::*;

/// What is left of the request.
fn emptied_by(api: &Api, keep: Option<usize>, request: &Request) -> Request {
    request.with_head(|head| {
        let mut edits = Edits::default();
        let query = empty(api, keep, head, &mut edits);
        let fields = head.fields.iter().enumerate().filter_map(|(position, field)| {
            Some((field.name.to_owned(), edits.value(position, field)?.to_vec()))
        });
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Request {
            fields: fields.collect(),
            target: format!("{}{query}", head.path),
            ..request.clone()
        }
    })
}

fn emptied_of(request: &Request) -> Request {
    emptied_by(&api("a", Vec::new()), None, request)
}

#[test]
fn every_place_that_was_read_is_emptied_and_other_kinds_of_authorization_too() {
    let request = get()
        .field("Authorization", "Basic dTpw")
        .field("Accept", "*/*")
        .field("X-Api-Key", "zzz")
        .field("x-api-key", "")
        .field("X-Access-Token", "a b");
    assert_eq!(emptied_of(&request).fields, [("Accept".to_owned(), b"*/*".to_vec())]);
}

#[test]
fn authorization_stays_where_bearer_is_no_place() {
    let api = Api { places: vec![header("x-api-key")], ..api("a", Vec::new()) };
    let request = get().field("authorization", "Basic dTpw").field("x-api-key", "k");
    assert_eq!(
        emptied_by(&api, None, &request).fields,
        [("authorization".to_owned(), b"Basic dTpw".to_vec())]
    );
}

#[test]
fn a_cookie_is_taken_out_of_its_line_and_an_empty_line_goes() {
    for (line, left) in [
        ("a=1; sid=ak_1; b=2", Some("a=1; b=2")),
        ("sid=ak_1; b=2", Some("b=2")),
        ("a=\"x y\"; sid=ak_1", Some("a=\"x y\"")),
        ("a=1;sid=ak_1;b;sid=;c=3", Some("a=1;b;c=3")),
        ("a=1; sid =x", Some("a=1")),
        ("sid=ak_1", None),
        ("sid=ak_1; sid=ak_2;", None),
        ("a=1;  b=2 ;", Some("a=1;  b=2 ;")),
        ("sid", Some("sid")),
        ("", Some("")),
    ] {
        let request = emptied_of(&get().field("Cookie", line));
        assert_eq!(request.values("cookie"), Vec::from_iter(left), "{line}");
    }
}

#[test]
fn a_parameter_is_taken_out_of_the_query_byte_for_byte() {
    for (query, left) in [
        ("?a=%7e&api_key=K&b=+", "?a=%7e&b=+"),
        ("?api_key=K", ""),
        ("?api%5Fkey=%zz&x", "?x"),
        ("?x&api_key&api_key=&api_key=K", "?x"),
        ("?&api_key=K&&y", "?&&y"),
        ("?a=1&&b=%zz", "?a=1&&b=%zz"),
        ("?", "?"),
        ("", ""),
    ] {
        assert_eq!(emptied_of(&Request::get(&format!("/{query}"))).target, format!("/{left}"));
    }
}

#[test]
fn a_credential_that_is_forwarded_keeps_its_place_alone() {
    let api = api("a", Vec::new());
    let request = Request::get("/?api_key=ak_1")
        .field("authorization", "Basic dTpw")
        .field("authorization", "Bearer ak_1")
        .field("cookie", "sid=ak_1; a=1");
    let left = emptied_by(&api, Some(BEARER_PLACE), &request);
    assert_eq!(left.values("authorization"), ["Bearer ak_1"]);
    assert_eq!((left.values("cookie"), left.target.as_str()), (vec!["a=1"], "/"));
    let left = emptied_by(&api, Some(COOKIE_PLACE), &request);
    assert_eq!(
        (left.values("authorization"), left.values("cookie")),
        (vec![], vec!["sid=ak_1; a=1"])
    );
    let left = emptied_by(&api, Some(QUERY), &request);
    assert_eq!((left.values("cookie"), left.target.as_str()), (vec!["a=1"], "/?api_key=ak_1"));
}

/// Requests of all that can sit in the places, and some that only looks so.
fn requests() -> impl Strategy<Value = Request> {
    let values = || {
        prop::sample::select(vec![
            "",
            "ak_1",
            "ak_2",
            "zz",
            "a b",
            "é",
            "\"ak_1\"",
            "ak_%31",
            "%",
            "=",
            "ak_1,ak_2",
        ])
    };
    let word =
        prop::sample::select(vec!["Bearer ", "bearer  ", "Bearer", "Bearer\t", "Basic ", ""]);
    let name = prop::sample::select(vec!["sid", "sid ", " sid", "SID", "a", "sid=", "\"sid\""]);
    let pair =
        (name, values(), "=?").prop_map(|(name, value, sign)| format!("{name}{sign}{value}"));
    let line = prop::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join(";"));
    let field = prop_oneof![
        (word, values())
            .prop_map(|(word, value)| ("Authorization".to_owned(), format!("{word}{value}"))),
        ("[xX]-[aA]pi-[kK]ey|x-access-token|accept", values())
            .prop_map(|(name, value)| (name, value.to_owned())),
        ("[cC]ookie", line),
    ];
    let name = prop::sample::select(vec![
        "api_key",
        "api%5fkey",
        "%61pi_key",
        "api%zzkey",
        "API_KEY",
        "a",
        "",
    ]);
    let parameter =
        (name, values(), "=?").prop_map(|(name, value, sign)| format!("{name}{sign}{value}"));
    let query = prop::option::of(
        prop::collection::vec(parameter, 0..5).prop_map(|all| format!("?{}", all.join("&"))),
    );
    (prop::collection::vec(field, 0..6), query).prop_map(|(fields, query)| {
        let request = Request::get(&format!("/{}", query.unwrap_or_default()));
        fields.iter().fold(request, |request, (name, value)| request.field(name, value))
    })
}

proptest! {
    #[test]
    fn nothing_is_read_from_what_was_emptied(request in requests()) {
        prop_assert_eq!(read_from(&emptied_of(&request)), Ok(None));
    }

    #[test]
    fn what_was_kept_is_read_again_and_nothing_else(request in requests()) {
        if let Ok(Some(found)) = read_from(&request) {
            let left = emptied_by(&api("a", Vec::new()), Some(found.2), &request);
            prop_assert_eq!(read_from(&left), Ok(Some(found)));
        }
    }

    #[test]
    fn emptying_twice_is_emptying_once_and_never_adds(request in requests()) {
        let once = emptied_of(&request);
        let twice = emptied_of(&once);
        prop_assert_eq!((&twice.target, &twice.fields), (&once.target, &once.fields));
        prop_assert!(once.fields.len() <= request.fields.len() && once.target.len() <= request.target.len());
    }

    #[test]
    fn no_value_panics(value in prop::collection::vec(any::<u8>(), 0..40), query in any::<String>()) {
        let fields = ["authorization", "cookie", "x-api-key"];
        let request = fields.iter().fold(Request::get(&format!("/?{query}")), |request, name| request.field(name, &value));
        drop(read_from(&request));
        prop_assert_eq!(read_from(&emptied_of(&request)), Ok(None));
    }
}
