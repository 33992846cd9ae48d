//! Contract 7: never more than `max`, however many connections ask at once, and `Retry-After` is true.
#![expect(clippy::disallowed_methods, reason = "what is too early is told by the clock")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use crate::limits::today;
use crate::support::{Gate, Gateway, Setup, Upstream, one_api_with, request};

const CONNECTIONS: usize = 64;
const ALGORITHMS: [(&str, &str); 3] = [
    ("sliding", "window: 365d"),
    ("gcra", "window: 365d, algorithm: gcra"),
    ("calendar", "window: month, algorithm: calendar"),
];

/// An api of the host `name.test`, open to everybody, with one rule.
fn api(name: &str, rule: &str) -> String {
    format!(
        "  - name: {name}\n    hosts: [{name}.test]\n    upstream: app\n    limits: {{ rule: {{ per: api, {rule} }} }}\n    routes: [{{ path: /**, auth: none }}]\n"
    )
}

/// How many of `requests`, sent over [`CONNECTIONS`] connections at once, an api answers with 200; every other is a 429.
fn admitted(gateway: &Gateway, api: &str, requests: usize) -> usize {
    let (asked, admitted, start) =
        (AtomicUsize::new(0), AtomicUsize::new(0), Barrier::new(CONNECTIONS));
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let host = format!("{api}.test");
                let bytes = request("GET", "/", &[("host", &host)], "");
                let mut client = gateway.connect();
                start.wait();
                while asked.fetch_add(1, Ordering::Relaxed) < requests {
                    match client.send(&bytes).response().status {
                        200 => admitted.fetch_add(1, Ordering::Relaxed),
                        status => usize::from(status) - 429,
                    };
                }
            });
        }
    });
    admitted.into_inner()
}

#[test]
fn max_is_exact_under_64_connections_at_every_algorithm_that_counts() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let mut yaml = format!("upstreams: {{ app: [{}] }}\napis:\n", upstream.address());
    let maxima = [1, 2, 10, 100, 1000];
    for (name, rule) in ALGORITHMS {
        for max in maxima {
            yaml.push_str(&api(&format!("{name}-{max}"), &format!("max: {max}, {rule}")));
        }
    }
    let gateway = Setup::new(yaml).server("threads: 4").start();
    for (name, _) in ALGORITHMS {
        for max in maxima {
            let (api, month) = (format!("{name}-{max}"), today().month());
            let admitted = admitted(&gateway, &api, max + 2 * CONNECTIONS);
            let most = if month == today().month() { max } else { 2 * max };
            assert!((max..=most).contains(&admitted), "{api}: {admitted}");
        }
    }
}

#[test]
fn exactly_max_places_are_held_under_64_connections_until_their_responses_end() {
    for max in [1, 2, 10, 63] {
        let gate = Gate::default();
        let (opened, script) = (gate.clone(), gate);
        let upstream = Upstream::scripted(move |connection| {
            while connection.request().is_some() {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1");
                script.wait();
                connection.write("2");
            }
        });
        let mut yaml = format!("upstreams: {{ app: [{}] }}\napis:\n", upstream.address());
        yaml.push_str(&api("held", &format!("max: {max}, algorithm: concurrency")));
        let gateway = Setup::new(yaml).server("threads: 4").start();
        let (refused, all) = (Arc::new(AtomicUsize::new(0)), CONNECTIONS);
        let bytes = request("GET", "/", &[("host", "held.test")], "");
        thread::scope(|scope| {
            let clients: Vec<_> = (0..all)
                .map(|_| {
                    let (gateway, refused, bytes) = (&gateway, refused.clone(), bytes.clone());
                    scope.spawn(move || {
                        let mut client = gateway.connect();
                        let response = client.send(bytes).response();
                        if response.status == 429 {
                            assert_eq!(response.field("retry-after"), Some("1"));
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        response.status
                    })
                })
                .collect();
            upstream.wait_for_requests(max);
            // Whoever is not held has been refused by now, or will be: no place comes free before the gate opens.
            gateway.lines(all - max);
            opened.open();
            let answers: Vec<_> =
                clients.into_iter().map(|client| client.join().unwrap()).collect();
            assert_eq!(answers.iter().filter(|status| **status == 200).count(), max);
        });
        assert_eq!(refused.load(Ordering::Relaxed), all - max);
        // The places are free again, once the gateway has seen the last byte off.
        gateway.lines(all);
        assert_eq!(gateway.send(&bytes).status, 200);
    }
}

/// A round of asking: until refused, a second too early, in time.
fn retries(gateway: &Gateway, api: &str, window: u64) {
    let bytes = request("GET", "/", &[("host", &format!("{api}.test"))], "");
    let mut client = gateway.connect();
    let began = Instant::now();
    let refused = loop {
        let response = client.send(&bytes).response();
        if response.status == 429 {
            break response;
        }
    };
    let wait: u64 = refused.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=window).contains(&wait), "{api}: {wait}");
    if wait > 1 {
        assert!(client.is_quiet_for(Duration::from_secs(wait - 1)));
    }
    let early = client.send(&bytes).response().status;
    // Where the machine was slow it may have been late enough, and then has taken what there was.
    if began.elapsed() < Duration::from_secs(window) {
        assert_eq!(early, 429, "{api}");
    } else if early == 200 {
        return;
    }
    assert!(client.is_quiet_for(Duration::from_secs(1)));
    assert_eq!(client.send(&bytes).response().status, 200, "{api}");
}

