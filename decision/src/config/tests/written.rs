//! What a configuration shows of itself, and what of it needs a restart.

use serde_json::json;

use super::{APP, Environment, FULL, Problem, file, lines};
use crate::config::{Fragment, Written, load};

const APIS: &str = "apis:\n  - { name: a, upstream: app, schemes: [{ name: k }] }\n";
const TOKEN: &str = "admin-token-4f81aa02";

fn written(text: &str, environment: &Environment) -> Written {
    let text = format!("{text}\n{APP}{APIS}");
    load(&file(&text), environment).map_err(|refusal| lines(&refusal.errors)).unwrap().written
}

fn plain(text: &str) -> Written {
    written(text, &Environment::default())
}

fn paths(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.path.as_str()).collect()
}

#[test]
fn a_dump_is_what_was_written_with_every_reference_as_it_is() {
    let environment = Environment::of(&[("R", "left"), ("T", "4"), ("conf/f", "debug")]);
    let text = "server: { replica: \"${R}\", threads: ${T:-2}, bounds: { fields: 50, idle: 1s } }\ntelemetry: { log: { level: \"${file:f}\", access: { sample: 0.5 } } }";
    let text = text.replace("threads: ${T:-2}", "threads: \"${T:-2}\"");
    let document = written(&text, &environment).document().clone();
    assert_eq!(
        document,
        json!({
            "server": { "replica": "${R}", "threads": "${T:-2}", "bounds": { "fields": 50, "idle": "1s" } },
            "telemetry": { "log": { "level": "${file:f}", "access": { "sample": 0.5 } } },
            "upstreams": { "app": ["127.0.0.1:9000"] },
            "apis": [{ "name": "a", "upstream": "app", "schemes": [{ "name": "k" }] }],
        })
    );
}

#[test]
fn a_dump_hides_a_secret_that_is_written_out() {
    let environment = Environment::of(&[("TOKEN", TOKEN), ("conf/t", TOKEN)]);
    for (written_token, shown) in [
        (TOKEN, "***"),
        ("${TOKEN}", "${TOKEN}"),
        ("${TOKEN:-}", "${TOKEN:-}"),
        ("${file:t}", "${file:t}"),
        ("${NONE:-}${TOKEN}", "${NONE:-}${TOKEN}"),
        ("${NONE:-admin-token-4f81aa02}", "***"),
        ("${TOKEN}more", "***"),
        ("$${TOKEN} and more of it", "***"),
    ] {
        let text = format!("server: {{ admin: {{ token: '{written_token}' }} }}");
        let text = text.replace(" and more of it", "-and-more-of-it");
        let dump = written(&text, &environment).document().to_string();
        let token = json!({ "admin": { "token": shown } }).to_string();
        assert!(dump.contains(&token), "{written_token}: {dump}");
        assert!(!dump.contains(TOKEN), "{dump}");
    }
    let url = "store: { url: 'redis://:pass-word@127.0.0.1:6379', pepper: pepper-0b2f-0b2f-0b2f-0b2f-0b2f-0b2f }";
    let dump = plain(url).document().to_string();
    assert!(!dump.contains("pass-word") && !dump.contains("pepper-0b2f"), "{dump}");
}

#[test]
fn the_hash_is_of_what_the_dump_shows() {
    let of = |text: &str| plain(text).hash().to_owned();
    let one = of("server: { threads: 1, replica: a }");
    assert_eq!(one.len(), 16);
    assert_eq!(one, of("# a comment\nserver:\n  replica: 'a'\n  threads:   1\n"));
    assert_ne!(one, of("server: { threads: 2, replica: a }"));
    let with = |token: &str| of(&format!("server: {{ admin: {{ token: {token} }} }}"));
    assert_eq!(
        with("one-token-0123456789"),
        with("two-token-0123456789"),
        "a secret has no part in it"
    );
    let whole = |token: &str| plain(&format!("server: {{ admin: {{ token: {token} }} }}"));
    let [one, two] = ["one-token-0123456789", "two-token-0123456789"].map(whole);
    assert!(one.is_same(&one.clone()) && !one.is_same(&two));
}

#[test]
fn nothing_that_shows_a_dump_to_people_shows_a_secret_or_its_digest() {
    let full = load(&file(FULL), &Environment::full()).unwrap().written;
    let shown = format!("{full:?}");
    assert!(shown.len() < 80, "{shown}");
}

