//! Requests under way at one gateway end by a change that was made at another.

use super::*;
use crate::under_way::{UnderWay, upstream};

const ROUTES: &str = "routes: [{ path: /**, upgrade: [websocket] }]";

/// Two gateways whose scheme has these further keys.
fn fleet(redis: &Redis, scheme: &str) -> Fleet {
    let (url, upstream) = (format!("url: redis://{}/0", redis.address()), upstream());
    let apis =
        one_api_with(&upstream, ROUTES).replace("prefix: ak_", &format!("prefix: ak_{scheme}"));
    let gateways = (0..2).map(|number| setup(&apis, number, &url, &CALM).start()).collect();
    let fleet = Fleet { gateways, proxies: Vec::new(), upstream };
    fleet.wait_until_ready();
    fleet
}

/// What `change` does at the first gateway ends the requests that are under way at the second.
#[track_caller]
fn ends(body: &Value, status: u16, code: &str, change: impl FnOnce(&Gateway, &str)) {
    let redis = Redis::start();
    let fleet = fleet(&redis, "");
    let mut order = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    for (name, value) in body.as_object().unwrap() {
        order[name] = value.clone();
    }
    let (id, secret) = fleet.gateways[0].create(&order);
    let under_way = UnderWay::begin(&fleet.gateways[1], &fleet.upstream, &secret);
    change(&fleet.gateways[0], &id);
    under_way.all_end(status, code);
}

#[track_caller]
fn call(gateway: &Gateway, method: &str, path: &str, body: &Value) {
    let (status, answer) = gateway.admin(method, &format!("/v1/{path}"), body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
}

#[test]
fn a_revocation_ends_them() {
    ends(&json!({}), 401, "credential_invalid", |gateway, id| {
        call(gateway, "POST", &format!("credentials/{id}/revoke"), &json!({}));
    });
}

#[test]
fn a_deletion_ends_them() {
    ends(&json!({}), 401, "credential_invalid", |gateway, id| {
        call(gateway, "DELETE", &format!("credentials/{id}"), &Value::Null);
    });
}

#[test]
fn a_disabling_ends_them() {
    ends(&json!({}), 401, "credential_invalid", |gateway, id| {
        call(gateway, "PATCH", &format!("credentials/{id}"), &json!({ "disabled": true }));
    });
}

#[test]
fn an_expiry_that_is_moved_up_ends_them() {
    ends(&json!({}), 401, "credential_invalid", |gateway, id| {
        let (_, at) = crate::support::instant_after(Duration::from_secs(3));
        call(gateway, "PATCH", &format!("credentials/{id}"), &json!({ "expires_at": at }));
    });
}

#[test]
fn a_suspension_ends_them() {
    ends(&json!({}), 403, "subject_suspended", |gateway, _| {
        let body = json!({ "kind": "user", "state": "suspended" });
        call(gateway, "PUT", "subjects/u_1", &body);
    });
}

#[test]
fn an_inactive_subject_ends_them() {
    ends(&json!({}), 403, "subject_inactive", |gateway, _| {
        let body = json!({ "kind": "user", "state": "inactive" });
        call(gateway, "PUT", "subjects/u_1", &body);
    });
}

/// Nobody has to be told.
#[test]
fn an_expiry_ends_them() {
    let (_, at) = crate::support::instant_after(Duration::from_secs(5));
    let body = json!({ "lifetime": null, "expires_at": at });
    ends(&body, 401, "credential_invalid", |_, _| {});
}

#[test]
fn a_revocation_of_everything_of_its_subject_ends_them() {
    ends(&json!({}), 401, "credential_invalid", |gateway, _| {
        call(gateway, "POST", "revocations", &json!({ "api": "app", "subject": "u_1" }));
    });
}

#[test]
fn a_restriction_of_the_organisation_ends_them() {
    for state in ["restricted", "locked", "archived"] {
        ends(&json!({ "org": "org_1" }), 403, "resource_restricted", |gateway, _| {
            let body = json!({ "kind": "org", "state": state });
            call(gateway, "PUT", "resources/org_1", &body);
        });
    }
}

#[test]
fn a_lost_membership_that_the_scheme_asks_for_ends_them() {
    let redis = Redis::start();
    let fleet = fleet(&redis, ", issue: { members_only: true }");
    let first = &fleet.gateways[0];
    let org = json!({ "kind": "org", "members": { "u_1": "read" } });
    call(first, "PUT", "resources/org_1?wait=all&timeout=20s", &org);
    let order = json!({ "org": "org_1", "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    let (_, secret) = first.create(&order);
    let under_way = UnderWay::begin(&fleet.gateways[1], &fleet.upstream, &secret);
    call(first, "DELETE", "resources/org_1/members/u_1", &Value::Null);
    under_way.all_end(403, "org_not_member");
}

/// There is no change of which anybody could be told, and the new log is at no position yet.
#[test]
fn a_redis_that_has_lost_everything_ends_them() {
    let mut redis = Redis::start();
    let fleet = fleet(&redis, "");
    let order = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    let (_, secret) = fleet.gateways[0].create(&order);
    let under_way = UnderWay::begin(&fleet.gateways[1], &fleet.upstream, &secret);
    redis.kill();
    redis.start_again();
    under_way.all_end(401, "credential_invalid");
}

/// Nobody can say what was changed, so the records of all who are under way are asked for again.
#[test]
fn a_revocation_that_the_log_has_lost_ends_them() {
    let redis = Redis::start();
    let fleet = fleet(&redis, "");
    let (id, secret) = fleet.gateways[0]
        .create(&json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" }));
    let under_way = UnderWay::begin(&fleet.gateways[1], &fleet.upstream, &secret);
    fleet.gateways[1].freeze();
    // Else what is told meanwhile would wait for it in the kernel.
    redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    call(&fleet.gateways[0], "POST", &format!("credentials/{id}/revoke"), &json!({}));
    faults::trim(&redis);
    fleet.gateways[1].thaw();
    under_way.all_end(401, "credential_invalid");
}
