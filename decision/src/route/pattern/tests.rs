use proptest::prelude::*;

use super::*;

#[test]
fn patterns_are_equal_up_to_the_names_of_their_parameters() {
    let parse = |text| Pattern::parse(text).unwrap();
    assert_eq!(parse("/a/{x}/**"), parse("/a/{board}/**"));
    assert_eq!(parse("/%61"), parse("/a"));
    assert_ne!(parse("/a"), parse("/a/"));
    assert_ne!(parse("/a/**"), parse("/a/{x}"));
}

#[test]
fn the_literal_prefix_is_the_leading_literals_as_they_stand_in_a_normalised_path() {
    for (text, prefix) in [
        ("/a/b/{x}/c", "/a/b"),
        ("/a/**", "/a"),
        ("/**", ""),
        ("/{x}/a", ""),
        ("/", ""),
        ("/a/", "/a"),
        ("/caf%c3%a9/%61", "/caf%C3%A9/a"),
    ] {
        assert_eq!(Pattern::parse(text).unwrap().literal_prefix(), prefix);
    }
}

#[test]
fn a_path_that_means_nothing_is_refused_with_the_reason() {
    for (text, reason) in [
        ("", "must start with '/'"),
        ("a", "must start with '/'"),
        ("/**/a", "'**' must be the last segment"),
        ("/**/", "'**' must be the last segment"),
        ("/a**", "'**' must be the last segment, and a literal '*' is written %2A"),
        ("/*", "'**' must be the last segment, and a literal '*' is written %2A"),
        ("/{}", "a parameter's name must be letters, digits and '_', not starting with a digit"),
        ("/{1}", "a parameter's name must be letters, digits and '_', not starting with a digit"),
        ("/{x}/{x}", "a parameter's name must be used once"),
        ("/{x}.json", "a parameter must be a whole segment"),
        ("/a{x}", "a parameter must be a whole segment"),
        ("//", "must have no empty segment"),
        ("/a//b", "must have no empty segment"),
        ("/a/../b", "the path has a dot segment"),
        ("/a%2Fb", "the path has an encoded slash"),
        ("/é", "the path has a byte that must be percent-encoded"),
        (&"/a".repeat(65), "must have at most 64 segments"),
    ] {
        assert_eq!(Pattern::parse(text), Err(reason), "{text}");
    }
    assert!(Pattern::parse("/%2A").is_ok());
}

#[test]
fn methods_are_written_in_capitals_and_at_least_one_is_named() {
    assert_eq!(Methods::named(["get"]), Err("a method must be written in capitals"));
    assert_eq!(Methods::named([""]), Err("a method must be written in capitals"));
    assert_eq!(Methods::named(["CONNECT"]), Err("CONNECT cannot be forwarded"));
    assert_eq!(Methods::named([] as [&str; 0]), Err("must name at least one method"));
    assert_eq!(Methods::named(["GET", "GET"]), Methods::named(["GET"]));
}

#[test]
fn a_head_that_follows_from_get_takes_nothing_from_a_route_that_names_head() {
    let methods = |names: &[&str]| Methods::named(names).unwrap();
    assert!(methods(&["GET"]).disjoint(&methods(&["HEAD", "POST"])));
    assert!(!methods(&["GET"]).disjoint(&methods(&["POST", "GET"])));
    assert!(!methods(&["GET"]).disjoint(&Methods::ALL));
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        drop(Pattern::parse(&text));
        drop(Methods::named([&text]));
    }
}

#[test]
fn a_parameter_is_the_segment_that_it_stands_for() {
    let found: Vec<_> = parameters("/v1/{org}/x{y}/{board}/**").collect();
    assert_eq!(found, [("org", 1), ("board", 3)]);
}
