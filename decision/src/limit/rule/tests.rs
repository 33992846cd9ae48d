use std::hash::{BuildHasher as _, RandomState};

use super::*;

const EVERYONE: Who<'_> = Who {
    credential: Some("crd_1"),
    subject: Some("user_1"),
    org: Some("org_1"),
    ip: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    route: "boards",
};

fn from(ip: &str) -> Who<'_> {
    Who { ip: ip.parse().unwrap(), ..EVERYONE }
}

#[test]
fn a_rule_does_not_apply_to_a_request_that_lacks_a_part() {
    let anonymous = Who { credential: None, subject: None, org: None, ..EVERYONE };
    for part in [Part::Credential, Part::Subject, Part::Org] {
        assert!(Per::of([part]).key(&EVERYONE).is_some());
        assert_eq!(Per::of([part]).key(&anonymous), None);
        assert_eq!(Per::of([Part::Ip, part]).key(&anonymous), None);
    }
    for part in [Part::Ip, Part::Api, Part::Route] {
        assert!(Per::of([part]).key(&anonymous).is_some());
    }
}

#[test]
fn keys_tell_apart_what_their_rule_does_and_nothing_else() {
    let others = [
        Who { credential: Some("crd_2"), ..EVERYONE },
        Who { subject: Some("user_2"), ..EVERYONE },
        Who { org: Some("org_2"), ..EVERYONE },
        from("192.0.2.2"),
        Who { route: "cards", ..EVERYONE },
    ];
    let parts = [Part::Credential, Part::Subject, Part::Org, Part::Ip, Part::Route];
    let state = RandomState::new();
    for (index, part) in parts.into_iter().enumerate() {
        for (other, who) in others.iter().enumerate() {
            for per in [Per::of([part]), Per::of([part, Part::Api])] {
                let (own, theirs) = (per.key(&EVERYONE).unwrap(), per.key(who).unwrap());
                assert_eq!(own == theirs, index != other, "{part:?}");
                assert_eq!(state.hash_one(own) == state.hash_one(theirs), index != other);
            }
        }
    }
    let api = Per::of([Part::Api]);
    assert!(others.iter().all(|who| api.key(who) == api.key(&EVERYONE)));
}

#[test]
fn a_list_of_parts_is_a_set() {
    let (one, other) = (Per::of([Part::Ip, Part::Route]), Per::of([Part::Route, Part::Ip]));
    assert_eq!(one, other);
    assert!(one.has(Part::Ip) && one.has(Part::Route) && !one.has(Part::Org));
}

#[test]
fn ipv6_counts_by_the_network_of_a_subscriber_and_a_mapped_address_is_the_ipv4_one() {
    let key = |ip| Per::of([Part::Ip]).key(&from(ip)).unwrap();
    assert_eq!(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff::2"));
    assert_ne!(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
    assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
    assert_ne!(key("0.0.0.0"), key("::"));
}

#[test]
fn an_override_is_another_max_and_nothing_else() {
    let rule = Rule {
        name: "a".into(),
        per: Per::of([Part::Credential]),
        when: When::Any,
        max: 7,
        algorithm: Algorithm::Concurrency,
        burst: Some(3),
        announce: true,
    };
    assert_eq!(rule.terms(None), Terms { max: 7, burst: Some(3) });
    assert_eq!(rule.terms(Some(9)), Terms { max: 9, burst: Some(3) });
    // No record has one, and if it had: never an open door, and a Retry-After that can be true.
    assert_eq!(rule.terms(Some(0)).max, 1);
    assert_eq!(rule.terms(Some(u64::MAX)).max, MAX_MOST);
}