#[test]
fn a_change_of_server_or_store_is_named_with_its_place() {
    let running = plain(
        "server: { threads: 2, listeners: [{ address: 0.0.0.0:1 }] }\nstore: { timeout: 1s }",
    );
    let changed = plain(
        "server:\n  threads: 3\n  listeners: [{ address: 0.0.0.0:1 }, { address: 0.0.0.0:2 }]\nstore: { path: b.db }",
    );
    let problems = changed.needs_restart(&running);
    assert_eq!(
        lines(&problems),
        [
            "3:50: server.listeners[1].address: the change needs a restart: `server` and `store` are read once, at start",
            "2:12: server.threads: the change needs a restart: `server` and `store` are read once, at start",
            "4:16: store.path: the change needs a restart: `server` and `store` are read once, at start",
            "1:1: store.timeout: it is no longer there; the change needs a restart: `server` and `store` are read once, at start",
        ]
    );
}

#[test]
fn what_was_written_is_compared_and_not_how() {
    let running = plain("server: { threads: 2, drain: { delay: 1s, timeout: 2s } }");
    let other = plain(
        "# moved\nstore: {}\nserver:\n  drain:\n    timeout: '2s'\n    delay: 1s\n  threads: 2\n",
    );
    assert_eq!(paths(&other.needs_restart(&running)), [""; 0]);
    assert_eq!(paths(&running.needs_restart(&other)), [""; 0]);
}

#[test]
fn values_are_compared_resolved_and_never_shown() {
    let text = "server: { admin: { token: \"${file:t}\" } }";
    let with = |token: &str| written(text, &Environment::of(&[("conf/t", token)]));
    let running = with(TOKEN);
    assert_eq!(paths(&with(TOKEN).needs_restart(&running)), [""; 0]);
    let problems = with("another-token-0b2f0b2f").needs_restart(&running);
    assert_eq!(paths(&problems), ["server.admin.token"]);
    let said = lines(&problems).concat();
    assert!(!said.contains(TOKEN) && !said.contains("another-token"), "{said}");
    let literal = plain(&format!("server: {{ admin: {{ token: {TOKEN} }} }}"));
    assert_eq!(paths(&literal.needs_restart(&running)), [""; 0], "the value is the same");
}

#[test]
fn a_change_of_anything_else_needs_no_restart() {
    let running = plain("telemetry: { log: { level: info } }");
    let changed = plain("telemetry: { log: { level: debug } }");
    assert_eq!(paths(&changed.needs_restart(&running)), [""; 0]);
    assert_ne!(changed.hash(), running.hash());
}

#[test]
fn a_change_in_one_of_several_files_is_named_in_that_file() {
    let load = |threads: &str| {
        let server = format!("server: {{ threads: {threads} }}\n");
        let rest = format!("{APP}{APIS}");
        let fragments = [Fragment::new("d/a.yaml", &rest), Fragment::new("d/b.yaml", &server)];
        load(&fragments, &Environment::default()).unwrap().written
    };
    let problems = load("2").needs_restart(&load("1"));
    assert!(
        problems[0].to_string().starts_with("d/b.yaml:1:20: server.threads: "),
        "{}",
        problems[0]
    );
}

#[test]
fn of_a_refused_configuration_what_can_be_read_is_compared() {
    let running = plain("server: { threads: 2, replica: a }\nstore: { timeout: 1s }");
    let restart = |fragments: &[Fragment<'_>]| {
        let refusal = load(fragments, &Environment::default()).unwrap_err();
        lines(&refusal.needs_restart(&running))
    };
    let of = |text: &str| restart(&file(&format!("{text}\n{APP}{APIS}")));
    let needs = "the change needs a restart: `server` and `store` are read once, at start";
    let threads = format!("1:20: server.threads: {needs}");
    let others = [
        format!("1:1: server.replica: it is no longer there; {needs}"),
        format!("1:1: store.timeout: it is no longer there; {needs}"),
    ];
    assert_eq!(
        of("server: { threads: 3 }\nstores: {}"),
        [&[threads.clone()][..], &others[..]].concat()
    );
    // What is wrong itself is not compared, nor what a variable would say that is not there.
    assert_eq!(of("server: 1\nstore: { timeout: soon }"), [""; 0]);
    assert_eq!(of("server: { threads: 2, replica: \"${NONE}\" }\nstore: { timeout: 1s }"), [""; 0]);
    // What is not there may be in a file that cannot be read.
    let server = "server: { threads: 3, replica: a }\n";
    let lost = Fragment { text: Err("cannot read it"), ..Fragment::new("a.yaml", "") };
    let rest = Fragment::new("conf/x.yaml", server);
    for fragments in [[lost, rest], [rest, Fragment::new("z.yaml", "apis: [")]] {
        assert_eq!(restart(&fragments), [threads.as_str()]);
    }
    assert_eq!(restart(&[lost]), [""; 0]);
}
