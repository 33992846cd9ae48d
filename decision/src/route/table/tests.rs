use proptest::prelude::*;

use super::*;
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
    match table.find(path, method) {
        Found::Route(route) => Ok(&route.path),
        Found::MethodNotAllowed(allow) => Err(allow.to_str().unwrap()),
        Found::Unknown => Err("unknown"),
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
    let position = |path| match table.find(path, "HEAD") {
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
