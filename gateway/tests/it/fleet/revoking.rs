//! After the answer to a revocation that was waited for nobody is admitted.

use std::time::Instant;

use super::hammer::Hammer;
use super::*;

#[test]
fn after_each_of_a_thousand_revocations_that_were_waited_for_nobody_is_admitted() {
    let redis = Redis::start();
    let fleet = Fleet::with(3, redis.address(), &CALM);
    let keys: Vec<Key> = (0..1000).map(|_| fleet.create()).collect();
    for gateway in &fleet.gateways {
        let mut client = gateway.connect();
        for key in &keys {
            assert_eq!(ask_on(&mut client, "/", &key.secret), 200);
        }
    }
    let secrets: Vec<String> = keys.iter().map(|key| key.secret.clone()).collect();
    let hammers: Vec<_> =
        fleet.gateways.iter().map(|gateway| Hammer::start(gateway, "/", secrets.clone())).collect();
    let mut clients: Vec<Client> = fleet.gateways.iter().map(Gateway::connect).collect();
    let revoked: Vec<Instant> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| {
            let (status, answer) = fleet.revoke(number % 3, key, "?wait=all&timeout=20s");
            assert_eq!(
                (status, &answer["propagation"]["complete"]),
                (200, &json!(true)),
                "{answer}"
            );
            let revoked = Instant::now();
            let answers = clients.iter_mut().map(|client| ask_on(client, "/", &key.secret));
            assert_eq!(answers.collect::<Vec<_>>(), [401; 3], "right after the answer");
            revoked
        })
        .collect();
    for (number, hammer) in hammers.into_iter().enumerate() {
        for answer in hammer.stop() {
            let late = answer.status == 200 && answer.sent > revoked[answer.which];
            assert!(!late, "gateway {number} admitted credential {} afterwards", answer.which);
            assert!(matches!(answer.status, 200 | 401), "{}", answer.status);
        }
    }
    for gateway in &fleet.gateways {
        let mut client = gateway.connect();
        for key in &keys {
            assert_eq!(ask_on(&mut client, "/", &key.secret), 401);
        }
    }
}

/// Whoever did not wait would find it admitted for another 100 ms.
#[test]
fn a_replica_behind_a_slow_network_is_waited_for() {
    let redis = Redis::start();
    let fleet = Fleet::with(2, redis.address(), &CALM);
    fleet.proxies[1].delay(Duration::from_millis(100));
    for _ in 0..10 {
        let key = fleet.warm();
        let (status, answer) = fleet.revoke(0, &key, "?wait=all&timeout=20s");
        assert_eq!((status, &answer["propagation"]["complete"]), (200, &json!(true)), "{answer}");
        assert_eq!(ask(&fleet.gateways[1], "/", &key), 401);
    }
}

#[test]
fn a_change_of_any_kind_that_was_waited_for_holds_everywhere() {
    let redis = Redis::start();
    let fleet = Fleet::with(2, redis.address(), &CALM);
    let key = fleet.warm();
    let own = format!("/v1/credentials/{}", key.id);
    let subject = |state: &str| json!({ "kind": "user", "state": state });
    for (number, (method, path, body, admitted)) in [
        ("PATCH", own.as_str(), json!({ "disabled": true }), 401),
        ("PATCH", &own, json!({ "disabled": false }), 200),
        ("PUT", "/v1/subjects/u_1", subject("suspended"), 403),
        ("PUT", "/v1/subjects/u_1", subject("active"), 200),
        ("DELETE", &own, Value::Null, 401),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("{path}?wait=all&timeout=20s");
        let (status, answer) = fleet.gateways[number % 2].admin(method, &path, &body);
        assert!(matches!(status, 200 | 201), "{method} {path}: {status} {answer}");
        assert_eq!(answer["propagation"]["complete"], true, "{answer}");
        let found: Vec<_> = fleet.gateways.iter().map(|one| ask(one, "/", &key)).collect();
        assert_eq!(found, [admitted; 2], "{method} {path}");
    }
}

#[test]
fn a_credential_that_was_refused_and_then_made_works_at_once_everywhere() {
    let redis = Redis::start();
    let fleet =
        Fleet::with(2, redis.address(), &[&CALM[..], &["cache: { negative_ttl: 1h }"]].concat());
    let secret = "ak_a-secret-that-another-system-has-made-0001";
    let key = Key { id: String::new(), secret: secret.to_owned() };
    for gateway in &fleet.gateways {
        assert_eq!(ask(gateway, "/", &key), 401);
    }
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "secret": secret });
    let (status, answer) =
        fleet.gateways[0].admin("POST", "/v1/credentials?wait=all&timeout=20s", &body);
    assert_eq!((status, &answer["propagation"]["complete"]), (201, &json!(true)), "{answer}");
    for gateway in &fleet.gateways {
        assert_eq!(ask(gateway, "/", &key), 200);
    }
}
