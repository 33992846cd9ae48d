//! What is measured: the whole decision on a request whose credential is cached.
//!
//! [`Known`] is what the gateway knows of credentials and [`Rules`] what it was configured with; [`Client`] asks with one
//! credential and for one route after another, in an order that nothing can guess. The cache and its fence are the gateway's own
//! files, so that what is measured is what runs; nothing else of the gateway is built.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use decision::config::snapshot::Snapshot;
use decision::config::{Fragment, Variables, load};
use decision::decide::{Refused, Step};
use decision::facts::{
    Credential, Fact, FactKey, Lookup, Resource, Subject, Timestamp, api_mask, realm_mask,
};
use decision::name::Id;
use decision::request::{Field, Framing, Protocol, RequestHead};
use decision::secret::{Pepper, Peppers, mint};
use decision::{decide, identity};
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cache::{Cache, Entry, Shelf};
use crate::fence::{Epoch, Fence, Stamp};
use crate::store::Position;

#[expect(dead_code, reason = "a decision uses a part of it")]
#[path = "../../gateway/src/facts/cache.rs"]
mod cache;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "a decision uses a part of it, and it is public there"
)]
#[path = "../../gateway/src/facts/fence.rs"]
mod fence;
#[path = "../../gateway/src/facts/hasher.rs"]
mod hasher;

/// What the gateway's files want of its store.
mod store {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) struct Position(pub(crate) u64);
}

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const API: &str = "app";
const SCHEME: &str = "key";
const PREFIX: &str = "ak_";
const HOST: &str = "api.example";
static REQUEST_ID: HeaderValue = HeaderValue::from_static("01936f5e-7b3a-7c1e-9d3a-6a1f0c2b4d5e");
/// When every decision is made.
const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// Organisations that share the credentials.
const ORGS: usize = 500;

/// The peppers that every measurement uses.
#[expect(clippy::expect_used, reason = "set-up of a measurement")]
pub fn peppers() -> Peppers {
    Pepper::new(&SecretString::from("a pepper that peppers nothing but measurements"))
        .expect("long enough")
        .into()
}

/// Well-formed secrets, each different.
pub fn secrets(count: usize) -> Vec<String> {
    let mut random = Random(1);
    let mut minted = || mint(PREFIX, |bytes| bytes.fill_with(|| (random.next() >> 56) as u8));
    (0..count).map(|_| minted().expose_secret().to_owned()).collect()
}

/// Credentials in a cache that holds them all.
#[derive(Debug)]
pub struct Known {
    peppers: Peppers,
    credentials: Cache<Fact>,
    subjects: Cache<Subject>,
    resources: Cache<Resource>,
    cached_at: Instant,
    /// The values of `Authorization`, in no order.
    presented: Texts,
}

impl Known {
    #[expect(clippy::disallowed_methods, reason = "a measurement has no other clock")]
    pub fn new(credentials: usize) -> Self {
        let fence = Arc::new(Fence::new(4096));
        let (capacity, ttl) = (2 * credentials as u64, Duration::from_hours(24));
        let unknown = Shelf::new(10_000, Duration::from_secs(2));
        let mut known = Self {
            peppers: peppers(),
            credentials: Cache::new(fence.clone(), Shelf::new(capacity, ttl), Some(unknown)),
            subjects: Cache::new(fence.clone(), Shelf::new(capacity, ttl), None),
            resources: Cache::new(fence, Shelf::new(capacity, ttl), None),
            cached_at: Instant::now(),
            presented: Texts::default(),
        };
        known.fill(credentials);
        known
    }

    /// Of subjects and organisations it is known that there is no record, as in most products.
    fn fill(&mut self, credentials: usize) {
        let (mask, realm) = (api_mask(API), realm_mask(API));
        let mut presented = secrets(credentials);
        for (number, secret) in presented.iter_mut().enumerate() {
            let key = FactKey::new(&mask, &self.peppers.current.digest(secret.as_bytes()));
            let fact = Fact::new(credential(number));
            let epoch = self.credentials.epoch();
            self.subjects.insert(fact.subject_key(&realm), self.entry(epoch, number, None));
            if let Some(org) = fact.org_key(&realm) {
                self.resources.insert(org, self.entry(epoch, number, None));
            }
            self.credentials.insert(key, self.entry(epoch, number, Some(fact)));
            secret.insert_str(0, "Bearer ");
        }
        self.presented = Texts::shuffled(presented);
    }

