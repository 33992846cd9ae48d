use super::{APP, Environment, SEALING_KEY, api, file, lines, refused, table, top};
use crate::config::{check, load};

#[test]
fn a_key_that_nobody_knows_is_refused_with_the_one_that_was_meant() {
    table(
        top,
        &[
            ("servers: {}", &["1:1: servers: unknown key `servers`, did you mean `server`?"]),
            (
                "server: { lisener: 1 }",
                &["1:11: server.lisener: unknown key `lisener`, did you mean `listeners`?"],
            ),
            (
                "server: { lisenters: 1 }",
                &["1:11: server.lisenters: unknown key `lisenters`, did you mean `listeners`?"],
            ),
            (
                "server:\n  bounds:\n    uir: 8KiB",
                &["3:5: server.bounds.uir: unknown key `uir`, did you mean `uri`?"],
            ),
            (
                "server: { listeners: [{ address: 0.0.0.0:1, tls: {} }] }",
                &["1:45: server.listeners[0].tls: unknown key `tls`"],
            ),
            (
                "server: { \"a\\u001bb\": 1 }",
                &["1:11: server[\"a\\u{1b}b\"]: unknown key `a\\u{1b}b`"],
            ),
        ],
    );
    table(
        api,
        &[("oauth: {}\n    schemes: [{ name: k }]", &["5:5: apis[0].oauth: unknown key `oauth`"])],
    );
}

#[test]
fn a_value_of_another_type_is_refused_with_the_one_expected() {
    table(
        top,
        &[
            ("server: []", &["1:9: server: expected a mapping, found a list"]),
            ("server:", &["1:7: server: there is no value; expected a mapping"]),
            (
                "server: { threads: ~ }",
                &[
                    "1:20: server.threads: there is no value; expected `auto` or a whole number from 1 to 1024",
                ],
            ),
            (
                "server: { threads: 0 }",
                &[
                    "1:20: server.threads: expected `auto` or a whole number from 1 to 1024, found `0`",
                ],
            ),
            (
                "server: { threads: 1.0 }",
                &[
                    "1:20: server.threads: expected `auto` or a whole number from 1 to 1024, found `1.0`",
                ],
            ),
            (
                "server: { threads: [1] }",
                &[
                    "1:20: server.threads: expected `auto` or a whole number from 1 to 1024, found a list",
                ],
            ),
            (
                "server: { bounds: { fields: 257 } }",
                &["1:29: server.bounds.fields: expected a whole number from 1 to 256, found `257`"],
            ),
            (
                "server: { bounds: { head: 16 } }",
                &[
                    "1:27: server.bounds.head: expected a size from 1KiB to 1MiB, such as `500B` or `64KiB`, found `16`",
                ],
            ),
            (
                "server: { bounds: { head: 2MiB } }",
                &[
                    "1:27: server.bounds.head: expected a size from 1KiB to 1MiB, such as `500B` or `64KiB`, found `2MiB`",
                ],
            ),
            (
                "server: { bounds: { idle: 5 } }",
                &[
                    "1:27: server.bounds.idle: expected a duration from 1ms to 1d, such as `250ms` or `5m`, found `5`",
                ],
            ),
            (
                "server: { drain: { delay: 2h } }",
                &[
                    "1:27: server.drain.delay: expected a duration from 0 to 1h, such as `250ms` or `5m`, found `2h`",
                ],
            ),
            (
                "telemetry: { log: { access: { sample: 1.1 } } }",
                &["1:39: telemetry.log.access.sample: expected a number from 0 to 1, found `1.1`"],
            ),
            (
                "telemetry: { log: { access: { sample: NaN } } }",
                &["1:39: telemetry.log.access.sample: expected a number from 0 to 1, found `NaN`"],
            ),
            (
                "telemetry: { log: { level: trace } }",
                &[
                    "1:28: telemetry.log.level: expected `error`, `warn`, `info` or `debug`, found `trace`",
                ],
            ),
            (
                "telemetry: { log: { access: { always: [slow, 4xx] } } }",
                &[
                    "1:46: telemetry.log.access.always[1]: expected `refused`, `5xx` or `slow`, found `4xx`",
                ],
            ),
        ],
    );
}

#[test]
fn booleans_are_true_and_false_and_nothing_else() {
    for word in ["yes", "no", "on", "off", "True", "FALSE", "y", "1", "\"true\"", "'false'"] {
        let found = word.trim_matches(['"', '\'']);
        let expected = format!(
            "1:52: server.listeners[0].http2: expected `true` or `false`, unquoted, found `{found}`"
        );
        assert_eq!(
            top(&format!("server: {{ listeners: [{{ address: 0.0.0.0:1, http2: {word} }}] }}")),
            [expected]
        );
    }
}

