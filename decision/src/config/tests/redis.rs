//! The store that several replicas share.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Environment, PEPPER, file, lines};
use crate::config::load;
use crate::config::snapshot::{Address, RedisServers, RedisSettings};

const APP: &str = "upstreams: { app: [127.0.0.1:9000] }\napis: [{ name: app, upstream: app, schemes: [{ name: key, prefix: ak_ }] }]\n";

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\n…\n-----END EC PRIVATE KEY-----\n";

fn read(store: &str) -> Result<RedisSettings, Vec<String>> {
    let text = format!("store: {{ kind: redis, pepper: {PEPPER}, {store} }}\n{APP}");
    let files = [("ca.crt", CERTIFICATE), ("c.crt", CERTIFICATE), ("c.key", KEY)];
    let files = files.map(|(name, content)| (format!("conf/{name}"), content));
    let files = files.each_ref().map(|(name, content)| (name.as_str(), *content));
    match load(&file(&text), &Environment::of(&files)) {
        Ok(compiled) => Ok(compiled.configuration.process.store.redis.unwrap()),
        Err(refusal) => Err(lines(&refusal.errors)),
    }
}

fn address(host: &'static str, port: u16) -> Address {
    Address { host: host.into(), port }
}

#[test]
fn a_url_says_where_redis_is() {
    let one = |host, port| RedisServers::One(address(host, port));
    for (url, servers, db) in [
        ("redis://127.0.0.1:6379/0", one("127.0.0.1", 6379), 0),
        ("redis://redis.internal", one("redis.internal", 6379), 0),
        ("redis://[::1]:7000/15", one("::1", 7000), 15),
        ("redis://[::1]/", one("::1", 6379), 0),
        (
            "redis+sentinel://a:1,b,[::1]:3/main/2",
            RedisServers::Sentinel {
                nodes: vec![address("a", 1), address("b", 26379), address("::1", 3)],
                service: "main".into(),
            },
            2,
        ),
    ] {
        let settings = read(&format!("url: '{url}'")).unwrap();
        assert_eq!((settings.servers, settings.db), (servers, db), "{url}");
        assert!(settings.tls.is_none() && settings.user.is_none() && settings.password.is_none());
    }
    let settings = read("acknowledge: 2").unwrap();
    assert_eq!((settings.servers, settings.acknowledge), (one("127.0.0.1", 6379), 2));
    let settings = read("url: ['redis://a:1', 'redis://b:2']").unwrap();
    assert_eq!(settings.servers, RedisServers::Cluster(vec![address("a", 1), address("b", 2)]));
}

#[test]
fn a_url_holds_a_login_with_its_escapes() {
    for (login, user, password) in [
        ("", None, None),
        (":secret@", None, Some("secret")),
        ("app:@", Some("app"), None),
        ("app@", Some("app"), None),
        ("app:a%40b%2Fc%3f%23%25@", Some("app"), Some("a@b/c?#%")),
        (":a:b@c@", None, Some("a:b@c")),
    ] {
        let settings = read(&format!("url: 'redis://{login}h/1'")).unwrap();
        let found = settings.password.as_ref().map(SecretString::expose_secret);
        assert_eq!((settings.user.as_deref(), found), (user, password), "{login}");
    }
}

#[test]
fn files_of_tls_lie_beside_the_file_that_names_them() {
    let settings = read("url: 'rediss://h', tls: { ca: ca.crt, certificate: c.crt, key: c.key }");
    let tls = settings.unwrap().tls.unwrap();
    assert_eq!(tls.ca.as_deref(), Some(Path::new("conf/ca.crt")));
    let (certificate, key) = tls.identity.unwrap();
    assert_eq!((&*certificate, &*key), (Path::new("conf/c.crt"), Path::new("conf/c.key")));
    assert!(read("url: 'rediss://h'").unwrap().tls.unwrap().ca.is_none());
}

