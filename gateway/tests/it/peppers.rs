//! The keys of the store: peppers that are replaced, and the key of sealed copies.

use serde_json::{Value, json};

use super::support::gateway::PEPPER;
use super::support::{Gateway, Setup, Upstream, one_api};

const NEW: &str = "the pepper after that, 32 bytes and more";
const SEALING_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const OTHER_SEALING_KEY: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";

fn rotating(upstream: &Upstream) -> Setup {
    Setup::new(one_api(upstream))
        .environment("PORTCULLIS_PEPPER", NEW)
        .environment("OLD_PEPPER", PEPPER)
        .store("previous_peppers: [\"${OLD_PEPPER}\"]")
}

fn forever(subject: &str) -> Value {
    json!({ "api": "app", "scheme": "key", "subject": subject })
}

fn status(gateway: &Gateway, secret: &str) -> u16 {
    gateway.get("/", &[("x-api-key", secret)]).status
}

#[test]
fn a_key_made_under_the_old_pepper_opens_while_it_is_replaced_and_afterwards() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).start();
    let (_, seen) = gateway.create(&forever("u_seen"));
    let (_, unseen) = gateway.create(&forever("u_unseen"));
    let (gone, revoked) = gateway.create(&forever("u_revoked"));
    gateway.admin("POST", &format!("/v1/credentials/{gone}/revoke"), &json!({}));
    let folder = gateway.stop();

    let gateway = rotating(&upstream).start_in(folder);
    for _ in 0..2 {
        let response = gateway.get("/", &[("x-api-key", &seen)]);
        assert_eq!(response.echo().field("x-subject-id").as_deref(), Some("u_seen"));
    }
    let response = gateway.get("/", &[("x-api-key", &revoked)]);
    assert_eq!(gateway.line(&response.request_id())["outcome"], "credential_revoked");
    let (_, young) = gateway.create(&forever("u_young"));
    let folder = gateway.stop();

    let setup = Setup::new(one_api(&upstream)).environment("PORTCULLIS_PEPPER", NEW);
    let gateway = setup.start_in(folder);
    assert_eq!([&seen, &young, &unseen].map(|secret| status(&gateway, secret)), [200, 200, 401]);
    let said = gateway.said();
    let lost = said.lines().find(|line| line.contains("a pepper that is not given any more"));
    assert!(lost.is_some_and(|line| line.contains(r#""credentials":1"#)), "{said}");
}

#[test]
fn a_revocation_ends_a_key_of_the_old_pepper_that_is_in_use() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).start();
    let (id, secret) = gateway.create(&forever("u_1"));
    let gateway = rotating(&upstream).start_in(gateway.stop());
    assert_eq!(status(&gateway, &secret), 200);
    assert_eq!(gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({})).0, 200);
    assert_eq!(status(&gateway, &secret), 401);
}

#[test]
fn a_secret_that_is_known_by_the_old_pepper_cannot_be_brought_again() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).start();
    let mut body = forever("u_1");
    body["secret"] = json!("ak_brought-along");
    gateway.create(&body);
    let gateway = rotating(&upstream).start_in(gateway.stop());
    let (status, answer) = gateway.admin("POST", "/v1/credentials", &body);
    assert_eq!(status, 409, "{answer}");
}

#[test]
fn a_secret_is_revealed_after_a_restart_and_not_under_another_sealing_key() {
    let upstream = Upstream::echo();
    let apis = one_api(&upstream).replace("name: key,", "name: key, issue: { revealable: true },");
    assert!(apis.contains("revealable"), "{apis}");
    let with = |key: &str| Setup::new(apis.clone()).environment("PORTCULLIS_SEALING_KEY", key);
    let gateway = with(SEALING_KEY).start();
    let (id, secret) = gateway.create(&forever("u_1"));
    let reveal = format!("/v1/credentials/{id}/reveal");
    let gateway = with(SEALING_KEY).start_in(gateway.stop());
    let (status, answer) = gateway.admin("POST", &reveal, &json!({ "subject": "u_1" }));
    assert_eq!((status, answer["secret"].as_str()), (200, Some(&*secret)), "{answer}");

    let gateway = with(OTHER_SEALING_KEY).start_in(gateway.stop());
    let (status, answer) = gateway.admin("POST", &reveal, &json!({}));
    assert!(status >= 500, "{status}: {answer}");
    assert!(answer["secret"].is_null(), "{answer}");
    gateway.stderr.wait("word of the key", |lines| {
        let why = "sealed under another key than store.sealing_key";
        lines.iter().any(|line| line.contains(why)).then_some(())
    });
}

#[test]
fn a_revealable_scheme_without_a_sealing_key_is_refused_at_start() {
    let upstream = Upstream::echo();
    let apis = one_api(&upstream).replace("name: key,", "name: key, issue: { revealable: true },");
    let (status, said) = Setup::new(apis).fails_to_start();
    assert_eq!(status.code(), Some(1));
    let expected =
        "store.sealing_key: the key is missing: the scheme `key` of the api `app` is revealable";
    assert!(said.contains(expected), "{said}");
}
