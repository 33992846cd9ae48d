use proptest::prelude::*;

use http::{HeaderName, HeaderValue};

use super::*;
use crate::route::Match;
use crate::test_support::route;

fn table(routes: &[(&str, &[&str])]) -> RouteTable {
    let mut table = RouteTable::default();
    for (path, methods) in routes {
        let methods =
            if methods.is_empty() { Methods::ALL } else { Methods::named(*methods).unwrap() };
        table.insert(&Pattern::parse(path).unwrap(), methods, route(path)).unwrap();
    }
    table
}

/// The route's configured path; what is allowed instead; or nothing.
fn find<'t>(table: &'t RouteTable, path: &str, method: &str) -> Result<&'t str, &'t str> {
    match table.find(path).map(|junction| junction.choose(method, &[])) {
        Some(Found::Route(route)) => Ok(&route.path),
        Some(Found::MethodNotAllowed(allow)) => Err(allow.to_str().unwrap()),
        Some(Found::Unmatched) => Err("unmatched"),
        None => Err("unknown"),
    }
}

#[test]
fn a_literal_comes_before_a_parameter_before_the_rest_from_the_left() {
    let table = table(&[
        ("/**", &[]),
        ("/a/**", &[]),
        ("/a/{x}", &[]),
        ("/a/b", &[]),
        ("/{y}/b/c", &[]),
        ("/a/{x}/c/d", &[]),
    ]);
    for (path, route) in [
        ("/a/b", "/a/b"),
        ("/a/c", "/a/{x}"),
        ("/a/b/c", "/a/**"),
        ("/a/b/c/d", "/a/{x}/c/d"),
        ("/a", "/a/**"),
        ("/a/", "/a/**"),
        ("/x/b/c", "/{y}/b/c"),
        ("/x/b", "/**"),
        ("/", "/**"),
    ] {
        assert_eq!(find(&table, path, "GET"), Ok(route), "{path}");
    }
}

#[test]
fn the_slash_at_the_end_counts_and_the_rest_takes_both() {
    let exact = table(&[("/a", &[]), ("/b/", &[]), ("/c/**", &[])]);
    for (path, found) in [
        ("/a", Ok("/a")),
        ("/a/", Err("unknown")),
        ("/b", Err("unknown")),
        ("/b/", Ok("/b/")),
        ("/c", Ok("/c/**")),
        ("/c/", Ok("/c/**")),
        ("/c/x/y/", Ok("/c/**")),
        ("/", Err("unknown")),
    ] {
        assert_eq!(find(&exact, path, "GET"), found, "{path}");
    }
    let both = table(&[("/a/**", &[]), ("/a", &[]), ("/a/", &[])]);
    assert_eq!(find(&both, "/a", "GET"), Ok("/a"));
    assert_eq!(find(&both, "/a/", "GET"), Ok("/a/"));
}

#[test]
fn a_parameter_takes_one_segment_that_is_not_empty() {
    let table = table(&[("/a/{x}", &[]), ("/b/{x}/", &[])]);
    assert_eq!(find(&table, "/a/1", "GET"), Ok("/a/{x}"));
    assert_eq!(find(&table, "/a/", "GET"), Err("unknown"));
    assert_eq!(find(&table, "/a/1/2", "GET"), Err("unknown"));
    assert_eq!(find(&table, "/b/1/", "GET"), Ok("/b/{x}/"));
}

#[test]
fn the_best_path_decides_alone_whether_the_method_is_allowed() {
    let table = table(&[("/a/b", &["GET"]), ("/a/b", &["POST", "GE"]), ("/a/{x}", &[])]);
    assert_eq!(find(&table, "/a/b", "POST"), Ok("/a/b"));
    assert_eq!(find(&table, "/a/b", "DELETE"), Err("GET, HEAD, POST, GE"));
    assert_eq!(find(&table, "/a/b", "get"), Err("GET, HEAD, POST, GE"));
    assert_eq!(find(&table, "/a/c", "DELETE"), Ok("/a/{x}"));
}

