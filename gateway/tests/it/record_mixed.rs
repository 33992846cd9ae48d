//! Contract 11: whatever comes, and in whatever order, each request is one line and one count.

use std::thread;

use h2::Reason;
use serde_json::Value;

use crate::record::lines_and_counts_agree;
use crate::support::h2c::h2_request;
use crate::support::sockets::Nobody;
use crate::support::{Client, Gateway, H2, Upstream, one_api_with, request};

const CLIENTS: usize = 4;
const REQUESTS: usize = 150;

const ROUTES: &str = "limits: { few: { per: api, max: 5, window: 365d } }
default_limits: []
routes:
  - { path: /few, limits: [few] }
  - { path: /post, methods: [POST], body_limit: 10B }
  - { path: /panel, subject_admin: true }
  - { path: /open, auth: none }
  - { path: /here, auth: none, respond: { status: 204 } }
  - { path: /gone, auth: none, upstream: gone }
  - { path: /** }";

/// Never answers below `/wait`, breaks off at `/broken`, never ends below `/stream`, and answers all else.
fn upstream() -> Upstream {
    Upstream::scripted(|connection| {
        while let Some(mut request) = connection.head() {
            if request.target.starts_with("/wait") {
                connection.closed();
                return;
            }
            if request.target.starts_with("/stream") {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun");
                connection.closed();
                return;
            }
            if request.target == "/broken" {
                return;
            }
            connection.body(&mut request);
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    })
}

/// A request that is answered: method, path, fields, body.
type Whole = (&'static str, &'static str, Vec<(&'static str, String)>, &'static str);

fn whole(random: &mut fastrand::Rng, secret: &str) -> Whole {
    let key = |secret: &str| vec![("x-api-key", secret.to_owned())];
    let good = key(secret);
    match random.u8(..14) {
        0 => ("GET", "/a", good, ""),
        1 => ("POST", "/post", good, "hello"),
        2 => ("POST", "/post", good, "more than ten"),
        3 => ("GET", "/few", good, ""),
        4 => ("GET", "/panel", good, ""),
        5 => ("GET", "/open", Vec::new(), ""),
        6 => ("GET", "/here", Vec::new(), ""),
        7 => ("GET", "/gone", Vec::new(), ""),
        8 => ("GET", "/a", Vec::new(), ""),
        9 => ("GET", "/a", key(&format!("ak_guess_{}", random.u8(..))), ""),
        10 => ("GET", "/post", good, ""),
        11 => ("GET", "/a/%2e%2e/b", good, ""),
        12 => ("GET", "/a", [good, vec![("bad_name", "1".to_owned())]].concat(), ""),
        _ => ("GET", "/broken", good, ""),
    }
}

/// One client, with a connection of each protocol.
struct Mixed<'g> {
    gateway: &'g Gateway,
    upstream: &'g Upstream,
    random: fastrand::Rng,
    secret: &'g str,
    http1: Client,
    h2: H2,
}

impl Mixed<'_> {
    /// Sends one request, which is cut where `number` is in its path, and is seen through otherwise.
    fn one(&mut self, number: &str) {
        match self.random.u8(..10) {
            0 => {
                let bytes: &[u8] = self
                    .random
                    .choice([
                        &b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"[..],
                        b"GET / HTTP/1.1\r\nHost: a\r\nbad name: 1\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        b"\x00\xff\r\n\r\n",
                        b"GET /a HTTP/1.1\r\n\r\n",
                    ])
                    .unwrap();
                assert_eq!(self.gateway.send(bytes).status, 400);
            }
            1 => self.cut_over_http_1(number),
            2 => self.cut_over_http_2(number),
            3..6 => {
                let (method, path, fields, body) = whole(&mut self.random, self.secret);
                let fields: Vec<_> = fields.iter().map(|(n, value)| (*n, value.as_str())).collect();
                self.h2.request(h2_request(method, path, &fields), body, None).unwrap();
            }
            _ => {
                let (method, path, fields, body) = whole(&mut self.random, self.secret);
                let fields: Vec<_> = fields.iter().map(|(n, value)| (*n, value.as_str())).collect();
                let response = self.http1.send(request(method, path, &fields, body)).response();
                if response.field("connection") == Some("close") {
                    self.http1 = self.gateway.connect();
                }
            }
        }
    }

    /// The client goes while it is sending, while it waits, or within the answer.
    fn cut_over_http_1(&mut self, number: &str) {
        let kind = self.random.u8(..3);
        let target = format!("{}/{number}", ["/wait", "/wait", "/stream"][usize::from(kind)]);
        let mut fields = vec![("x-api-key", self.secret)];
        if kind == 0 {
            fields.push(("Content-Length", "10"));
        }
        let mut client = self.gateway.connect();
        client.send(request("GET", &target, &fields, ""));
        self.upstream.wait_for_target(&target);
        if kind == 2 {
            client.head();
        }
        client.reset();
    }

    fn cut_over_http_2(&mut self, number: &str) {
        let kind = self.random.u8(..3);
        let target = format!("{}/{number}", ["/wait", "/wait", "/stream"][usize::from(kind)]);
        let head = h2_request("POST", &target, &[("x-api-key", self.secret)]);
        let (response, mut writer) = self.h2.start(head, kind != 0).unwrap();
        self.upstream.wait_for_target(&target);
        if kind == 2 {
            let body = self.h2.wait(response).unwrap().into_body();
            writer.send_reset(Reason::CANCEL);
            drop(body);
        } else {
            writer.send_reset(Reason::CANCEL);
        }
    }
}

#[test]
fn any_mix_of_requests_over_both_protocols_has_one_line_and_one_count_for_each() {
    let upstream = upstream();
    let nobody = Nobody::new();
    let yaml = one_api_with(&upstream, ROUTES)
        .replace("{ app:", &format!("{{ gone: [\"{}\"], app:", nobody.address()));
    let gateway = Gateway::start(yaml);
    let secret = gateway.mint("u_1", "org_1");
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (gateway, upstream, secret) = (&gateway, &upstream, &*secret);
            scope.spawn(move || {
                let mut mixed = Mixed {
                    gateway,
                    upstream,
                    random: fastrand::Rng::with_seed(seed.wrapping_add(client as u64)),
                    secret,
                    http1: gateway.connect(),
                    h2: H2::connect(gateway.address("public")),
                };
                for number in 0..REQUESTS {
                    mixed.one(&format!("{client}-{number}"));
                }
            });
        }
    });
    let lines = lines_and_counts_agree(&gateway, CLIENTS * REQUESTS);
    let has = |key: &str, value: &str| lines.iter().any(|line| line[key] == value);
    for outcome in [
        "forwarded",
        "answered",
        "client_gone",
        "request_malformed",
        "body_too_large",
        "credential_missing",
        "credential_unknown",
        "rate_exceeded",
        "admin_required",
        "method_not_allowed",
        "upstream_unavailable",
        "upstream_invalid",
    ] {
        assert!(has("outcome", outcome), "{outcome} was not drawn");
    }
    assert!(has("protocol", "HTTP/2") && has("protocol", "HTTP/1.1"));
    let mut ids: Vec<_> = lines.iter().map(|line: &Value| line["request_id"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), lines.len(), "each request has an id of its own");
    // A line that comes late would be one too many.
    let stdout = gateway.stdout.clone();
    gateway.stop();
    assert_eq!(stdout.until_end().len(), CLIENTS * REQUESTS);
}
