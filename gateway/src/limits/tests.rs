use std::collections::BTreeMap;
use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use decision::config::{Fragment, Variables, load};
use decision::decide::{self, Step};
use decision::facts::{Fact, FactKey, Known, Lookup, Resource, Subject};
use decision::request::{Framing, Protocol, RequestHead};
use decision::secret::Pepper;
use time::OffsetDateTime;

use super::*;

struct Nothing;

impl Variables for Nothing {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

impl Known for Nothing {
    fn credential(&self, _: &FactKey) -> Option<Lookup<Fact>> {
        None
    }

    fn subject(&self, _: &FactKey) -> Option<Lookup<Subject>> {
        None
    }

    fn resource(&self, _: &FactKey) -> Option<Lookup<Resource>> {
        None
    }
}

/// A snapshot with these keys of its one api, whose routes take anybody.
fn snapshot(keys: &str) -> Snapshot {
    let text = format!(
        "upstreams: {{ app: [127.0.0.1:9000] }}\napis:\n  - name: app\n    upstream: app\n    {keys}\n    routes: [{{ path: /a, auth: none }}, {{ path: /b, auth: none }}]\n"
    );
    let loaded = load(&[Fragment::new("x.yaml", &text)], &Nothing);
    loaded.unwrap_or_else(|refusal| panic!("{:?}", refusal.errors)).configuration.snapshot
}

/// Asks once, from an address.
fn ask(limits: &Limits, snapshot: &Snapshot, path: &str, ip: &str) -> Charged {
    let pepper = Pepper::new(&"a pepper of at least thirty-two bytes".to_owned().into()).unwrap();
    let head = RequestHead {
        protocol: Protocol::Http11,
        method: "GET",
        path,
        query: None,
        host: "a.example",
        fields: &[],
        framing: Framing::None,
        listener: 0,
        peer: ip.parse().unwrap(),
        trusted_proxies: &[],
    };
    let question = decide::ask(snapshot, &pepper.into(), &head).unwrap();
    match question.authenticate(&Nothing, Timestamp(0)).unwrap() {
        Step::Ready(authenticated) => limits.charge(&authenticated),
        Step::Wants(wanted) => panic!("{wanted:?}"),
    }
}

fn admitted(limits: &Limits, snapshot: &Snapshot, times: usize) -> usize {
    let one = |_: &usize| ask(limits, snapshot, "/a", "192.0.2.1").exceeded.is_none();
    (0..times).filter(one).count()
}

fn fields(charged: &Charged, snapshot: &Snapshot) -> BTreeMap<String, String> {
    let fields = charged.fields(&snapshot.apis[0]).into_iter();
    fields.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

/// How many of many threads' requests are admitted, and what the last answer says.
fn together(snapshot: &Snapshot, limits: &Limits, asks: usize) -> u64 {
    const THREADS: usize = 8;
    let (count, start) = (AtomicU64::new(0), Barrier::new(THREADS));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (count, start) = (&count, &start);
            scope.spawn(move || {
                start.wait();
                let mut kept = Vec::new();
                for n in 0..asks {
                    let path = if (thread + n).is_multiple_of(2) { "/a" } else { "/b" };
                    let charged = ask(limits, snapshot, path, "192.0.2.1");
                    if charged.exceeded.is_none() {
                        count.fetch_add(1, Ordering::Relaxed);
                        kept.push(charged);
                    }
                }
                // Nobody gives a place back before all have asked.
                start.wait();
            });
        }
    });
    count.into_inner()
}

#[test]
fn max_is_exact_at_every_algorithm_however_many_threads_ask() {
    for max in [1, 2, 10, 100, 1000, 1500] {
        for rule in [
            "window: 365d",
            "window: 365d, algorithm: gcra",
            "window: month, algorithm: calendar",
            "algorithm: concurrency",
        ] {
            let snapshot = snapshot(&format!("limits: {{ a: {{ per: ip, max: {max}, {rule} }} }}"));
            let limits = Limits::new(&snapshot, None, &Metrics::new().unwrap());
            // At the end of a month the calendar's counters begin anew.
            let month = OffsetDateTime::now_utc().month();
            let admitted = together(&snapshot, &limits, 300);
            let most = if month == OffsetDateTime::now_utc().month() { max } else { 2 * max };
            assert!((max..=most).contains(&admitted), "{rule}: {admitted}");
        }
    }
}

#[test]
fn a_request_that_one_rule_refuses_is_charged_by_none_however_many_threads_ask() {
    let rules = "limits: { wide: { per: ip, max: 500, window: 365d }, api: { per: api, max: 70, window: 365d, algorithm: gcra }, month: { per: [ip, route], max: 900, window: month, algorithm: calendar } }";
    let snapshot = snapshot(rules);
    let limits = Limits::new(&snapshot, None, &Metrics::new().unwrap());
    assert_eq!(together(&snapshot, &limits, 100), 70);
    let mut left: Vec<_> = ["/a", "/b"]
        .iter()
        .map(|path| {
            let charged = ask(&limits, &snapshot, path, "192.0.2.1");
            assert_eq!(&*charged.exceeded.as_ref().unwrap().limit, "api");
            fields(&charged, &snapshot)["ratelimit"].clone()
        })
        .collect();
    assert!(left.iter().all(|field| field.starts_with("\"wide\";r=430;t=")), "{left:?}");
    let of_month = |field: String| {
        let (_, month) = field.split_once("\"month\";r=").unwrap();
        month.split(';').next().unwrap().parse::<u64>().unwrap()
    };
    let months: u64 = left.drain(..).map(of_month).sum();
    assert_eq!(months, 1800 - 70);
}