#[test]
fn head_is_held_as_get_where_no_route_of_the_path_names_it() {
    let table = table(&[
        ("/a", &["POST"]),
        ("/a", &["GET"]),
        ("/b", &["HEAD"]),
        ("/b", &["GET"]),
        ("/c", &["POST"]),
    ]);
    let position = |path| match table.find(path)?.choose("HEAD", &[]) {
        Found::Route(route) => Some(route.index),
        _ => None,
    };
    assert_eq!(position("/a"), Some(1));
    assert_eq!(position("/b"), Some(2));
    assert_eq!(position("/c"), None);
    assert_eq!(find(&table, "/b", "PUT"), Err("HEAD, GET"));
}

#[test]
fn routes_of_equal_path_need_disjoint_methods() {
    let mut table = table(&[("/a/{x}", &["GET"]), ("/a/{x}", &["POST"])]);
    let mut insert =
        |path, methods| table.insert(&Pattern::parse(path).unwrap(), methods, route(path));
    assert_eq!(insert("/a/{y}", Methods::named(["PUT", "POST"]).unwrap()), Err(1));
    assert_eq!(insert("/a/{y}", Methods::ALL), Err(0));
    assert_eq!(insert("/a/{y}", Methods::named(["HEAD"]).unwrap()), Ok(2));
    assert_eq!(table.routes().len(), 3);
    assert!(table.routes().iter().enumerate().all(|(position, route)| route.index == position));
}

// --- match -----------------------------------------------------------------------------------------------------------

fn matching(text: &str) -> Match {
    Match::of(text.split_whitespace().map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    }))
}

/// Routes of `/a`: name, methods, match.
fn matched(routes: &[(&str, &[&str], &str)]) -> Result<RouteTable, usize> {
    let mut table = RouteTable::default();
    for (name, methods, fields) in routes {
        let methods =
            if methods.is_empty() { Methods::ALL } else { Methods::named(*methods).unwrap() };
        let route = Route { matching: matching(fields), ..route(name) };
        table.insert(&Pattern::parse("/a").unwrap(), methods, route)?;
    }
    Ok(table)
}

/// The name of the route for fields such as `x-a=1 x-b=2`.
fn with<'t>(table: &'t RouteTable, method: &str, fields: &str) -> Result<&'t str, &'t str> {
    let fields: Vec<_> = fields
        .split_whitespace()
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            Field { name, value: value.as_bytes() }
        })
        .collect();
    match table.find("/a").unwrap().choose(method, &fields) {
        Found::Route(route) => Ok(&route.name),
        Found::MethodNotAllowed(allow) => Err(allow.to_str().unwrap()),
        Found::Unmatched => Err("unmatched"),
    }
}

#[test]
fn among_equal_paths_and_methods_more_headers_win() {
    let routes: [(&str, &[&str], &str); 4] =
        [("none", &[], ""), ("b", &[], "x-b=1"), ("ab", &[], "x-a=1 x-b=1"), ("a", &[], "x-a=1")];
    for turn in 0..routes.len() {
        let mut turned = routes;
        turned.rotate_left(turn);
        let table = matched(&turned).unwrap();
        for (fields, name) in [
            ("", "none"),
            ("x-c=1", "none"),
            ("x-a=2 x-b=2", "none"),
            ("x-a=1", "a"),
            ("x-b=1", "b"),
            ("x-a=1 x-b=1", "ab"),
            ("x-a=1 x-b=2", "a"),
        ] {
            assert_eq!(with(&table, "GET", fields), Ok(name), "{fields}");
        }
    }
}

#[test]
fn between_as_many_headers_the_alphabet_decides_and_not_the_order() {
    let mut routes: [(&str, &[&str], &str); 2] = [("b", &[], "x-b=1"), ("a", &[], "x-a=1")];
    for _ in 0..2 {
        routes.reverse();
        assert_eq!(with(&matched(&routes).unwrap(), "GET", "x-b=1 x-a=1"), Ok("a"));
    }
}

