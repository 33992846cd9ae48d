//! A client of all five products that knows what each answer has to be.

use std::time::{Duration, Instant};

use super::world::Secrets;
use super::*;
use crate::support::{Client, Response, request};

/// What one client has seen so far of the limits that count it, by replica, product, rule and key: when each request was let
/// through that counts.
type Counts = HashMap<(usize, &'static str, &'static str, String), Vec<Instant>>;

/// A request that was answered, as the access log should have it: its id, its product and its outcome.
type Logged = (String, &'static str, &'static str);

pub(super) struct Visitor<'t> {
    seed: u64,
    oracles: &'t [Box<dyn Oracle>],
    connections: Vec<Client>,
    counts: Counts,
    /// By replica.
    pub(super) logged: Vec<Vec<Logged>>,
    /// How many requests went through.
    pub(super) told: usize,
    /// And how many were over a limit.
    pub(super) limited: usize,
}

/// What a replica answered, and when it was asked.
struct Answered {
    replica: usize,
    began: Instant,
    answer: Response,
}

impl<'t> Visitor<'t> {
    pub(super) fn new(seed: u64, oracles: &'t [Box<dyn Oracle>], gateways: &[Gateway]) -> Self {
        Self {
            seed,
            oracles,
            connections: gateways.iter().map(Gateway::connect).collect(),
            counts: Counts::default(),
            logged: vec![Vec::new(); gateways.len()],
            told: 0,
            limited: 0,
        }
    }

    /// One request of a random product to a random replica, and what became of it.
    pub(super) fn ask(&mut self, random: &mut fastrand::Rng, secrets: &Secrets, address: String) {
        let (replica, product) =
            (random.usize(..self.connections.len()), random.usize(..self.oracles.len()));
        let oracle = &*self.oracles[product];
        let (method, target, kind, thing) = oracle.draw(random);
        let mut carried =
            || (random.u8(..3) == 0).then(|| secrets.draw(random, oracle.name()).to_owned());
        let (mut bearer, api_key, access_token, calmboard_key) =
            (carried(), carried(), carried(), carried());
        if random.bool() {
            bearer = Some(secrets.draw(random, oracle.name()).to_owned());
        }
        let asked = Asked {
            method,
            target,
            kind,
            thing,
            bearer,
            api_key,
            access_token,
            calmboard_key,
            address,
        };
        let expected = oracle.expected(&asked);
        let began = now();
        let answer = send(&mut self.connections[replica], oracle.host(), self.oracles, &asked);
        let answered = Answered { replica, began, answer };
        let outcome = self.judge(oracle, &asked, &expected, &answered);
        self.logged[replica].push((answered.answer.request_id(), oracle.name(), outcome));
    }

    /// Holds the answer to what is expected; says the outcome.
    fn judge(
        &mut self,
        oracle: &dyn Oracle,
        asked: &Asked,
        expected: &Expected,
        Answered { replica, began, answer }: &Answered,
    ) -> &'static str {
        let seed = self.seed;
        let context = || {
            let body = answer.text();
            format!("seed {seed}: {} {asked:?}: {expected:?}\n{answer:?}\n{body}", oracle.name())
        };
        let id = answer.request_id();
        assert!(oracle.made(&id), "{}", context());
        let Some(limit) = &expected.limit else {
            assert_eq!(
                (answer.all("ratelimit"), answer.all("ratelimit-policy")),
                (vec![], vec![]),
                "{}",
                context()
            );
            self.becomes(&expected.becomes, answer, &id, &context);
            return expected.outcome;
        };
        let policy = format!(r#""{}";q={};w={}"#, limit.name, limit.max, limit.window);
        assert_eq!(answer.all("ratelimit-policy"), [policy], "{}", context());
        let counted = self
            .counts
            .entry((*replica, oracle.name(), limit.name, limit.key.clone()))
            .or_default();
        let window = Duration::from_secs(limit.window);
        // What was surely let through within the window, and what may have been.
        let surely = counted.iter().filter(|then| then.elapsed() < window).count() as u64;
        let left = left(answer, limit.name).unwrap_or_else(|| panic!("{}", context()));
        if surely == limit.max || (answer.status == 429 && counted.len() as u64 >= limit.max) {
            let words = oracle.limited(asked);
            assert_eq!(left, 0, "{}", context());
            self.becomes(&Becomes::Refused(words), answer, &id, &context);
            self.limited += 1;
            return "rate_exceeded";
        }
        counted.push(*began);
        let fewest = limit.max.saturating_sub(counted.len() as u64);
        assert!(
            (fewest..limit.max).contains(&left),
            "{left} of {} are left: {}",
            limit.max,
            context()
        );
        self.becomes(&expected.becomes, answer, &id, &context);
        expected.outcome
    }

    fn becomes(
        &mut self,
        becomes: &Becomes,
        answer: &Response,
        id: &str,
        context: &dyn Fn() -> String,
    ) {
        match becomes {
            Becomes::Refused(words) => {
                let body = words.body.replace("$id", id);
                assert_eq!((answer.status, answer.text()), (words.status, body), "{}", context());
                assert_eq!(answer.field("content-type"), Some(words.content_type), "{}", context());
            }
            Becomes::Told(fields) => {
                assert_eq!(answer.status, 200, "{}", context());
                let echo = answer.echo();
                for name in self.oracles.iter().flat_map(|oracle| oracle.identity()) {
                    let told = echo.all(name);
                    let expected = fields
                        .iter()
                        .find(|(known, _)| known == name)
                        .map(|(_, value)| value.clone());
                    let expected: Vec<_> = expected.flatten().into_iter().collect();
                    assert_eq!(told, expected, "{name}: {}", context());
                }
                self.told += 1;
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "windows of limits pass while the test runs")]
fn now() -> Instant {
    Instant::now()
}

/// What a limit says is left.
fn left(answer: &Response, name: &str) -> Option<u64> {
    let field = answer.field("ratelimit")?;
    let rest = field.strip_prefix(&format!(r#""{name}";r="#))?;
    rest.split(';').next()?.parse().ok()
}

/// Every name in which any product's application is told something is claimed by the client.
fn send(client: &mut Client, host: &str, oracles: &[Box<dyn Oracle>], asked: &Asked) -> Response {
    let bearer = asked.bearer.as_ref().map(|secret| format!("Bearer {secret}"));
    let mut fields = vec![("host", host), ("x-forwarded-for", &*asked.address)];
    let carried = [
        ("authorization", &bearer),
        ("x-api-key", &asked.api_key),
        ("x-access-token", &asked.access_token),
        ("x-calmboard-api-key", &asked.calmboard_key),
    ];
    fields.extend(carried.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
    let names = oracles.iter().flat_map(|oracle| oracle.identity());
    fields.extend(names.map(|name| (*name, "EVIL")));
    client.send(request(asked.method, &asked.target, &fields, "")).response()
}
