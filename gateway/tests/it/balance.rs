//! Contract 2, `upstreams`: shares, weights, hashing, and endpoints that are left out.

use std::collections::BTreeMap;

use crate::support::sockets::Nobody;
use crate::support::{Gateway, Setup, Upstream, request};

fn saying(name: &str) -> Upstream {
    Upstream::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()))
}

fn open(upstreams: &str, upstream: &str) -> String {
    format!(
        "upstreams: {upstreams}\napis:\n  - name: app\n    schemes: [{{ name: key, prefix: ak_ }}]\n    routes: [{{ path: /**, auth: none, upstream: {upstream} }}]\n"
    )
}

/// What a number of requests were answered, on one connection.
fn answers(gateway: &Gateway, count: usize) -> BTreeMap<String, usize> {
    let mut client = gateway.connect();
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        let response = client.send(request("GET", "/", &[], "")).response();
        let text = if response.status == 200 { response.text() } else { response.code() };
        *answers.entry(text).or_default() += 1;
    }
    answers
}

#[test]
fn upstreams_of_a_route_are_drawn_by_weight() {
    let (app, canary, nobody) = (saying("app"), saying("canary"), Nobody::new());
    let upstreams = format!(
        "{{ app: [{}], canary: [{}], spare: [{}] }}",
        app.address(),
        canary.address(),
        nobody.address()
    );
    let gateway = Gateway::start(open(&upstreams, "{ app: 80, canary: 20, spare: 0 }"));
    let answers = answers(&gateway, 1000);
    // Of 1,000 draws at 20 %, a count outside of 120 to 280 is six standard deviations away.
    assert!((120..280).contains(&answers["canary"]), "{answers:?}");
    assert_eq!(answers["app"] + answers["canary"], 1000);
}

#[test]
fn an_upstream_that_cannot_be_reached_keeps_its_share() {
    let (app, nobody) = (saying("app"), Nobody::new());
    let upstreams = format!("{{ app: [{}], canary: [{}] }}", app.address(), nobody.address());
    let gateway = Gateway::start(open(&upstreams, "{ app: 1, canary: 1 }"));
    let answers = answers(&gateway, 200);
    // Of 200 draws at one half, outside of 50 to 150 is seven standard deviations away.
    assert!((50..150).contains(&answers["upstream_unavailable"]), "{answers:?}");
    assert_eq!(answers["app"] + answers["upstream_unavailable"], 200);
}

#[test]
fn endpoints_have_shares_by_their_weight() {
    let (heavy, light) = (saying("heavy"), saying("light"));
    let endpoints =
        format!("[{{ address: '{}', weight: 3 }}, {}]", heavy.address(), light.address());
    for balance in ["round_robin", "least_request"] {
        let upstreams = format!("{{ app: {{ endpoints: {endpoints}, balance: {balance} }} }}");
        let gateway = Gateway::start(open(&upstreams, "app"));
        let answers = answers(&gateway, 100);
        assert!((74..=76).contains(&answers["heavy"]), "{balance}: {answers:?}");
    }
}