#[test]
fn a_request_that_no_match_fits_has_no_route_and_one_of_another_method_is_not_allowed() {
    let table = matched(&[
        ("read", &["GET"], "x-a=1"),
        ("write", &["POST"], ""),
        ("write2", &["POST"], "x-a=1"),
    ])
    .unwrap();
    assert_eq!(with(&table, "GET", ""), Err("unmatched"));
    assert_eq!(with(&table, "HEAD", ""), Err("unmatched"));
    assert_eq!(with(&table, "HEAD", "x-a=1"), Ok("read"));
    assert_eq!(with(&table, "POST", "x-a=1"), Ok("write2"));
    assert_eq!(with(&table, "PUT", "x-a=1"), Err("GET, HEAD, POST"));
}

#[test]
fn head_is_held_as_get_where_no_route_that_fits_names_it() {
    let table = matched(&[("get", &["GET"], ""), ("head", &["HEAD"], "x-a=1")]).unwrap();
    assert_eq!(with(&table, "HEAD", ""), Ok("get"));
    assert_eq!(with(&table, "HEAD", "x-a=1"), Ok("head"));
    assert_eq!(with(&table, "GET", "x-a=1"), Ok("get"));
}

#[test]
fn routes_of_equal_path_and_method_need_a_different_match() {
    let refused = |routes: &[(&str, &[&str], &str)]| matched(routes).err();
    assert_eq!(refused(&[("a", &[], "x-a=1"), ("b", &[], "x-a=1")]), Some(0));
    assert_eq!(refused(&[("a", &["GET"], "x-a=1"), ("b", &[], "x-a=1")]), Some(0));
    assert_eq!(refused(&[("a", &["GET"], "x-a=1"), ("b", &["POST"], "x-a=1")]), None);
    assert_eq!(refused(&[("a", &[], "x-a=1"), ("b", &[], "x-a=2"), ("c", &[], "")]), None);
}

// --- the oracle ------------------------------------------------------------------------------------------------------

/// Whether `pattern` takes `path`, and how well: smaller is better. It knows patterns as text and nothing of the tree.
fn fit(pattern: &str, path: &str) -> Option<Vec<u8>> {
    let (mut asked, mut given) = (pattern.split('/').skip(1), path.split('/').skip(1));
    let mut fit = Vec::new();
    loop {
        match (asked.next(), given.next()) {
            (None, None) => return Some(fit),
            (Some("**"), _) => {
                fit.push(2);
                return Some(fit);
            }
            (Some(name), Some(segment)) if name.starts_with('{') && !segment.is_empty() => {
                fit.push(1);
            }
            (Some(literal), Some(segment)) if literal == segment => fit.push(0),
            _ => return None,
        }
    }
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    let pattern =
        r"(/(a|b|\{x\})){0,3}(/|/\*\*|/a)".prop_filter_map("a name is used once", |text| {
            let mut number = 0;
            let named: Vec<String> = text
                .split("{x}")
                .map(|part| {
                    number += 1;
                    format!("{part}{{x{number}}}")
                })
                .collect();
            let text = named.concat();
            let text = text.strip_suffix(&format!("{{x{number}}}"))?.to_owned();
            Pattern::parse(&text).is_ok().then_some(text)
        });
    prop::collection::vec(pattern, 1..10)
}