#[test]
fn listeners_are_told_apart() {
    table(
        top,
        &[
            (
                "server: { listeners: [] }",
                &["1:22: server.listeners: the list is empty; expected at least one listener"],
            ),
            (
                "server: { listeners: [{ name: a }] }",
                &["1:23: server.listeners[0]: the key `address` is missing"],
            ),
            (
                "server: { listeners: [{ address: localhost }] }",
                &[
                    "1:34: server.listeners[0].address: expected an address such as `0.0.0.0:8080`, `[::]:8080` or `localhost:8080`, found `localhost`",
                ],
            ),
            (
                "server: { listeners: [{ address: example.com:80 }] }",
                &[
                    "1:34: server.listeners[0].address: expected an address such as `0.0.0.0:8080`, `[::]:8080` or `localhost:8080`, found `example.com:80`",
                ],
            ),
            (
                "server: { listeners: [{ address: 0.0.0.0:1, trusted_proxies: [10.0.0.0/33] }] }",
                &[
                    "1:63: server.listeners[0].trusted_proxies[0]: expected an address or a block of them, such as `10.0.0.0/8`, found `10.0.0.0/33`",
                ],
            ),
            (
                "server:\n  listeners:\n    - { name: a, address: localhost:80 }\n    - { name: a, address: 127.0.0.1:80 }",
                &[
                    "4:15: server.listeners[1].name: the name `a` is that of another listener, at conf/x.yaml:3",
                    "4:27: server.listeners[1].address: the address of a listener is that of a listener already, at conf/x.yaml:3",
                ],
            ),
            (
                "server:\n  listeners: [{ address: 0.0.0.0:9902 }]",
                &[
                    "2:3: server.health: the address of the health endpoint is that of a listener already, at conf/x.yaml:2",
                ],
            ),
            (
                "server:\n  listeners: [{ address: 0.0.0.0:0 }, { address: 0.0.0.0:0 }]",
                &[
                    "2:50: server.listeners[1].address: the name `0.0.0.0:0` is that of another listener, at conf/x.yaml:2",
                ],
            ),
        ],
    );
    let ports =
        "server: { listeners: [{ name: a, address: 0.0.0.0:0 }, { name: b, address: 0.0.0.0:0 }] }";
    assert_eq!(top(ports), [""; 0]);
}

#[test]
fn secrets_that_could_be_guessed_are_refused_and_not_shown() {
    table(
        top,
        &[
            (
                "server: { admin: { token: hunter2-hunter2 } }",
                &[
                    "1:27: server.admin.token: the admin token must have at least 16 characters, or it could be guessed",
                ],
            ),
            (
                "server: { admin: { token: \"sixteen or more but blanks\" } }",
                &[
                    "1:27: server.admin.token: the admin token must be visible ASCII, or no request could carry it",
                ],
            ),
            (
                "store: { pepper: hunter2-hunter2-hunter2-hunter2 }",
                &[
                    "1:18: store.pepper: the pepper must have at least 32 bytes, or it could be guessed",
                ],
            ),
            (
                "store: { previous_peppers: [hunter2-hunter2-hunter2-hunter2, \"\", hunter2-hunter2-hunter2-hunter2] }",
                &[
                    "1:29: store.previous_peppers[0]: the pepper must have at least 32 bytes, or it could be guessed",
                    "1:66: store.previous_peppers[2]: the pepper must have at least 32 bytes, or it could be guessed",
                ],
            ),
            (
                "store: { previous_peppers: [\"\", \"\", \"\", \"\", \"\"] }",
                &["1:28: store.previous_peppers: the list has 5 items; 4 are the most"],
            ),
            (
                "store: { sealing_key: hunter2 }",
                &["1:23: store.sealing_key: the sealing key must be 32 bytes in base64"],
            ),
            (
                "store: { sealing_key: aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg== }",
                &["1:23: store.sealing_key: the sealing key must be 32 bytes in base64"],
            ),
        ],
    );
    let environment = Environment::of(&[
        ("PORTCULLIS_ADMIN_TOKEN", "hunter2"),
        ("PORTCULLIS_PEPPER", "hunter2"),
        ("HOSTNAME", "a b"),
    ]);
    let refusal = load(&file(super::MINIMAL), &environment).unwrap_err();
    assert_eq!(
        lines(&refusal.errors),
        [
            "2:1: server.admin.token: the admin token must have at least 16 characters, or it could be guessed",
            "2:1: server.replica: must be 1 to 128 visible ASCII characters",
            "2:1: store.pepper: the pepper must have at least 32 bytes, or it could be guessed",
        ]
    );
}