#[test]
fn a_place_is_free_again_when_the_request_that_has_it_ends() {
    let snapshot = snapshot("limits: { a: { per: ip, max: 2, algorithm: concurrency } }");
    let limits = Limits::new(&snapshot, None, &Metrics::new().unwrap());
    let ask = || ask(&limits, &snapshot, "/a", "192.0.2.1");
    let (one, mut other) = (ask(), ask());
    let refused = ask().exceeded.unwrap();
    assert_eq!((refused.outcome, refused.retry_after), (Outcome::RateExceeded, 1));
    drop(one);
    let third = ask();
    assert!(third.exceeded.is_none() && ask().exceeded.is_some());
    other.leave();
    assert!(ask().exceeded.is_none());
}

#[test]
fn a_reload_keeps_the_counts_of_rules_whose_name_and_shape_are_the_same() {
    let rule = |rule: &str| {
        snapshot(&format!("limits: {{ a: {{ {rule} }}, b: {{ per: api, max: 9, window: 1s }} }}"))
    };
    let before = rule("per: ip, max: 3, window: 365d");
    let metrics = Metrics::new().unwrap();
    for (after, left) in [
        ("per: ip, max: 3, window: 365d", 0),
        ("per: ip, max: 5, window: 365d", 2),
        ("per: ip, max: 5, window: 365d, scope: replica, announce: false", 2),
        ("per: ip, max: 5, window: 365d, when: anonymous", 2),
        ("per: ip, max: 3, window: 364d", 3),
        ("per: [ip, route], max: 3, window: 365d", 3),
        ("per: ip, max: 3, window: 365d, algorithm: gcra", 3),
    ] {
        let first = Limits::new(&before, None, &metrics);
        assert_eq!(admitted(&first, &before, 7), 3);
        let snapshot = rule(after);
        let second = Limits::new(&snapshot, Some(&first), &metrics);
        drop(first);
        assert_eq!(admitted(&second, &snapshot, 7), left, "{after}");
    }
}

#[test]
fn apis_count_apart_and_a_rule_counts_alike_whichever_route_names_it() {
    let snapshot = snapshot("limits: { a: { per: ip, max: 3, window: 365d } }");
    let limits = Limits::new(&snapshot, None, &Metrics::new().unwrap());
    let ask = |path, ip| ask(&limits, &snapshot, path, ip).exceeded.is_none();
    assert!(ask("/a", "192.0.2.1") && ask("/b", "192.0.2.1") && ask("/a", "192.0.2.1"));
    assert!(!ask("/b", "192.0.2.1"));
    assert!(ask("/b", "192.0.2.2"));
}

#[test]
fn the_fields_are_those_of_the_announced_rules_that_applied() {
    let snapshot = snapshot(
        "limits: { z: { per: ip, max: 7, window: 365d }, a: { per: api, max: 5, window: 60s }, hidden: { per: ip, max: 6, window: 1s, announce: false }, key: { max: 1, window: 1s } }\n    legacy_ratelimit_headers: true",
    );
    let limits = Limits::new(&snapshot, None, &Metrics::new().unwrap());
    let charged = ask(&limits, &snapshot, "/a", "192.0.2.1");
    let fields = fields(&charged, &snapshot);
    assert_eq!(fields["ratelimit-policy"], r#""z";q=7;w=31536000, "a";q=5;w=60"#);
    assert_eq!(fields["ratelimit"], r#""z";r=6;t=31536000, "a";r=4;t=60"#);
    assert_eq!(fields["x-ratelimit-limit"], "5");
    assert_eq!(fields["x-ratelimit-remaining"], "4");
    assert_eq!(fields["x-ratelimit-reset"], "60");
}

#[test]
fn without_a_rule_that_applies_there_are_no_fields() {
    let snapshot = snapshot(
        "limits: { key: { max: 1, window: 1s }, auth: { per: ip, max: 1, window: 1s, when: authenticated } }\n    legacy_ratelimit_headers: true",
    );
    let limits = Limits::new(&snapshot, None, &Metrics::new().unwrap());
    assert_eq!(admitted(&limits, &snapshot, 5), 5);
    assert!(fields(&ask(&limits, &snapshot, "/a", "192.0.2.1"), &snapshot).is_empty());
}

#[test]
fn failures_hold_back_the_address_that_made_them_and_count_no_other_refusal() {
    let snapshot = snapshot(
        "limits: { a: { per: ip, max: 2, window: 365d, when: refused }, b: { per: ip, max: 9, window: 365d } }",
    );
    let limits = Limits::new(&snapshot, None, &Metrics::new().unwrap());
    let api = &snapshot.apis[0];
    let route = &api.routes.routes()[0];
    let who = |ip: &str| stranger(ip.parse().unwrap(), route);
    let fail = |ip, outcome| limits.count_failure(api, route, &who(ip), outcome);
    let held = |ip| limits.held_back(api, route, &who(ip));
    fail("192.0.2.1", Outcome::CredentialUnknown);
    for outcome in [Outcome::CredentialMissing, Outcome::FailuresExceeded, Outcome::OrgMismatch] {
        fail("192.0.2.1", outcome);
    }
    assert!(held("192.0.2.1").is_none());
    fail("192.0.2.1", Outcome::AudienceMismatch);
    let exceeded = held("192.0.2.1").unwrap();
    assert_eq!((exceeded.outcome, &*exceeded.limit), (Outcome::FailuresExceeded, "a"));
    assert!((31_535_000..=31_536_000).contains(&exceeded.retry_after), "{}", exceeded.retry_after);
    assert!(held("192.0.2.2").is_none());
    assert_eq!(admitted(&limits, &snapshot, 12), 9, "the stage limit asks other rules");
}
