//! A running admin API for tests: the whole router over an embedded store, without a socket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Builder;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use decision::config::snapshot::CacheSettings;
use decision::config::{Compiled, Fragment, load};
use decision::secret::{Pepper, Peppers, SealingKey};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::ServiceExt as _;

use super::{Admin, Fleet, Keys, Parts, router};
use crate::facts::{Facts, Lease};
use crate::feed::Feed;
use crate::generation::{Generation, Generations};
use crate::metrics::Metrics;
use crate::source::Surroundings;
use crate::store::Store;
use crate::store::embedded::Embedded;
use crate::worker::Command;

pub(crate) const TOKEN: &str = "admin-token";
const CONFIGURATION: &str = r#"
store: { sealing_key: BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc= }
upstreams: { app: ["127.0.0.1:9"] }
apis:
  - name: app
    upstream: app
    limits: { per-key: { max: 600, window: 5m } }
    schemes:
      - { name: key, prefix: ak_ }
      - { name: live, prefix: ak_live_ }
      - { name: terms, prefix: tm_, issue: { lifetimes: [30d, 90d] } }
      - { name: dated, prefix: dt_, issue: { lifetimes: [date, never] } }
      - { name: foreign, prefix: fo_, issue: { checksum: false } }
      - { name: cookie, prefix: ck_, from: ["cookie:sid"] }
      - { name: any, from: ["header:x-token"] }
      - { name: shown, prefix: sh_, issue: { revealable: true } }
      - { name: club, prefix: cl_, issue: { members_only: true } }
      - { name: owned, prefix: ow_, issue: { org: required } }
      - { name: tied, prefix: ti_, bound: true }
      - { name: begins, prefix: be_, issue: { expiry: start_of_day_utc } }
      - { name: ends, prefix: en_, issue: { expiry: end_of_day_utc } }
      - { name: gone, prefix: go_, on_revoke: delete }
  - name: beside
    realm: app
    hosts: [beside.test]
    upstream: app
    schemes: [{ name: key, prefix: ak_ }]
  - name: other
    hosts: [other.test]
    upstream: app
    schemes: [{ name: key, prefix: ak_ }]
"#;

/// A running admin API.
pub(crate) struct House {
    pub(crate) router: Router,
    peppers: Peppers,
    pub(crate) store: Arc<dyn Store>,
    /// The one that the admin API applies its changes to.
    pub(crate) own_feed: Arc<Feed>,
    folder: Option<TempDir>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Embedded::open(&folder.path().join("store.db"), &peppers()).unwrap();
        Self { folder: Some(folder), ..Self::over(Arc::new(store)) }
    }

    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        Self::with(store, CONFIGURATION, Vec::new(), None)
    }

    /// One of another configuration.
    pub(crate) fn of(configuration: &str) -> Self {
        let whole = Self::new();
        let store = Arc::clone(&whole.store);
        Self { folder: whole.folder, ..Self::with(store, configuration, Vec::new(), None) }
    }

    /// One with a worker that hears of changes when the test lets it.
    pub(crate) fn with_worker() -> (Self, UnboundedReceiver<Command>) {
        let whole = Self::new();
        let store = Arc::clone(&whole.store);
        let (commands, inbox) = unbounded_channel();
        let house = Self::with(store, CONFIGURATION, vec![commands], None);
        (Self { folder: whole.folder, ..house }, inbox)
    }

    /// One of several replicas.
    pub(crate) fn in_fleet(fleet: Fleet) -> Self {
        Self::in_fleet_with(fleet, Vec::new())
    }

    /// One of them, with these workers.
    pub(crate) fn in_fleet_with(fleet: Fleet, workers: Vec<UnboundedSender<Command>>) -> Self {
        let whole = Self::new();
        let store = Arc::clone(&whole.store);
        let house = Self::with(store, CONFIGURATION, workers, Some(fleet));
        Self { folder: whole.folder, ..house }
    }

    fn with(
        store: Arc<dyn Store>,
        configuration: &str,
        workers: Vec<UnboundedSender<Command>>,
        fleet: Option<Fleet>,
    ) -> Self {
        let compiled = compiled(configuration);
        let process = &compiled.configuration.process;
        let sealing = process.store.sealing_key.as_ref().and_then(SealingKey::new);
        let own_feed = feed(Arc::clone(&store), workers);
        let admin = Admin::new(Parts {
            store: Arc::clone(&store),
            keys: Keys { peppers: peppers(), sealing },
            feed: Arc::clone(&own_feed),
            bounds: process.bounds.clone(),
            generations: generations(compiled),
            token: SecretString::from(TOKEN),
            replica: "gw-1".to_owned(),
            fleet,
            reloader: None,
        });
        Self { router: router(Arc::new(admin)), peppers: peppers(), store, own_feed, folder: None }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = request(method, path);
        let request = match body {
            None => request.body(Body::empty()),
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_string().into()),
        };
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Creates a credential of user_1 in `app` by the scheme `key`, but for what `with` says.
    pub(crate) async fn create(&self, with: Value) -> Answer {
        self.post("/v1/credentials", order(with)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// The id of a credential made by [`Self::create`].
    pub(crate) async fn created(&self, with: Value) -> String {
        let answer = self.create(with).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        text(&answer.body["credential"]["id"])
    }

    /// A feed of its own over the same store.
    pub(crate) fn feed(&self) -> Arc<Feed> {
        feed(Arc::clone(&self.store), Vec::new())
    }

    /// Whether the store holds a credential with this secret in `app`.
    pub(crate) async fn knows(&self, secret: &str) -> bool {
        let read = self.store.find("app", &self.peppers.digests(secret.as_bytes())).await.unwrap();
        read.value.is_some()
    }
}

impl Answer {
    /// The fields that a refusal names, in order.
    pub(crate) fn refused(&self) -> Vec<String> {
        assert_eq!(self.status, 422, "{}", self.body);
        let errors = self.body["errors"].as_array().unwrap();
        errors.iter().map(|error| text(&error["field"])).collect()
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

pub(crate) fn request(method: Method, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
}

pub(crate) fn order(with: Value) -> Value {
    let mut order = json!({ "api": "app", "scheme": "key", "subject": "user_1" });
    let (Value::Object(order_fields), Value::Object(with)) = (&mut order, with) else { panic!() };
    order_fields.extend(with);
    order
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn peppers() -> Peppers {
    Pepper::new(&SecretString::from("p".repeat(32))).unwrap().into()
}

fn feed(store: Arc<dyn Store>, workers: Vec<UnboundedSender<Command>>) -> Arc<Feed> {
    let settings = CacheSettings {
        capacity: 100,
        ttl: Duration::from_mins(1),
        negative_capacity: 100,
        negative_ttl: Duration::from_secs(1),
    };
    let facts =
        Facts::new(store, &settings, Duration::from_secs(1), Handle::current(), Lease::endless());
    Arc::new(Feed::new(Arc::new(facts), workers))
}

pub(crate) fn compiled(configuration: &str) -> Compiled {
    let fragment = Fragment::new("test.yaml", configuration);
    load(&[fragment], &Surroundings).unwrap()
}

fn generations(compiled: Compiled) -> Arc<Generations> {
    let snapshot = compiled.configuration.snapshot;
    let generation = Generation::first(snapshot, compiled.written, &Metrics::new().unwrap());
    Arc::new(Generations::new(generation))
}
