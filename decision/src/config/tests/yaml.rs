//! From text to a tree, and what one part of it cannot say of another.

use super::{APP, api, refused, table, top};

#[test]
fn text_that_is_no_yaml_of_ours_is_refused_at_its_place() {
    table(
        refused,
        &[
            ("", &["1:1: the file is empty"]),
            ("# nothing\n", &["1:1: the file is empty"]),
            ("a", &["1:1: expected a mapping, found `a`"]),
            ("- a", &["1:1: expected a mapping, found a list"]),
            ("a: b: c", &["1:5: invalid YAML: mapping values are not allowed in this context"]),
            ("apis: [\n", &["1:7: invalid YAML: unclosed bracket '['"]),
            ("a: 1\n---\nb: 2\n", &["2:1: a second YAML document; expected one"]),
            ("%YAML 1.2\n---\na: 1\n", &["1:1: invalid YAML: YAML directives are disallowed"]),
            (
                "apis: \"\\q\"",
                &[
                    "1:7: invalid YAML: while parsing a quoted scalar, found unknown escape character",
                ],
            ),
        ],
    );
    let deep = format!("apis: {}", "[".repeat(100));
    assert_eq!(refused(&deep).len(), 1);
    let long = format!("# {}", "x".repeat(4 << 20));
    assert_eq!(refused(&long), ["1:1: the file is larger than 4 MiB"]);
}

#[test]
fn what_yaml_has_beyond_values_is_refused() {
    table(
        top,
        &[
            (
                "server: &s { threads: 1 }",
                &["1:12: server: anchors are not supported; write the value out"],
            ),
            (
                "server: { threads: &n 1, drain: { delay: *n } }",
                &[
                    "1:23: server.threads: anchors are not supported; write the value out",
                    "1:42: server.drain.delay: aliases are not supported; write the value out",
                ],
            ),
            (
                "server: { <<: *base }",
                &[
                    "1:11: server[\"<<\"]: unknown key `<<`",
                    "1:15: server[\"<<\"]: aliases are not supported; write the value out",
                ],
            ),
            ("server: { threads: !!int 1 }", &["1:20: server.threads: tags are not supported"]),
            ("server: { [a]: 1 }", &["1:11: server: expected a key of text"]),
            (
                "server: { threads: 1,\n  threads: 2 }",
                &["2:3: server.threads: the key `threads` is given twice, first at conf/x.yaml:1"],
            ),
        ],
    );
    let key = "k".repeat(300);
    assert_eq!(top(&format!("{key}: 1")), ["1:1: a key of more than 256 characters"]);
}

#[test]
fn what_could_not_be_read_is_not_missed_by_those_who_speak_of_it() {
    let apis = "apis:\n  - { name: a, upstream: app, listeners: [in], schemes: [{ name: k }] }\n";
    for (text, problem) in [
        ("server: 1", "1:9: server: expected a mapping, found `1`"),
        ("server: { listeners: 1 }", "1:22: server.listeners: expected a list, found `1`"),
        (
            "server: { listeners: [{ name: in, address: here }] }",
            "1:44: server.listeners[0].address: expected an address such as `0.0.0.0:8080`, `[::]:8080` or `localhost:8080`, found `here`",
        ),
        (
            "server: { listeners: [{ name: i n, address: 0.0.0.0:1 }] }",
            "1:31: server.listeners[0].name: expected a name of 1 to 128 letters, digits, `.`, `_` and `-`, found `i n`",
        ),
    ] {
        assert_eq!(refused(&format!("{text}\n{APP}{apis}")), [problem]);
    }
    let apis = "apis:\n  - { name: a, upstream: app, schemes: [{ name: k }] }\n";
    assert_eq!(
        refused(&format!("upstreams: []\n{apis}")),
        ["1:12: upstreams: expected a mapping, found a list"]
    );
}

#[test]
fn what_every_request_or_thread_pays_for_is_bounded() {
    let listeners: Vec<_> =
        (1..=65).map(|port| format!("{{ address: '0.0.0.0:{port}' }}")).collect();
    assert_eq!(
        top(&format!("server: {{ listeners: [{}] }}", listeners.join(", "))),
        ["1:22: server.listeners: the list has 65 items; 64 are the most"]
    );
    let places: Vec<_> = (0..17).map(|n| format!("cookie:c{n}")).collect();
    assert_eq!(
        api(&format!("schemes: [{{ name: k, from: [{}] }}]", places.join(", "))),
        ["5:15: apis[0].schemes[0].from: the list has 17 items; 16 are the most"]
    );
}
