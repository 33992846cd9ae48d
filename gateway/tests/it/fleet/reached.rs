//! The ways in which Redis is reached: as a user of its own, through TLS, in a cluster.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::*;
use crate::support::redis::Reply;
use crate::support::sockets::Nobody;

const ROUTES: &str = "routes: [{ path: /** }]";

/// Everything that is asked of the store is answered, and what one gateway is told all of them are.
#[track_caller]
fn works(fleet: &Fleet) {
    let key = fleet.warm();
    let [first, last] = [&fleet.gateways[0], fleet.gateways.last().unwrap()];
    let path = "/v1/subjects/u_1?realm=app";
    assert_eq!(first.admin("PUT", path, &json!({ "kind": "user", "state": "active" })).0, 201);
    assert_eq!(first.admin("PUT", "/v1/resources/o_1?realm=app", &json!({ "kind": "org" })).0, 201);
    for path in [
        path.to_owned(),
        "/v1/credentials?api=app".to_owned(),
        "/v1/subjects?realm=app".to_owned(),
        "/v1/audit".to_owned(),
        format!("/v1/credentials/{}", key.id),
    ] {
        let (status, answer) = last.admin("GET", &path, &Value::Null);
        assert_eq!(status, 200, "{path}: {answer}");
    }
    let (status, answer) = last.admin("GET", "/v1/replicas", &Value::Null);
    let replicas = answer["items"].as_array().unwrap().len();
    assert_eq!((status, replicas), (200, fleet.gateways.len()), "{answer}");
    let (status, answer) = fleet.revoke(0, &key, "?wait=all&timeout=20s");
    assert_eq!((status, &answer["propagation"]["complete"]), (200, &json!(true)), "{answer}");
    for gateway in &fleet.gateways {
        assert_eq!(ask(gateway, "/", &key), 401);
    }
    assert_eq!(first.admin("DELETE", &format!("/v1/credentials/{}", key.id), &Value::Null).0, 204);
}

/// The rules that the page on revocation gives for a user of Redis.
fn documented_user(password: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/revocation.md");
    let page = std::fs::read_to_string(page).unwrap();
    let line = page.lines().find(|line| line.starts_with("user portcullis on ")).unwrap();
    line.split(' ').skip(1).map(|word| word.replace("PASSWORD", password)).collect()
}

#[test]
fn the_user_of_redis_that_the_documentation_gives_is_enough() {
    let redis = Redis::start();
    let password = "p@ss/#% of redis, and more";
    let rules = documented_user(&password.replace(' ', "_"));
    let rules = ["ACL", "SETUSER"].into_iter().chain(rules.iter().map(String::as_str));
    assert_eq!(redis.command(&rules.collect::<Vec<_>>()), Reply::Text("OK".into()));
    let address = redis.address();
    let url = format!("redis://portcullis:p%40ss%2F%23%25_of_redis%2C_and_more@{address}/0");
    let fleet = Fleet::at(2, &url, Upstream::echo(), ROUTES, &CALM);
    works(&fleet);
    assert_eq!(redis.command(&["ACL", "LOG"]), Reply::List(Vec::new()), "nothing was refused");
    for gateway in &fleet.gateways {
        let said = gateway.said();
        assert!(!said.contains("of_redis"), "the password can be read: {said}");
        assert!(said.contains("keeps no append-only file"), "it sees how redis is set up: {said}");
    }
}

/// An authority, and what it has signed for a server and a client.
struct Signed(TempDir);

impl Signed {
    fn new() -> Self {
        let signed = Self(tempfile::tempdir().unwrap());
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the authority of the tests");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(signed.path("ca.crt"), ca.pem()).unwrap();
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &ca).unwrap();
            std::fs::write(signed.path(&format!("{name}.crt")), certificate.pem()).unwrap();
            std::fs::write(signed.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        signed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

#[test]
fn redis_is_reached_through_tls_with_a_certificate_to_show() {
    let (signed, place) = (Signed::new(), Nobody::new());
    let port = place.address().port().to_string();
    let files = ["ca.crt", "server.crt", "server.key"].map(|name| signed.text(name));
    let _redis = Redis::with(&[
        "--tls-port",
        &port,
        "--tls-ca-cert-file",
        &files[0],
        "--tls-cert-file",
        &files[1],
        "--tls-key-file",
        &files[2],
    ]);
    let own = ["ca.crt", "client.crt", "client.key"].map(|name| signed.text(name));
    let tls = format!("tls: {{ ca: {}, certificate: {}, key: {} }}", own[0], own[1], own[2]);
    let url = format!("rediss://127.0.0.1:{port}/0");
    let store = [&CALM[..], &[&tls]].concat();
    works(&Fleet::at(2, &url, Upstream::echo(), ROUTES, &store));
}

#[test]
fn a_file_of_tls_that_is_not_there_is_said_at_start() {
    let upstream = Upstream::echo();
    let setup = setup(&one_api_with(&upstream, ROUTES), 0, "url: rediss://127.0.0.1:1/0", &[]);
    let (status, said) = setup.store("tls: { ca: nowhere.crt }").fails_to_start();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("store.tls.ca: cannot read the file `nowhere.crt`"), "{said}");
}

#[test]
fn a_cluster_is_reached_through_any_of_its_servers() {
    let nodes = [(); 2].map(|()| Redis::with(&["--cluster-enabled", "yes"]));
    // The store's slot is the second's; the gateways are told of the first alone.
    let slots = ["0 4095", "4096 16383"];
    for (node, slots) in nodes.iter().zip(slots) {
        let (first, last) = slots.split_once(' ').unwrap();
        let added = node.command(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
        assert_eq!(added, Reply::Text("OK".into()));
    }
    let port = nodes[1].address().port().to_string();
    nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port]);
    for node in &nodes {
        eventually("the cluster is whole", || {
            node.command(&["CLUSTER", "INFO"]).text().contains("cluster_state:ok")
        });
    }
    let slot = nodes[0].command(&["CLUSTER", "KEYSLOT", "{portcullis}:head"]);
    assert!(matches!(slot, Reply::Number(4096..)), "{slot:?}");
    let url = format!("url: [\"redis://{}\"]", nodes[0].address());
    let store = [&CALM[..], &[&url]].concat();
    works(&Fleet::at(2, "", Upstream::echo(), ROUTES, &store));
    let keys = nodes.each_ref().map(|node| node.command(&["DBSIZE"]));
    assert!(matches!(keys, [Reply::Number(0), Reply::Number(1..)]), "{keys:?}");
}

/// Whoever asks in vain is told, and fills no log.
#[test]
fn of_many_calls_that_a_lost_store_does_not_answer_few_lines_tell() {
    let mut redis = Redis::start();
    let fleet = Fleet::with(1, redis.address(), &["timeout: 500ms"]);
    let gateway = &fleet.gateways[0];
    redis.kill();
    eventually("nobody can tell", || gateway.get("/", &[("x-api-key", "ak_nobody")]).status == 503);
    let list = || gateway.admin("GET", "/v1/credentials?api=app", &Value::Null).0;
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(list(), 503);
    }
    let told = gateway.said().matches("the store did not answer").count();
    let most = 2 + usize::try_from(began.elapsed().as_secs() / 10).unwrap();
    assert!((1..=most).contains(&told), "{told} lines, at most {most} expected");
}