type Asked = Vec<(&'static str, u8)>;
/// Name, methods and match.
type Neighbour = (String, Vec<&'static str>, Asked);

/// Of routes that all have the path, the best: it knows nothing of the table's order.
fn oracle<'r>(routes: &'r [Neighbour], method: &str, fields: &[(&str, u8)]) -> Option<&'r str> {
    let takes = |methods: &[&str], method: &str| methods.is_empty() || methods.contains(&method);
    let fits = |asked: &[(&str, u8)]| {
        asked.iter().all(|(name, value)| {
            let of_name: Vec<_> = fields.iter().filter(|(sent, _)| sent == name).collect();
            of_name.len() == 1 && of_name[0].1 == *value
        })
    };
    let best = |method: &str| {
        let fitting =
            routes.iter().filter(|(_, methods, asked)| takes(methods, method) && fits(asked));
        fitting.min_by_key(|(_, _, asked)| (usize::MAX - asked.len(), asked.clone()))
    };
    let found = best(method).or_else(|| if method == "HEAD" { best("GET") } else { None });
    found.map(|(name, ..)| name.as_str())
}

/// Routes of one path, each with distinct methods and sorted fields.
fn neighbours() -> impl Strategy<Value = Vec<(Vec<&'static str>, Asked)>> {
    let methods = prop::sample::subsequence(vec!["GET", "HEAD", "POST"], 0..=3);
    let fields = prop::sample::subsequence(vec!["x-a", "x-b", "x-c"], 0..=3);
    let fields = fields.prop_flat_map(|names| {
        let values = prop::collection::vec(1..3_u8, names.len());
        values.prop_map(move |values| names.iter().copied().zip(values).collect())
    });
    prop::collection::vec((methods, fields), 1..8)
}

fn text(fields: &[(&str, u8)]) -> String {
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}

proptest! {
    #[test]
    fn the_choice_by_fields_equals_trying_every_route_and_does_not_depend_on_their_order(
        drawn in neighbours(),
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT"]),
        fields in prop::collection::vec((prop::sample::select(vec!["x-a", "x-b", "x-c"]), 1..3_u8), 0..5),
        turn in any::<prop::sample::Index>(),
    ) {
        // Those that may stand beside each other.
        let mut routes: Vec<Neighbour> = Vec::new();
        for (methods, asked) in drawn {
            let common = |known: &[&str]| known.is_empty() || methods.is_empty()
                || known.iter().any(|name| methods.contains(name));
            if !routes.iter().any(|(_, known, fields)| *fields == asked && common(known)) {
                routes.push((format!("r{}", routes.len()), methods, asked));
            }
        }
        let best = oracle(&routes, method, &fields).map(str::to_owned);
        let sent = text(&fields);
        for _ in 0..2 {
            let asked: Vec<_> = routes.iter().map(|(_, _, asked)| text(asked)).collect();
            let listed: Vec<(&str, &[&str], &str)> = routes.iter().zip(&asked)
                .map(|((name, methods, _), asked)| (name.as_str(), methods.as_slice(), asked.as_str()))
                .collect();
            let table = matched(&listed).unwrap();
            prop_assert_eq!(with(&table, method, &sent).ok(), best.as_deref());
            let by = turn.index(routes.len());
            routes.rotate_left(by);
            routes.reverse();
        }
    }
}

proptest! {
    #[test]
    fn the_choice_equals_trying_every_route_and_does_not_depend_on_their_order(
        patterns in patterns(),
        path in "(/[abc]){0,4}/?",
        turn in any::<prop::sample::Index>(),
    ) {
        let path = if path.starts_with('/') { path } else { "/".to_owned() };
        let mut unequal: Vec<&str> = Vec::new();
        for pattern in &patterns {
            if !unequal.iter().any(|known| Pattern::parse(known) == Pattern::parse(pattern)) {
                unequal.push(pattern);
            }
        }
        let best = unequal.iter().filter_map(|pattern| Some((fit(pattern, &path)?, *pattern))).min();
        for _ in 0..2 {
            let routes: Vec<(&str, &[&str])> = unequal.iter().map(|pattern| (*pattern, &[][..])).collect();
            let table = table(&routes);
            let found = find(&table, &path, "GET");
            prop_assert_eq!(found.ok(), best.as_ref().map(|(_, pattern)| *pattern));
            let by = turn.index(unequal.len());
            unequal.rotate_left(by);
            unequal.reverse();
        }
    }
}