#[test]
fn requests_of_one_hash_go_to_one_endpoint_by_the_field_that_is_sent() {
    let (one, two) = (saying("one"), saying("two"));
    let config = format!(
        "upstreams:\n  app: {{ endpoints: [{}, {}], balance: {{ hash: header:X-Org-Id }} }}\napis:\n  - name: app\n    upstream: app\n    schemes: [{{ name: key, prefix: ak_ }}]\n",
        one.address(),
        two.address()
    );
    let gateway = Gateway::start(config);
    let mut seen = BTreeMap::new();
    // The ports of the two are other ones each time: all orgs fall to one endpoint once in 2^39 runs.
    for org in 0..40 {
        let secret = gateway.mint("u_1", &format!("org_{org}"));
        // What a client says is not what is sent, and chooses nothing.
        let ask =
            |forged: &str| gateway.get("/", &[("x-api-key", &secret), ("x-org-id", forged)]).text();
        let endpoint = ask("org_a");
        for forged in ["org_b", "org_c", "org_d"] {
            assert_eq!(ask(forged), endpoint);
        }
        *seen.entry(endpoint).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[test]
fn an_endpoint_that_fails_again_and_again_is_left_out() {
    let good = saying("good");
    let bad = Upstream::answering("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
    let upstreams = format!(
        "{{ app: {{ endpoints: [{}, {}], balance: round_robin, outlier: {{ consecutive_failures: 3, eject_for: 1h }} }} }}",
        bad.address(),
        good.address()
    );
    let gateway = Setup::new(open(&upstreams, "app")).server("threads: 1").start();
    let statuses: Vec<_> = (0..30).map(|_| gateway.get("/", &[]).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 500).count(), 3, "{statuses:?}");
    assert_eq!(bad.requests().len(), 3);
    let ejections = gateway.metrics().sum("upstream_ejections_total", &[("upstream", "app")]);
    assert!((ejections - 1.0).abs() < f64::EPSILON);
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_left_out_too_and_comes_back() {
    let (good, nobody) = (saying("good"), Nobody::new());
    let upstreams = format!(
        "{{ app: {{ endpoints: [{}, {}], balance: round_robin, outlier: {{ consecutive_failures: 1, eject_for: 200ms }}, retries: {{ attempts: 1 }} }} }}",
        nobody.address(),
        good.address()
    );
    let gateway = Setup::new(open(&upstreams, "app")).server("threads: 1").start();
    let mut client = gateway.connect();
    let mut failed = 0;
    // It comes back only to fail again: that it was asked a second time is what shows that it did.
    for _ in 0..1_000_000 {
        if client.send(request("GET", "/", &[], "")).response().status == 503 {
            failed += 1;
        }
        if failed == 2 {
            break;
        }
    }
    assert_eq!(failed, 2);
}

#[test]
fn endpoints_drawn_at_random_have_shares_by_their_weight() {
    let (heavy, light) = (saying("heavy"), saying("light"));
    let upstreams = format!(
        "{{ app: {{ endpoints: [{{ address: '{}', weight: 3 }}, {}], balance: random }} }}",
        heavy.address(),
        light.address()
    );
    let gateway = Gateway::start(open(&upstreams, "app"));
    let mut client = gateway.connect();
    let mut drawn = Vec::new();
    for _ in 0..1000 {
        drawn.push(client.send(request("GET", "/", &[], "")).response().text() == "light");
    }
    let light = drawn.iter().filter(|light| **light).count();
    // Of 1,000 draws at a quarter, outside of 160 to 340 is six standard deviations away.
    assert!((160..340).contains(&light), "{light}");
    // Whoever takes turns gives the same four answers again and again.
    let turns: std::collections::BTreeSet<_> = drawn.chunks(4).collect();
    assert!(turns.len() > 3, "{turns:?}");
}

#[test]
fn an_endpoint_that_is_drawn_and_cannot_be_reached_is_followed_by_another() {
    let (good, nobody) = (saying("good"), Nobody::new());
    let upstreams = format!(
        "{{ app: {{ endpoints: [{}, {}], balance: random }} }}",
        nobody.address(),
        good.address()
    );
    let gateway = Gateway::start(open(&upstreams, "app"));
    assert_eq!(answers(&gateway, 50), BTreeMap::from([("good".to_owned(), 50)]));
}

#[test]
fn an_endpoint_may_be_a_name_which_is_resolved_and_one_without_an_address_is_unavailable() {
    let named = saying("named");
    let upstreams = format!(
        "{{ app: [\"localhost:{}\"], nowhere: [\"nowhere.invalid:80\"] }}",
        named.address().port()
    );
    let yaml = open(&upstreams, "app")
        .replace("routes: [", "routes: [{ path: /nowhere, auth: none, upstream: nowhere }, ");
    let gateway = Gateway::start(yaml);
    assert_eq!(answers(&gateway, 20), BTreeMap::from([("named".to_owned(), 20)]));
    let nowhere = gateway.get("/nowhere", &[]);
    assert_eq!((nowhere.status, nowhere.code().as_str()), (503, "upstream_unavailable"));
    let told = gateway.told(
        "an upstream's name does not resolve",
        &[("upstream", "nowhere".into()), ("name", "nowhere.invalid".into())],
    );
    assert!(told["error"].is_string(), "{told}");
    assert_eq!(answers(&gateway, 20), BTreeMap::from([("named".to_owned(), 20)]));
}