#[test]
fn retry_after_suffices_and_a_second_less_is_too_early() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let rules = [
        ("one", "max: 1, window: 2s", 2),
        ("few", "max: 3, window: 2s", 2),
        ("cell", "max: 1, window: 2s, algorithm: gcra", 2),
        ("cells", "max: 2, window: 4s, burst: 3, algorithm: gcra", 2),
    ];
    let mut yaml = format!("upstreams: {{ app: [{}] }}\napis:\n", upstream.address());
    rules.iter().for_each(|(name, rule, _)| yaml.push_str(&api(name, rule)));
    let gateway = Gateway::start(yaml);
    thread::scope(|scope| {
        for (name, _, window) in rules {
            let gateway = &gateway;
            scope.spawn(move || retries(gateway, name, window));
        }
    });
}

#[test]
fn a_calendar_minute_says_when_it_ends() {
    let upstream = Upstream::echo();
    let keys = "limits: { rule: { per: api, max: 1, window: minute, algorithm: calendar } }\n\
                routes: [{ path: /**, auth: none }]";
    let gateway = Gateway::start(one_api_with(&upstream, keys));
    let second = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.unwrap().as_secs()
    };
    let mut client = gateway.connect();
    let bytes = request("GET", "/", &[], "");
    let (before, refused) = loop {
        let before = second();
        let first = client.send(&bytes).response();
        let refused = client.send(&bytes).response();
        // Both in one minute, or once more.
        if before / 60 == second() / 60 || first.status != 200 {
            break (before, refused);
        }
    };
    assert_eq!((refused.status, refused.code()), (429, "quota_exceeded".to_owned()));
    let wait: u64 = refused.field("retry-after").unwrap().parse().unwrap();
    let end = (before / 60 + 1) * 60;
    assert!((before + wait).abs_diff(end) <= 1 + (second() - before), "{before} + {wait}: {end}");
}

#[test]
fn refused_requests_do_not_move_the_window() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for rule in ["max: 3, window: 1s", "max: 3, window: 1s, algorithm: gcra"] {
        let mut yaml = format!("upstreams: {{ app: [{}] }}\napis:\n", upstream.address());
        yaml.push_str(&api("busy", rule));
        let gateway = Gateway::start(yaml);
        let mut client = gateway.connect();
        let bytes = request("GET", "/", &[("host", "busy.test")], "");
        let began = Instant::now();
        let mut admitted = 0;
        while began.elapsed() < Duration::from_secs(3) {
            admitted += usize::from(client.send(&bytes).response().status == 200);
        }
        // More than one window's, and no more than all that could begin.
        let windows = began.elapsed().as_secs() as usize + 1;
        assert!((4..=3 * windows + 3).contains(&admitted), "{rule}: {admitted}");
    }
}
