//! All five products behind one gateway, or behind several that share a store: nothing of one ever shows in an answer of another.
//!
//! The products have everything in common that they can have: subjects, organisations and boards of the same names, and tokens
//! of PostBoost's that are, letter for letter, those of others. What is to become of a request each product says for itself, in a
//! file of its own, from its pages and from what was drawn for it.

use std::collections::{BTreeMap, HashMap};
use std::thread;

use crate::support::redis::Redis;
use crate::support::{Gateway, Setup, Upstream};

mod agentkanban;
mod calmboard;
mod imboard;
mod imbrace;
mod postboost;
mod visitor;
mod world;

use visitor::Visitor;
use world::Secrets;

const REQUESTS: usize = 10_000;
const CLIENTS: usize = 4;
/// Of each client, one after the other, so that none comes near the limits of an address.
const ADDRESSES: usize = 100;

/// A request, before it is sent.
#[derive(Debug)]
struct Asked {
    method: &'static str,
    target: String,
    /// Which of the product's own kinds of routes it is for, and which thing of that kind the path names.
    kind: usize,
    thing: usize,
    bearer: Option<String>,
    api_key: Option<String>,
    access_token: Option<String>,
    calmboard_key: Option<String>,
    address: String,
}

/// What it is to become.
#[derive(Debug)]
struct Expected {
    outcome: &'static str,
    /// The one limit that counts it, where it gets so far.
    limit: Option<Limit>,
    becomes: Becomes,
}

#[derive(Debug)]
struct Limit {
    name: &'static str,
    max: u64,
    /// In seconds.
    window: u64,
    /// Whom it counts.
    key: String,
}

#[derive(Debug)]
enum Becomes {
    Refused(Words),
    /// Field by field, what the application is told; of no other product's it is told anything.
    Told(Vec<(&'static str, Option<String>)>),
}

/// A refusal. In its body `$id` is the request's id.
#[derive(Debug)]
struct Words {
    status: u16,
    content_type: &'static str,
    body: String,
}

impl Words {
    fn json(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "application/json", body: body.into() }
    }
}

impl Expected {
    fn refused(outcome: &'static str, words: Words) -> Self {
        Self { outcome, limit: None, becomes: Becomes::Refused(words) }
    }