    fn entry<T>(&self, epoch: Epoch, number: usize, record: Option<T>) -> Entry<T> {
        let stamp = Stamp { epoch, position: Position(number as u64 + 1) };
        Entry { record: record.map(Arc::new), stamp, asked_at: self.cached_at }
    }
}

#[expect(clippy::expect_used, reason = "set-up of a measurement")]
fn credential(number: usize) -> Credential {
    let id = |text: String| Id::new(&text).expect("an id");
    Credential {
        id: id(format!("crd_{number:022}")),
        api: API.to_owned(),
        scheme: SCHEME.to_owned(),
        name: Some(format!("key {number}")),
        hint: format!("{PREFIX}…{:04}", number % 10_000),
        external_id: None,
        subject: id(format!("user_{number:08}")),
        org: Some(id(format!("org_{:08}", number % ORGS))),
        created_at: Timestamp(NOW.0 - 1_000_000),
        expires_at: Some(Timestamp(NOW.0 + 1_000_000)),
        revoked_at: None,
        revoke_reason: None,
        disabled: false,
        ceiling: None,
        grants: None,
        scopes: None,
        audience: None,
        client_id: None,
        addresses: None,
        limits: BTreeMap::new(),
        metadata: serde_json::Map::new(),
        last_used_at: None,
        version: 1,
    }
}

/// A configuration of one api with so many routes.
#[derive(Debug)]
pub struct Rules {
    snapshot: Snapshot,
    /// A path that leads to each route, in no order.
    paths: Texts,
}

impl Rules {
    pub fn new(routes: usize) -> Self {
        let (text, paths) = configuration(routes);
        Self { snapshot: compile(&text), paths: Texts::shuffled(paths) }
    }
}

/// A configuration of one api with so many routes, and a path that leads to each.
pub fn configuration(routes: usize) -> (String, Vec<String>) {
    let mut text = format!(
        "upstreams: {{ app: [127.0.0.1:9000] }}\napis:\n  - name: {API}\n    hosts: [{HOST}]\n    upstream: app\n    \
         schemes: [{{ name: {SCHEME}, prefix: {PREFIX} }}]\n    routes:\n"
    );
    let mut paths = Vec::with_capacity(routes);
    for number in 0..routes {
        let (path, asked) = match number % 3 {
            0 => (format!("/v1/things{number:05}"), format!("/v1/things{number:05}")),
            1 => {
                (format!("/v1/things{number:05}/{{id}}"), format!("/v1/things{number:05}/b_01HZX4"))
            }
            _ => (
                format!("/v1/orgs/{{org}}/things{number:05}/**"),
                format!("/v1/orgs/org_0001/things{number:05}/b_01HZX4/items"),
            ),
        };
        // A string that has no room for more than it holds cannot fail to take more.
        let _infallible = writeln!(text, "      - {{ path: \"{path}\", methods: [GET, POST] }}");
        paths.push(asked);
    }
    (text, paths)
}

/// From text to what a reload swaps.
#[expect(clippy::panic, reason = "set-up of a measurement")]
pub fn compile(text: &str) -> Snapshot {
    match load(&[Fragment::new("measured.yaml", text)], &NoVariables) {
        Ok(compiled) => compiled.configuration.snapshot,
        Err(refusal) => panic!("{:?}", refusal.errors),
    }
}

struct NoVariables;

impl Variables for NoVariables {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, _path: &str) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// Sends request after request: the head of an ordinary HTTP library, with the next credential on the next path.
#[derive(Debug)]
pub struct Client<'s> {
    known: &'s Known,
    rules: &'s Rules,
    fields: [Field<'s>; 12],
    busy: usize,
    asked: usize,
}

