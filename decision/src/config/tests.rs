use std::collections::HashMap;
use std::io;
use std::time::Duration;

use super::snapshot::Snapshot;
use super::{Fragment, Problem, Refusal, Variables, load, parse_duration};

mod actions;
mod addresses;
mod apis;
mod arrival;
mod balance;
mod cors;
mod dialects;
mod headers;
mod lapsed;
mod limits;
mod matching;
mod mutations;
mod problems;
mod redis;
mod reference;
mod requirements;
mod routes;
mod schema;
mod shipped;
mod totality;
mod variables;
mod written;
mod yaml;

pub(super) const MINIMAL: &str = include_str!("../../../config/minimal.yaml");
pub(super) const FULL: &str = include_str!("tests/full.yaml");
pub(super) const ADMIN_TOKEN: &str = "admin-token-4f81aa02";
pub(super) const OLD_PEPPER: &str = "pepper-1c3a-1c3a-1c3a-1c3a-1c3a-1c3a";
pub(super) const SEALING_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
pub(super) const PEPPER: &str = "pepper-0b2f-0b2f-0b2f-0b2f-0b2f-0b2f";

/// An environment made of values. Names that begin with `/` or have a dot are files.
#[derive(Default)]
pub(super) struct Environment(HashMap<String, String>);

impl Environment {
    pub(super) fn of(values: &[(&str, &str)]) -> Self {
        Self(values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    /// What [`FULL`] needs.
    pub(super) fn full() -> Self {
        Self::of(&[
            ("ADMIN_TOKEN", ADMIN_TOKEN),
            ("PEPPER", PEPPER),
            ("OLD_PEPPER", OLD_PEPPER),
            ("SEALING_KEY", SEALING_KEY),
        ])
    }
}

impl Variables for Environment {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn file(&self, path: &str) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

pub(super) fn file(text: &str) -> [Fragment<'_>; 1] {
    [Fragment::new("conf/x.yaml", text)]
}

/// The lines of the problems of a file that is refused.
pub(super) fn refused(text: &str) -> Vec<String> {
    let refusal = load(&file(text), &Environment::default()).err();
    lines(&refusal.map(|refusal| refusal.errors).unwrap_or_default())
}

/// The lines of the warnings of a file that is accepted.
pub(super) fn warned(text: &str) -> Vec<String> {
    lines(&load(&file(text), &Environment::default()).unwrap().warnings)
}

pub(super) fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| problem.to_string().replacen("conf/x.yaml:", "", 1)).collect()
}

pub(super) const APP: &str = "upstreams: { app: [127.0.0.1:9000] }\n";

/// `server`, `store`, `telemetry` or `upstreams` from line 1, in an otherwise good file.
pub(super) fn top(text: &str) -> Vec<String> {
    let upstreams = if text.contains("upstreams:") { "" } else { APP };
    let text = format!(
        "{text}\n{upstreams}apis:\n  - {{ name: a, upstream: app, schemes: [{{ name: k }}] }}\n"
    );
    refused(&text)
}

/// Keys of an api from line 5, column 5.
pub(super) fn api(text: &str) -> Vec<String> {
    refused(&format!("{APP}apis:\n  - name: a\n    upstream: app\n    {text}\n"))
}

/// Keys of a route from line 4, column 9, of an api with the schemes `ak` and `bk`.
pub(super) fn route(text: &str) -> Vec<String> {
    refused(&with_routes(text))
}

/// A file whose one api has these routes.
pub(super) fn with_routes(text: &str) -> String {
    let schemes = "schemes: [{ name: ak, prefix: ak_ }, { name: bk, prefix: bk_ }]";
    format!(
        "{APP}apis:\n  - {{ name: a, upstream: app, {schemes}, routes: [\n        {text}\n      ] }}\n"
    )
}

/// The snapshot of a file that is accepted.
pub(super) fn snapshot(text: &str) -> Snapshot {
    load(&file(text), &Environment::default()).unwrap().configuration.snapshot
}

pub(super) fn table(judge: fn(&str) -> Vec<String>, cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(judge(text), *expected, "of\n{text}");
    }
}

#[test]
fn files_of_a_folder_are_one_configuration() {
    let fragments = [
        Fragment::new(
            "d/a.yaml",
            "upstreams: { a: [127.0.0.1:1] }\napis:\n  - { name: a, hosts: [a.example], upstream: b, schemes: [{ name: k }] }\n",
        ),
        Fragment::new(
            "d/b.yaml",
            "store: { path: s.db }\nupstreams: { b: [127.0.0.1:2] }\napis:\n  - { name: b, upstream: a, schemes: [{ name: k }] }\n",
        ),
    ];
    let compiled = load(&fragments, &Environment::default()).unwrap();
    assert_eq!(compiled.configuration.snapshot.apis.len(), 2);
    assert_eq!(compiled.configuration.snapshot.upstreams.len(), 2);
    assert_eq!(compiled.configuration.process.store.path.to_str(), Some("d/s.db"));
}

#[test]
fn what_two_files_of_a_folder_say_twice_is_refused() {
    let one = "store: {}\nupstreams: { a: [127.0.0.1:1] }\napis:\n  - { name: a, upstream: a, schemes: [{ name: k }] }\n";
    let fragments = [Fragment::new("a.yaml", one), Fragment::new("b.yaml", one)];
    let Refusal { errors, .. } = load(&fragments, &Environment::default()).unwrap_err();
    let shown: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "b.yaml:1:1: store: the key `store` is given twice, first at a.yaml:1",
            "b.yaml:2:14: upstreams.a: the key `a` is given twice, first at a.yaml:2",
            "b.yaml:4:5: apis[0]: the host `*` of api `a` is that of api `a` already",
            "b.yaml:4:13: apis[0].name: the name `a` is that of another api, at a.yaml:4",
        ]
    );
}

#[test]
fn durations_are_whole_numbers_with_a_unit() {
    let units = [
        ("250ms", 250),
        ("2s", 2000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("30d", 2_592_000_000),
        ("007s", 7000),
    ];
    for (text, milliseconds) in units {
        assert_eq!(parse_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in [
        "",
        "5",
        "s",
        "5 s",
        "1.5s",
        "-1s",
        "+1s",
        "1S",
        "1w",
        "5ms5",
        "99999999999999999999s",
        "9999999999999999d",
    ] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}
