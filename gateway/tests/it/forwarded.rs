//! Contract 5: `X-Forwarded-*` and the fields that would let a client choose its path or method again.

use crate::support::{Gateway, Setup, Upstream, one_api};

const STEERING: [(&str, &str); 5] = [
    ("x-original-url", "/admin"),
    ("x-rewrite-url", "/admin"),
    ("x-http-method-override", "DELETE"),
    ("x-http-method", "DELETE"),
    ("x-method-override", "DELETE"),
];

fn trusting(upstream: &Upstream) -> Gateway {
    Setup::new(one_api(upstream)).listener("trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]").start()
}

#[test]
fn what_a_stranger_says_of_itself_is_replaced_or_removed() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let fields = [
        ("x-api-key", secret.as_str()),
        ("X-Forwarded-For", "203.0.113.7"),
        ("x-forwarded-for", "203.0.113.8"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.test"),
        ("forwarded", "for=203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-prefix", "/x"),
        ("x-forwarded-uri", "/x"),
    ];
    let response = gateway.get("/", &fields);
    let echo = response.echo();
    assert_eq!(echo.field("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(echo.field("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(echo.field("x-forwarded-host").as_deref(), Some("app.test"));
    for name in
        ["forwarded", "x-real-ip", "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-uri"]
    {
        assert_eq!(echo.field(name), None, "{name}");
    }
    assert_eq!(gateway.line(&response.request_id())["client_ip"], "127.0.0.1");
}

#[test]
fn a_trusted_proxys_word_is_kept_and_its_address_appended() {
    let upstream = Upstream::echo();
    let gateway = trusting(&upstream);
    let secret = gateway.mint("u_1", "org_1");
    let fields = [
        ("x-api-key", secret.as_str()),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.test"),
        ("x-forwarded-port", "443"),
    ];
    let response = gateway.get("/", &fields);
    let echo = response.echo();
    assert_eq!(echo.field("x-forwarded-for").as_deref(), Some("203.0.113.7, 127.0.0.1"));
    assert_eq!(echo.field("x-forwarded-proto").as_deref(), Some("https"));
    assert_eq!(echo.field("x-forwarded-host").as_deref(), Some("shop.test"));
    assert_eq!(echo.field("x-forwarded-port").as_deref(), Some("443"));
    assert_eq!(gateway.line(&response.request_id())["client_ip"], "203.0.113.7");
}

#[test]
fn what_a_trusted_proxy_leaves_out_is_filled_in() {
    let upstream = Upstream::echo();
    let gateway = trusting(&upstream);
    let secret = gateway.mint("u_1", "org_1");
    let echo = gateway.get("/", &[("x-api-key", &secret)]).echo();
    assert_eq!(echo.field("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(echo.field("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(echo.field("x-forwarded-host").as_deref(), Some("app.test"));
}

#[test]
fn the_clients_address_is_the_rightmost_untrusted_one_over_all_lines() {
    let upstream = Upstream::echo();
    let gateway = trusting(&upstream);
    let cases: [(&[&str], &str); 6] = [
        (&["1.2.3.4", "203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        (&["1.2.3.4, 203.0.113.7:51234"], "203.0.113.7"),
        (&["[2001:db8::1]:443"], "2001:db8::1"),
        (&["2001:db8::1, 10.1.2.3"], "2001:db8::1"),
        (&["203.0.113.7, unknown"], "127.0.0.1"),
        (&[""], "127.0.0.1"),
    ];
    for (lines, client) in cases {
        let fields: Vec<_> = lines.iter().map(|&line| ("X-Forwarded-For", line)).collect();
        let id = gateway.get("/", &fields).request_id();
        assert_eq!(gateway.line(&id)["client_ip"], client, "{lines:?}");
    }
}

#[test]
fn fields_that_choose_another_path_or_method_are_always_removed() {
    for trusted in [false, true] {
        let upstream = Upstream::echo();
        let gateway =
            if trusted { trusting(&upstream) } else { Gateway::start(one_api(&upstream)) };
        let secret = gateway.mint("u_1", "org_1");
        let mut fields = STEERING.to_vec();
        fields.push(("x-api-key", &secret));
        let echo = gateway.get("/", &fields).echo();
        for (name, _) in STEERING {
            assert_eq!(echo.field(name), None, "{name}, trusted: {trusted}");
        }
    }
}
