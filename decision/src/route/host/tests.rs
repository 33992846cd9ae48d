use proptest::prelude::*;

use super::*;

fn table(patterns: &[&str]) -> HostTable {
    let mut table = HostTable::default();
    for (api, pattern) in patterns.iter().enumerate() {
        table.insert(HostPattern::parse(pattern).unwrap(), api).unwrap();
    }
    table
}

fn find(table: &HostTable, host: &str) -> Option<usize> {
    table.find(&Host::parse(host).unwrap())
}

#[test]
fn the_exact_host_comes_before_the_longest_wildcard_before_any() {
    let table = table(&["*", "*.example", "*.b.example", "a.b.example"]);
    for (host, api) in [
        ("a.b.example", 3),
        ("x.b.example", 2),
        ("x.y.b.example", 2),
        ("b.example", 1),
        ("x.y.z.example", 1),
        ("example", 0),
        ("xexample", 0),
        ("other", 0),
    ] {
        assert_eq!(find(&table, host), Some(api), "{host}");
    }
}

#[test]
fn a_host_that_no_pattern_takes_is_nobodys() {
    assert_eq!(find(&table(&["a.example", "*.b.example"]), "b.example"), None);
}

#[test]
fn hosts_are_compared_without_port_case_and_final_dot_on_both_sides() {
    let table = table(&["API.Example.", "*.Wild.example", "[0:0::1]", "10.0.0.1", "*"]);
    for (host, api) in [
        ("api.example", 0),
        ("API.Example", 0),
        ("api.example.", 0),
        ("api.example:8080", 0),
        ("api.example.:80", 0),
        ("api.example:", 0),
        ("A.WILD.EXAMPLE.:1", 1),
        ("[::1]", 2),
        ("[::1]:8080", 2),
        ("[0:0:0:0:0:0:0:1]:80", 2),
        ("[::0001]", 2),
        ("10.0.0.1:80", 3),
        ("[::2]", 4),
    ] {
        assert_eq!(find(&table, host), Some(api), "{host}");
    }
}

#[test]
fn what_is_no_authority_is_no_host() {
    let long = "a".repeat(256);
    for bad in [
        "",
        ".",
        "..",
        ":80",
        "user@example",
        "user:secret@example",
        "a b",
        "a/b",
        "a?b",
        "a#b",
        "a\\b",
        "a,b",
        "a%65",
        "é.example",
        "example:80a",
        "example:65536",
        "example:+80",
        "example:80:80",
        "a..b",
        ".example",
        "example..",
        "::1",
        "[::1",
        "[]",
        "[::1]80",
        "[::1]x",
        "[::1%25eth0]",
        "[v1.x]",
        "[example]",
        "\0",
        &long,
    ] {
        assert!(!host_is_valid(bad), "{bad:?}");
    }
    assert!(host_is_valid("a_b-c~1.example:65535"));
}

#[test]
fn a_pattern_that_could_never_be_met_is_refused_with_the_reason() {
    for (text, reason) in [
        ("example:80", "must have no port: hosts are compared without it"),
        ("[::1]:80", "must have no port: hosts are compared without it"),
        ("bücher.example", "must be written in its ASCII form, xn--…"),
        ("a.*.example", "must be a host name, an address, *.name or *"),
        ("*example", "must be a host name, an address, *.name or *"),
        ("*.", "must be a host name, an address, *.name or *"),
        ("", "must be a host name, an address, *.name or *"),
        ("https://example", "must be a host name, an address, *.name or *"),
        ("*.[::1]", "an address has no names below it"),
    ] {
        assert_eq!(HostPattern::parse(text), Err(reason), "{text}");
    }
}

#[test]
fn a_host_belongs_to_one_api() {
    let mut table = table(&["a.example", "*.example", "*"]);
    assert_eq!(table.insert(HostPattern::parse("A.example.").unwrap(), 7), Err(0));
    assert_eq!(table.insert(HostPattern::parse("*.example").unwrap(), 7), Err(1));
    assert_eq!(table.insert(HostPattern::Any, 7), Err(2));
    assert_eq!(find(&table, "a.example"), Some(0));
}

proptest! {
    #[test]
    fn no_authority_panics(authority in any::<String>()) {
        drop(Host::parse(&authority));
        drop(HostPattern::parse(&authority));
    }

    #[test]
    fn the_choice_equals_trying_every_pattern(
        patterns in prop::collection::btree_set(r"(\*\.)?[ab](\.[ab]){0,2}|\*", 1..8),
        host in r"[ab](\.[ab]){0,3}",
    ) {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let fits = |pattern: &str| match pattern.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix) && host.len() > suffix.len(),
            None => pattern == host,
        };
        let best = patterns
            .iter()
            .enumerate()
            .filter(|(_, pattern)| fits(pattern))
            .max_by_key(|(_, pattern)| (!pattern.starts_with('*'), pattern.len()));
        prop_assert_eq!(find(&table(&patterns), &host), best.map(|(api, _)| api));
    }
}