#[test]
fn a_revealable_scheme_needs_a_sealing_key_which_check_does_not() {
    let text = |store: &str| {
        format!(
            "{store}\n{APP}apis:\n  - {{ name: a, upstream: app, schemes: [{{ name: k, prefix: k_ }}, {{ name: s, prefix: s_, issue: {{ revealable: true }} }}] }}\n"
        )
    };
    let with = |store: &str| refused(&text(store));
    let missing = "the key is missing: the scheme `s` of the api `a` is revealable";
    for (store, place) in [
        ("", "2:1"),
        ("store: {}", "1:8"),
        ("store: { sealing_key: '' }", "1:8"),
        ("store: { sealing_key: '${K:-}' }", "1:8"),
    ] {
        let expected = [format!("{place}: store.sealing_key: {missing}")];
        assert_eq!(with(store), expected);
        // As any variable that is missing where a file is only looked at.
        let warnings = check(&file(&text(store)), &Environment::default()).unwrap();
        assert_eq!(lines(&warnings), expected);
    }
    assert!(with(&format!("store: {{ sealing_key: {SEALING_KEY} }}")).is_empty());
    // What is wrong with the key is said once.
    assert_eq!(
        with("store: { sealing_key: x }"),
        ["1:23: store.sealing_key: the sealing key must be 32 bytes in base64"]
    );
}

#[test]
fn the_store_is_of_one_kind_and_keys_of_the_other_have_their_types() {
    table(
        top,
        &[
            (
                "store: { kind: valkey }",
                &["1:16: store.kind: expected `embedded` or `redis`, found `valkey`"],
            ),
            ("store: { path: \"\" }", &["1:16: store.path: expected a path, found ``"]),
            ("store: { url: {} }", &["1:15: store.url: expected text, found a mapping"]),
            (
                "store: { url: [] }",
                &["1:15: store.url: the list is empty; expected at least one item"],
            ),
            ("store: { tls: { cert: a } }", &["1:17: store.tls.cert: unknown key `cert`"]),
            (
                "store: { lease: 2 }",
                &[
                    "1:17: store.lease: expected a duration from 1ms to 1h, such as `250ms` or `5m`, found `2`",
                ],
            ),
            (
                "store: { when_lapsed: allow }",
                &["1:23: store.when_lapsed: expected `deny`, found `allow`"],
            ),
            (
                "store: { when_lapsed: {} }",
                &["1:23: store.when_lapsed: the key `serve` is missing"],
            ),
            (
                "server: { health: { store_lost: gone } }",
                &["1:33: server.health.store_lost: expected `ready` or `unready`, found `gone`"],
            ),
            (
                "store: { acknowledge: all }",
                &["1:23: store.acknowledge: expected a whole number from 0 to 100, found `all`"],
            ),
        ],
    );
    let kept =
        "store: { url: [redis://a, redis://b], when_lapsed: deny, acknowledge: 1, lease: 1s }";
    assert_eq!(top(kept), [""; 0]);
}

#[test]
fn upstreams_have_endpoints() {
    table(
        top,
        &[
            (
                "upstreams: { app: [] }",
                &["1:19: upstreams.app: the list is empty; expected at least one item"],
            ),
            (
                "upstreams: { app: { balance: random } }",
                &["1:19: upstreams.app: the key `endpoints` is missing"],
            ),
            (
                "upstreams: { app: 127.0.0.1:9000 }",
                &[
                    "1:19: upstreams.app: expected a list of endpoints, or a mapping with `endpoints`, found `127.0.0.1:9000`",
                ],
            ),
            (
                "upstreams: { app: [a:1, a:1] }",
                &["1:25: upstreams.app[1]: `a:1` is given twice, first at conf/x.yaml:1"],
            ),
            (
                "upstreams: { app: [a:1], \"b c\": [b:1] }",
                &[
                    "1:26: upstreams[\"b c\"]: expected a name of 1 to 128 letters, digits, `.`, `_` and `-`, found `b c`",
                ],
            ),
            (
                "upstreams: { app: { endpoints: [a:1], retries: { attempts: 0, conditions: [504] } } }",
                &[
                    "1:60: upstreams.app.retries.attempts: expected a whole number from 1 to 10, found `0`",
                    "1:76: upstreams.app.retries.conditions[0]: expected `connect`, `stale_connection` or `503`, found `504`",
                ],
            ),
        ],
    );
    for endpoint in [
        "a",
        "a:0",
        "a:65536",
        "a:+1",
        "\":1\"",
        "300.1.1.1:1",
        "\"[::1:1\"",
        "\"::1:1\"",
        "a..b:1",
        "ä:1",
        "a/b:1",
    ] {
        let shown = endpoint.trim_matches('"');
        let expected = format!(
            "1:20: upstreams.app[0]: expected an endpoint such as `10.0.0.1:9000`, `[::1]:9000` or `app.internal:9000`, found `{shown}`"
        );
        assert_eq!(top(&format!("upstreams: {{ app: [{endpoint}] }}")), [expected]);
    }
}