    fn told(fields: impl Into<Vec<(&'static str, Option<String>)>>) -> Self {
        Self { outcome: "forwarded", limit: None, becomes: Becomes::Told(fields.into()) }
    }

    fn within(self, limit: Limit) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

/// A product, with what was drawn for it.
trait Oracle: Sync {
    fn name(&self) -> &'static str;
    fn host(&self) -> &'static str;
    /// The fields in which its application is told who asks.
    fn identity(&self) -> &'static [&'static str];
    /// Method, target, kind and thing of a request.
    fn draw(&self, random: &mut fastrand::Rng) -> (&'static str, String, usize, usize);
    fn expected(&self, asked: &Asked) -> Expected;
    /// What is said of a request over its limit.
    fn limited(&self, asked: &Asked) -> Words;
    /// Whether it could have made this id of a request.
    fn made(&self, request_id: &str) -> bool;
}

/// Whether a request's id is a UUID.
fn is_uuid(id: &str) -> bool {
    id.len() == 36 && id.bytes().filter(|byte| *byte == b'-').count() == 4
}

/// An error of JSON-RPC 2.0 as clients of an MCP route read it.
fn jsonrpc(status: u16, code: &str, message: &str) -> Words {
    let data = format!(r#"{{"code":"{code}","status":{status},"request_id":"$id"}}"#);
    let error = format!(r#"{{"code":-32001,"message":"{message}","data":{data}}}"#);
    Words::json(status, format!(r#"{{"jsonrpc":"2.0","id":null,"error":{error}}}"#))
}

/// The gateways, and the one application of each product that they all go to.
struct Fleet {
    gateways: Vec<Gateway>,
    upstreams: BTreeMap<&'static str, Upstream>,
}

/// The variables of each product's file.
const VARIABLES: [(&str, &[&str]); 5] = [
    ("imboard", &["IMBOARD_UPSTREAM"]),
    ("calmboard", &["CALMBOARD_UPSTREAM"]),
    ("postboost", &["POSTBOOST_UPSTREAM"]),
    ("agentkanban", &["AGENTKANBAN_UPSTREAM", "AGENTKANBAN_MCP_UPSTREAM"]),
    ("imbrace", super::imbrace::UPSTREAMS),
];

impl Fleet {
    fn start(setups: impl IntoIterator<Item = Setup>) -> Self {
        let upstreams: BTreeMap<_, _> =
            VARIABLES.iter().map(|(product, _)| (*product, Upstream::echo())).collect();
        let gateways = setups.into_iter().map(|setup| {
            let mut setup = setup
                .environment(
                    "PORTCULLIS_SEALING_KEY",
                    "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
                )
                .environment("IMBRACE_MAX", &imbrace::MAX.to_string());
            for (product, variables) in VARIABLES {
                let address = upstreams[product].address().to_string();
                for variable in variables {
                    setup = setup.environment(variable, &address);
                }
            }
            let gateway = setup.start();
            // The web applications see whatever a client sends.
            gateway.forwards_credentials();
            gateway
        });
        Self { gateways: gateways.collect(), upstreams }
    }
}

fn never_cross(setups: impl IntoIterator<Item = Setup>) {
    let fleet = Fleet::start(setups);
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let first = &fleet.gateways[0];
    let secrets = Secrets::new();
    let oracles: Vec<Box<dyn Oracle>> = vec![
        Box::new(imboard::Imboard::draw(&mut random, first, &secrets)),
        Box::new(calmboard::Calmboard::draw(&mut random, first, &secrets)),
        Box::new(postboost::Postboost::draw(&mut random, first, &secrets)),
        Box::new(agentkanban::Agentkanban::draw(&mut random, first, &secrets)),
        Box::new(imbrace::Imbrace::draw(&mut random, first, &secrets)),
    ];
    let visitors: Vec<Visitor<'_>> = thread::scope(|scope| {
        let visitors: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (oracles, secrets) = (&oracles, secrets.of(client, CLIENTS));
                let mut random = fastrand::Rng::with_seed(seed.wrapping_add(client as u64 + 1));
                let mut visitor = Visitor::new(seed, oracles, &fleet.gateways);
                scope.spawn(move || {
                    for number in 0..REQUESTS / CLIENTS {
                        let address = format!("10.9.{client}.{}", number % ADDRESSES);
                        visitor.ask(&mut random, &secrets, address);
                    }
                    visitor
                })
            })
            .collect();
        visitors.into_iter().map(|visitor| visitor.join().expect("no answer crosses")).collect()
    });
    let told: usize = visitors.iter().map(|visitor| visitor.told).sum();
    assert!((REQUESTS / 10..REQUESTS).contains(&told), "{told} of {REQUESTS} went through");
    assert!(visitors.iter().any(|visitor| visitor.limited > 0), "no limit was ever reached");
    let seen: usize = fleet.upstreams.values().map(|upstream| upstream.requests().len()).sum();
    assert_eq!(seen, told);
    for (product, upstream) in &fleet.upstreams {
        let oracle = oracles.iter().find(|oracle| oracle.name() == *product).unwrap();
        let hosts = upstream.requests();
        assert!(
            hosts.iter().all(|request| request.field("host") == Some(oracle.host())),
            "{product}"
        );
    }
    for (replica, gateway) in fleet.gateways.iter().enumerate() {
        let logged = visitors.iter().flat_map(|visitor| &visitor.logged[replica]);
        let logged: HashMap<_, _> =
            logged.map(|(id, product, outcome)| (&**id, (*product, *outcome))).collect();
        let lines = gateway.lines(logged.len());
        assert_eq!(lines.len(), logged.len());
        for line in lines {
            let text = |key: &str| line[key].as_str().unwrap_or_default();
            assert_eq!(
                logged.get(text("request_id")),
                Some(&(text("api"), text("outcome"))),
                "{line}"
            );
        }
    }
}

/// Each with its own file.
#[test]
fn five_products_in_one_gateway_never_cross() {
    let files = VARIABLES.map(|(product, _)| format!("{product}.yaml"));
    let files = files.each_ref().map(String::as_str);
    never_cross([Setup::shipped(&files).listener("trusted_proxies: [127.0.0.0/8]")]);
}

#[test]
fn five_products_in_three_gateways_that_share_a_redis_never_cross() {
    let redis = Redis::start();
    never_cross((1..=3).map(|number| {
        Setup::shipped_folder("fleet")
            .environment("HOSTNAME", &format!("gw-{number}"))
            .environment("PORTCULLIS_REDIS", &format!("redis://{}/0", redis.address()))
            .environment("PORTCULLIS_PUBLIC_ADDRESS", "127.0.0.1:0")
            .environment("PORTCULLIS_ADMIN_ADDRESS", "127.0.0.1:0")
            .environment("PORTCULLIS_HEALTH_ADDRESS", "127.0.0.1:0")
            .environment("PORTCULLIS_TRUSTED_PROXIES", "127.0.0.0/8")
            // A busy machine keeps a look-up waiting far longer than a request should.
            .environment("PORTCULLIS_STORE_TIMEOUT", "10s")
    }));
}
