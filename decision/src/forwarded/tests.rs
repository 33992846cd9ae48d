use proptest::prelude::*;

use super::*;
use crate::test_support::Request;

fn client(request: &Request) -> String {
    request.with_head(|head| client_ip(head).to_string())
}

fn behind(lines: &[&str]) -> Request {
    let request = Request::get("/").trusting("192.0.2.0/24").trusting("10.0.0.0/8");
    lines.iter().fold(request, |request, line| request.field("X-Forwarded-For", line))
}

#[test]
fn only_a_trusted_peer_is_believed() {
    assert_eq!(client(&Request::get("/").field("x-forwarded-for", "203.0.113.7")), "192.0.2.1");
    assert_eq!(client(&behind(&["203.0.113.7"])), "203.0.113.7");
    assert_eq!(client(&behind(&[])), "192.0.2.1");
}

#[test]
fn the_client_is_the_rightmost_address_over_all_lines_that_is_not_trusted() {
    assert_eq!(client(&behind(&["1.2.3.4", "203.0.113.7, 10.0.0.2"])), "203.0.113.7");
    assert_eq!(client(&behind(&["203.0.113.7", "10.0.0.3, 10.0.0.2"])), "203.0.113.7");
    assert_eq!(client(&behind(&["10.0.0.3", "10.0.0.2"])), "10.0.0.3");
}

#[test]
fn an_entry_may_have_a_port_brackets_or_both() {
    for (entry, address) in [
        ("203.0.113.7:51234", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, ,10.0.0.1", "203.0.113.7"),
        ("203.0.113.7 ,\t10.0.0.1", "203.0.113.7"),
    ] {
        assert_eq!(client(&behind(&[entry])), address, "{entry}");
    }
}

#[test]
fn nonsense_falls_back_to_the_last_good_hop() {
    for nonsense in [
        "unknown",
        "_hidden",
        "",
        ",",
        "203.0.113.7.8",
        "\"203.0.113.7\"",
        "[203.0.113.7",
        "1.2.3.4:99999",
    ] {
        assert_eq!(client(&behind(&[nonsense])), "192.0.2.1", "{nonsense}");
        assert_eq!(
            client(&behind(&["1.2.3.4", nonsense, "10.0.0.9"])),
            match nonsense {
                "" | "," => "1.2.3.4",
                _ => "10.0.0.9",
            }
        );
    }
}

#[test]
fn a_v4_peer_is_the_same_written_as_v6() {
    let mut request = behind(&["203.0.113.7"]);
    request.peer = "::ffff:192.0.2.1".parse().unwrap();
    assert_eq!(client(&request), "203.0.113.7");
    assert_eq!(address_value(request.peer), "192.0.2.1");
}

/// What is sent of the fields this module speaks for.
fn told(request: &Request) -> Vec<(String, String)> {
    request.with_head(|head| {
        let trusted = peer_is_trusted(head);
        let kept = head.fields.iter().filter(|field| travels(field.name, trusted));
        let kept = kept.map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()));
        let mut ours = Vec::new();
        for_each(head, &address_value(head.peer), "http", |name, value| {
            ours.push((name.to_owned(), value.to_vec()));
        });
        let mut told: Vec<_> = kept
            .chain(ours)
            .map(|(name, value)| (name, String::from_utf8(value).unwrap()))
            .collect();
        told.sort();
        told
    })
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const SPOOFED: [(&str, &str); 15] = [
    ("Forwarded", "for=1.2.3.4"),
    ("X-Real-IP", "1.2.3.4"),
    ("X-Forwarded-For", "1.2.3.4"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Port", "1"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-Uri", "/evil"),
    ("X-Original-URL", "/evil"),
    ("X-Rewrite-URL", "/evil"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-HTTP-Method", "DELETE"),
    ("x-method-override", "DELETE"),
    ("X-Original-Method", "DELETE"),
    ("X-Forwarded-Method", "DELETE"),
];

fn spoofing(request: Request) -> Request {
    SPOOFED.iter().fold(request, |request, (name, value)| request.field(name, value))
}

#[test]
fn what_an_untrusted_peer_says_of_the_client_is_replaced_or_removed() {
    let ours = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-host", "api.example"),
        ("x-forwarded-proto", "http"),
    ];
    assert_eq!(told(&spoofing(Request::get("/"))), pairs(&ours));
    assert_eq!(told(&Request::get("/")), pairs(&ours));
}

#[test]
fn a_trusted_peers_list_is_appended_to_and_the_rest_of_what_it_says_is_kept_but_overrides() {
    let request = spoofing(Request::get("/").trusting("192.0.2.1/32"))
        .field("x-forwarded-for", "5.6.7.8, 10.0.0.1");
    assert_eq!(
        told(&request),
        pairs(&[
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4, 5.6.7.8, 10.0.0.1, 192.0.2.1"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-port", "1"),
            ("x-forwarded-prefix", "/evil"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-uri", "/evil"),
            ("x-real-ip", "1.2.3.4"),
        ])
    );
    assert_eq!(told(&behind(&[])), told(&Request::get("/")));
}

proptest! {
    #[test]
    fn no_list_panics_and_every_client_is_the_peer_or_in_the_list(lines in prop::collection::vec("[0-9a-f.:, \\[\\]x]{0,30}|10.0.0.[0-9]|1.2.3.[0-9]", 0..5)) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let request = behind(&lines);
        let client = request.with_head(client_ip);
        let listed = lines.iter().flat_map(|line| line.split(',')).filter_map(|entry| address(entry.trim().as_bytes()));
        prop_assert!(client == request.peer || listed.into_iter().any(|listed| listed == client));
        prop_assert_eq!(told(&request).iter().filter(|(name, _)| name == "x-forwarded-for").count(), 1);
    }
}