/// Where [`Client::fields`] has the credential.
const AUTHORIZATION: usize = 7;

impl<'s> Client<'s> {
    /// `busy`: how many of the credentials, and of the routes, the requests are spread over; all, if there are fewer.
    pub fn new(known: &'s Known, rules: &'s Rules, busy: usize) -> Self {
        let fields = [
            ("Host", HOST),
            (
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
            ),
            ("Accept", "application/json, text/plain, */*"),
            ("Accept-Encoding", "gzip, deflate, br, zstd"),
            ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
            ("Connection", "keep-alive"),
            ("Origin", "https://app.example"),
            ("Authorization", ""),
            ("Referer", "https://app.example/boards"),
            ("Cache-Control", "no-cache"),
            ("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("X-Client-Version", "2026.11.3"),
        ];
        let fields = fields.map(|(name, value)| Field { name, value: value.as_bytes() });
        Self { known, rules, fields, busy, asked: 0 }
    }

    /// The head of the next request.
    pub fn next_head(&mut self) -> RequestHead<'_> {
        let Self { known, rules, fields, busy, asked } = self;
        if let Some(field) = fields.get_mut(AUTHORIZATION) {
            field.value = known.presented.get(*asked, *busy).as_bytes();
        }
        let path = rules.paths.get(*asked, *busy);
        *asked += 1;
        RequestHead {
            protocol: Protocol::Http11,
            method: "GET",
            path,
            query: Some("limit=20&cursor=b_01HZX4"),
            host: HOST,
            fields,
            framing: Framing::None,
            listener: 0,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            trusted_proxies: &[],
        }
    }

    /// Decides the next request; gives the number of identity fields that its upstream would receive.
    #[expect(clippy::expect_used, reason = "a decision that fails is not the one to be measured")]
    pub fn decide(&mut self) -> usize {
        let (known, rules) = (self.known, self.rules);
        let head = black_box(self.next_head());
        let question = decide::ask(&rules.snapshot, &known.peppers, &head).expect("a question");
        let authenticated = ready(question.authenticate(known, NOW)).expect("a principal");
        let permit = ready(question.authorize(authenticated, known)).expect("a permit");
        identity::headers(&permit, &REQUEST_ID).map(black_box).count()
    }
}

fn ready<T>(step: Result<Step<T>, Refused<'_>>) -> Option<T> {
    match step {
        Ok(Step::Ready(ready)) => Some(ready),
        Ok(Step::Wants(_)) | Err(_) => None,
    }
}

impl decision::facts::Known for Known {
    fn credential(&self, key: &FactKey) -> Option<Lookup> {
        self.credentials.get(key, self.cached_at).map(Entry::into_lookup)
    }

    fn subject(&self, key: &FactKey) -> Option<Lookup<Subject>> {
        self.subjects.get(key, self.cached_at).map(Entry::into_lookup)
    }

    fn resource(&self, key: &FactKey) -> Option<Lookup<Resource>> {
        self.resources.get(key, self.cached_at).map(Entry::into_lookup)
    }
}

/// Texts in no order, and side by side: a request has just been read, so finding the next one must cost nothing.
#[derive(Debug, Default)]
struct Texts {
    text: String,
    /// Where each begins, and where the last ends.
    bounds: Vec<usize>,
}

impl Texts {
    fn shuffled(mut texts: Vec<String>) -> Self {
        Random(2).shuffle(&mut texts);
        let mut all = Self { text: String::new(), bounds: vec![0] };
        for text in texts {
            all.text.push_str(&text);
            all.bounds.push(all.text.len());
        }
        all
    }

    /// Begins anew after `busy` of them, or after the last.
    fn get(&self, number: usize, busy: usize) -> &str {
        let number = number % busy.min(self.bounds.len() - 1);
        let bounds = self.bounds.get(number).zip(self.bounds.get(number + 1));
        bounds.and_then(|(&begin, &end)| self.text.get(begin..end)).unwrap_or_default()
    }
}

/// The splitmix64 sequence: the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}
