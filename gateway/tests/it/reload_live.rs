//! Contract 2, architecture: a reload touches nothing that lives. What is under way finishes as it began, connections and counts of
//! endpoints that stay go on, and those of endpoints that are removed end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use crate::support::{Gateway, Setup, Steps, Upstream, one_api_with, one_pool, open_api, request};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A change that concerns no route, so that the generation changes and nothing else: every time another.
fn touch(gateway: &Gateway, number: usize) {
    gateway.rewrite(|text| {
        let body: Vec<_> = text.lines().filter(|line| !line.starts_with("telemetry")).collect();
        format!("{}\ntelemetry: {{ metrics: {{ routes: {} }} }}\n", body.join("\n"), number + 1)
    });
}

#[test]
fn connections_to_an_endpoint_that_stays_serve_on() {
    let upstream = Upstream::echo();
    let gateway = one_pool(&upstream, "");
    let mut client = gateway.connect();
    for round in 0..10 {
        assert_eq!(client.send(request("GET", "/", &[], "")).response().status, 200);
        touch(&gateway, round);
        gateway.reloaded();
    }
    assert_eq!(client.send(request("GET", "/", &[], "")).response().status, 200);
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn connections_live_on_when_an_endpoint_is_added_or_settings_change() {
    let (upstream, other) = (Upstream::echo(), Upstream::echo());
    let gateway = one_pool(&upstream, "");
    gateway.get("/", &[]);
    let (one, two) = (upstream.address(), other.address());
    gateway.replace(
        &format!("app: [{one}]"),
        &format!("app: {{ endpoints: [{one}, {two}], balance: round_robin, idle_timeout: 20s }}"),
    );
    gateway.reloaded();
    for _ in 0..10 {
        gateway.get("/", &[]);
    }
    assert_eq!((upstream.connections(), other.connections()), (1, 1));
    assert_eq!(other.requests().len(), 5);
}

/// What is not configured any more is not shown any more, or a process that lives long shows ever more.
#[test]
fn reloads_that_rename_everything_leave_no_series_behind() {
    let upstream = Upstream::echo();
    let yaml = |number: usize| {
        format!(
            "upstreams: {{ u{number}: [{}] }}\napis:\n  - name: a{number}\n    upstream: u{number}\n    \
             schemes: [{{ name: k{number} }}]\n    limits: {{ l{number}: {{ per: ip, max: 9, window: 1s }} }}\n    \
             routes: [{{ path: /**, name: r{number}, auth: optional }}]\n",
            upstream.address()
        )
    };
    let gateway = Gateway::start(yaml(0));
    let series = || {
        for (fields, status) in [(&[][..], 200), (&[("x-api-key", "ak_unknown")], 401)] {
            let response = gateway.get("/", fields);
            assert_eq!(response.status, status);
            // A request is counted once it has ended, which may be a little later.
            gateway.line(&response.request_id());
        }
        let text = gateway.metrics().0;
        let named = |line: &&str| line.contains("api=") || line.contains("upstream=");
        let lines = text.lines().filter(named);
        let names: Vec<_> = lines.filter_map(|line| line.rsplit_once(' ')).collect();
        names.into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    let before = series().len();
    for number in 1..40 {
        gateway.rewrite(|text| text.replace(&yaml(number - 1), &yaml(number)));
        gateway.reloaded();
        let now = series();
        assert_eq!(now.len(), before, "{now:#?}");
        assert!(now.iter().any(|name| name.contains(&format!("\"l{number}\""))), "{now:#?}");
    }
}

/// T46.
#[test]
fn a_removed_endpoint_gets_no_request_after_the_change_and_its_idle_connections_close() {
    let (gone, stays) = (Upstream::echo(), Upstream::echo());
    let both = format!("{}, {}", gone.address(), stays.address());
    let yaml = open_api(&gone, "").replace(&gone.address().to_string(), &both);
    let gateway = Setup::new(yaml).server("threads: 1").start();
    for _ in 0..6 {
        gateway.get("/", &[]);
    }
    let before = gone.requests().len();
    assert!(before >= 2 && gone.connections() == 1, "{before}");
    gateway.replace(&format!("{}, ", gone.address()), "");
    gateway.reloaded();
    for _ in 0..20 {
        assert_eq!(gateway.get("/", &[]).status, 200);
    }
    gone.wait_for_ends(1);
    assert_eq!((gone.requests().len(), gone.connections()), (before, 1));
    assert_eq!(stays.connections(), 1, "that of the other lives on");
}

#[test]
fn an_upstream_that_is_removed_loses_its_connections_too() {
    let (gone, stays) = (Upstream::echo(), Upstream::echo());
    let yaml = open_api(&gone, "")
        .replace("upstreams: { ", &format!("upstreams: {{ other: [{}], ", stays.address()));
    let gateway = Setup::new(yaml).server("threads: 1").start();
    gateway.get("/", &[]);
    gateway.rewrite(|text| {
        text.replace(&format!(", app: [{}]", gone.address()), "")
            .replace("upstream: app", "upstream: other")
    });
    gateway.reloaded();
    assert_eq!(gateway.get("/", &[]).status, 200);
    gone.wait_for_ends(1);
    assert_eq!((gone.requests().len(), stays.requests().len()), (1, 1));
}

/// The connection of an exchange that was under way is not kept when the endpoint has gone meanwhile.
#[test]
fn a_request_under_way_finishes_on_an_endpoint_that_was_removed_whose_connection_is_then_closed() {
    let answer = Steps::default();
    let gone = Upstream::scripted({
        let answer = answer.clone();
        move |connection| {
            connection.request().unwrap();
            answer.take();
            connection.write(OK);
            connection.closed();
        }
    });
    let stays = Upstream::echo();
    let gateway = one_pool(&gone, "");
    let mut client = gateway.connect();
    client.send(request("GET", "/", &[], ""));
    gone.wait_for_requests(1);
    gateway.replace(&gone.address().to_string(), &stays.address().to_string());
    gateway.reloaded();
    assert_eq!(gateway.get("/", &[]).status, 200);
    answer.give();
    assert_eq!(client.response().text(), "ok");
    gone.wait_for_ends(1);
    assert_eq!((gone.requests().len(), stays.requests().len()), (1, 1));
}

/// B068: a stream outlives every reload, also one that takes its route away.
#[test]
fn a_stream_and_a_tunnel_go_on_over_reloads_even_without_their_route() {
    let more = Steps::default();
    let upstream = Upstream::scripted({
        let more = more.clone();
        move |connection| {
            let request = connection.request().unwrap();
            if request.target == "/socket" {
                connection.write(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                );
                let bytes = connection.exactly(4).unwrap();
                connection.write(bytes);
                let bytes = connection.exactly(4).unwrap();
                connection.write(bytes);
                return;
            }
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
            more.take();
            connection.write("3\r\ntwo\r\n0\r\n\r\n");
        }
    });
    let gateway = Gateway::start(open_api(&upstream, "upgrade: [websocket]"));
    let mut stream = gateway.connect();
    stream.send(request("GET", "/stream", &[], ""));
    let mut tunnel = gateway.connect();
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    tunnel.send(request("GET", "/socket", &upgrade, ""));
    let head = String::from_utf8(tunnel.head()).unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    tunnel.send("ping");
    assert_eq!(tunnel.exactly(4), b"ping");
    upstream.wait_for_requests(2);
    touch(&gateway, 1);
    gateway.reloaded();
    gateway.replace("path: /**", "path: /elsewhere");
    gateway.reloaded();
    assert_eq!(gateway.get("/stream", &[]).status, 404);
    more.give();
    assert_eq!(stream.response().text(), "onetwo");
    tunnel.send("pong");
    assert_eq!(tunnel.exactly(4), b"pong");
    tunnel.rest();
}

/// Contract 7: a reload that changes nothing of a rule resets nothing, and a new `max` keeps what was counted.
#[test]
fn what_limits_have_counted_stays_counted_over_reloads() {
    let upstream = Upstream::echo();
    let rule = "limits: { few: { per: ip, max: 3, window: 5m } }";
    let gateway = Gateway::start(one_api_with(
        &upstream,
        &format!("{rule}\nroutes: [{{ path: /**, auth: none }}]"),
    ));
    let ask = || gateway.get("/", &[]).status;
    assert_eq!((ask(), ask()), (200, 200));
    touch(&gateway, 1);
    gateway.reloaded();
    assert_eq!((ask(), ask()), (200, 429));
    gateway.replace("max: 3", "max: 4");
    gateway.reloaded();
    assert_eq!((ask(), ask()), (200, 429));
}

/// Issue 4, 4: 100 reloads under load, half of them invalid.
#[test]
fn a_hundred_reloads_under_load_half_of_them_bad_fail_no_request() {
    let (one, two) = (Upstream::echo(), Upstream::echo());
    let yaml = open_api(&one, "name: first");
    let gateway = Setup::new(yaml).start();
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for client in 0..4 {
            let (gateway, over, answered) = (&gateway, &over, &answered);
            scope.spawn(move || {
                let mut connection = gateway.connect();
                while !over.load(Ordering::Relaxed) {
                    if client == 0 {
                        connection = gateway.connect();
                    }
                    let method = if client == 1 { "POST" } else { "GET" };
                    let body = if client == 1 { "body" } else { "" };
                    let response = connection.send(request(method, "/a", &[], body)).response();
                    assert_eq!(response.status, 200, "{}", response.text());
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let at = |count: usize| {
            while answered.load(Ordering::Relaxed) < count {
                thread::yield_now();
            }
        };
        let (mut from, mut to) = (one.address().to_string(), two.address().to_string());
        for number in 0..100 {
            if number % 2 == 0 {
                gateway.replace(&from, &to);
                (from, to) = (to, from);
                gateway.reloaded();
            } else {
                gateway.replace("auth: none", &format!("auth: none, unknown_{number}: 1"));
                let (status, answer) = gateway.reload();
                assert_eq!((status, &answer["code"]), (422, &json!("config_invalid")));
                gateway.replace(&format!(", unknown_{number}: 1"), "");
            }
            // Each generation has served.
            at(answered.load(Ordering::Relaxed) + 8);
        }
        over.store(true, Ordering::Relaxed);
    });
    for number in (1..100).step_by(2) {
        gateway.refuses(&format!("unknown key `unknown_{number}`"));
    }
    assert!(gateway.reloads("applied") == 50, "{}", gateway.reloads("applied"));
    // A file that was seen between two calls is counted, too; never a good one as bad.
    assert!(gateway.reloads("invalid") >= 50);
    let answered = answered.load(Ordering::Relaxed);
    // A request is counted once it has ended, which may be a little later.
    gateway.lines(answered);
    let counted =
        gateway.metrics().count("requests_total", &[("outcome", "forwarded"), ("status", "200")]);
    assert_eq!(counted, answered as u64);
    assert!(one.requests().len() > 50 && two.requests().len() > 50);
}