#[test]
fn what_is_wrong_is_said_and_no_password_is_shown() {
    for (store, expected) in [
        ("url: 'hunter2'", "store.url: expected a URL such as `redis://:password@10.0.0.1:6379/0`"),
        (
            "url: 'http://:hunter2@h'",
            "store.url: the scheme must be `redis`, `rediss`, `redis+sentinel` or `rediss+sentinel`",
        ),
        (
            "url: 'redis://:hunter2@h?x=1'",
            "store.url: `?` and `#` have no meaning here; in a password they are written `%3F` and `%23`",
        ),
        (
            "url: 'redis://:hunter2%@h'",
            "store.url: a `%` is followed by two hexadecimal digits, and what they stand for is UTF-8",
        ),
        (
            "url: 'redis://:hunter2@'",
            "store.url: a host is a name, an IPv4 address or an IPv6 address in brackets, with or without a port",
        ),
        (
            "url: 'redis://:hunter2@h:0'",
            "store.url: a host is a name, an IPv4 address or an IPv6 address in brackets, with or without a port",
        ),
        ("url: 'redis://:hunter2@h/x'", "store.url: the database is a number"),
        ("url: 'redis://:hunter2@h/70000'", "store.url: the database is a number up to 65535"),
        (
            "url: 'redis://:hunter2@a,b'",
            "store.url: several hosts are a list of URLs (a cluster), or `redis+sentinel://`",
        ),
        (
            "url: 'redis+sentinel://:hunter2@a,b'",
            "store.url: after the hosts of Sentinel comes the name of the service",
        ),
        ("url: []", "store.url: the list is empty; expected at least one item"),
        (
            "url: ['redis://:hunter2@a', 'redis://b']",
            "store.url: the servers of a cluster must have the same scheme, user and password",
        ),
        (
            "url: ['redis://:hunter2@a/1']",
            "store.url[0]: a cluster has neither Sentinel nor databases but 0",
        ),
        (
            "url: 'redis://h', tls: { ca: ca.crt }",
            "store.tls: `tls` needs a `url` that begins with `rediss`",
        ),
        ("tls: { ca: ca.crt }", "store.tls: `tls` needs a `url` that begins with `rediss`"),
        ("url: 'rediss://h', tls: { key: c.key }", "store.tls: the key `certificate` is missing"),
        ("url: 'rediss://h', tls: { certificate: c.crt }", "store.tls: the key `key` is missing"),
        (
            "url: 'rediss://h', tls: { ca: nowhere.crt }",
            "store.tls.ca: cannot read the file `nowhere.crt`: entity not found",
        ),
        (
            "url: 'rediss://h', tls: { certificate: c.key, key: c.key }",
            "store.tls.certificate: the file `c.key` holds no certificate in PEM",
        ),
        (
            "url: 'rediss://h', tls: { certificate: c.crt, key: c.crt }",
            "store.tls.key: the file `c.crt` holds no private key in PEM",
        ),
    ] {
        let found = read(store).unwrap_err();
        let [found] = found.as_slice() else { panic!("{store}: {found:?}") };
        let said = found.splitn(3, ':').nth(2).unwrap().trim_start();
        assert_eq!(said, expected, "{store}");
        assert!(!found.contains("hunter2"));
    }
}

#[test]
fn files_of_tls_are_not_opened_while_the_store_is_of_the_other_kind() {
    let text = format!("store: {{ url: 'rediss://h', tls: {{ ca: nowhere.crt }} }}\n{APP}");
    assert!(load(&file(&text), &Environment::default()).is_ok());
}

#[test]
fn redis_needs_a_pepper_that_all_replicas_share() {
    for store in ["{ kind: redis }", "{ kind: redis, pepper: '' }"] {
        let refusal = load(&file(&format!("store: {store}\n{APP}")), &Environment::default());
        let found = lines(&refusal.unwrap_err().errors);
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert!(found.ends_with("store.pepper: redis needs a pepper, the same for all replicas"));
    }
}
