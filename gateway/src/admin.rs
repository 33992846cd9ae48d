//! The admin API (contract, section 10): JSON, for operators, behind one bearer token.
//!
//! Nothing is read or said before the token is checked, but for the document of the API itself. A change is made in the store and applied in this process before it
//! is answered (see `change`).

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use decision::config::snapshot::Bounds;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Mutex, Semaphore};
use uuid::Uuid;

use crate::clock;
use crate::feed::Feed;
use crate::generation::Generations;
use crate::log;
use crate::reload::Reloader;
use crate::store::{Author, Store};

mod audit;
mod body;
mod call;
mod change;
pub(crate) mod config;
mod credentials;
mod ending;
mod events;
mod explain;
mod fields;
mod fleet;
mod given;
mod grants;
mod import;
pub(crate) mod instant;
mod keys;
mod openapi;
mod order;
mod page;
mod patch;
pub(crate) mod problem;
mod propagation;
mod realm;
mod records;
mod repeat;
mod replicas;
mod resources;
mod roll;
mod rules;
mod secrets;
mod subjects;
mod telling;
mod terms;
pub(crate) mod view;
mod words;

pub use fleet::Fleet;
pub use keys::Keys;
pub(crate) use keys::mint;
use problem::Problem;
use telling::Telling;

/// The name under which the one admin token acts.
const AUTHOR: &str = "admin";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the admin API works on.
pub struct Admin {
    store: Arc<dyn Store>,
    keys: Keys,
    feed: Arc<Feed>,
    generations: Arc<Generations>,
    token: Token,
    replica: String,
    fleet: Option<Fleet>,
    bounds: Bounds,
    reloader: Option<Reloader>,
    /// Held by the one change that is being made.
    turn: Mutex<Telling>,
    /// Room for those who follow the events.
    followers: Arc<Semaphore>,
}

/// What it is made of.
#[derive(Debug)]
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub keys: Keys,
    pub feed: Arc<Feed>,
    pub generations: Arc<Generations>,
    pub token: SecretString,
    pub replica: String,
    /// `None`: this process is the only one, as with the embedded store.
    pub fleet: Option<Fleet>,
    /// Of requests: `explain` holds a head against them.
    pub bounds: Bounds,
    /// `None`: the configuration came from nowhere, and cannot be read anew.
    pub reloader: Option<Reloader>,
}

impl Admin {
    pub fn new(parts: Parts) -> Self {
        Self {
            store: parts.store,
            keys: parts.keys,
            feed: parts.feed,
            generations: parts.generations,
            token: Token::new(&parts.token),
            replica: parts.replica,
            fleet: parts.fleet,
            bounds: parts.bounds,
            reloader: parts.reloader,
            turn: Mutex::new(Telling::new()),
            followers: Arc::new(Semaphore::new(events::STREAMS)),
        }
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("replica", &self.replica).finish_non_exhaustive()
    }
}

pub fn router(admin: Arc<Admin>) -> Router {
    let credential = get(credentials::get).patch(credentials::update).delete(credentials::delete);
    let subject =
        get(subjects::get).put(subjects::put).patch(subjects::update).delete(subjects::delete);
    let resource =
        get(resources::get).put(resources::put).patch(resources::update).delete(resources::delete);
    let member = put(resources::put_member).delete(resources::delete_member);
    Router::new()
        .route("/v1/credentials", get(credentials::list).post(credentials::create))
        .route("/v1/credentials/{id}", credential)
        .route("/v1/credentials/{id}/grants/{resource}", put(grants::put).delete(grants::delete))
        .route("/v1/credentials/{id}/revoke", post(ending::revoke))
        .route("/v1/credentials/{id}/rotate", post(secrets::rotate))
        .route("/v1/credentials/{id}/reveal", post(secrets::reveal))
        .route("/v1/revocations", post(ending::revoke_all))
        .route("/v1/subjects", get(subjects::list))
        .route("/v1/subjects/{id}", subject)
        .route("/v1/resources", get(resources::list))
        .route("/v1/resources/{id}", resource)
        .route("/v1/resources/{id}/members/{subject}", member)
        .route("/v1/explain", post(explain::explain))
        .route("/v1/replicas", get(replicas::list))
        .route("/v1/audit", get(audit::list))
        .route("/v1/events", get(events::follow))
        .merge(config::routes())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .route_layer(middleware::from_fn_with_state(Arc::clone(&admin), repeat::once))
        .fallback(async || Problem::path_unknown())
        .layer(DefaultBodyLimit::max(body::LIMIT))
        .layer(middleware::from_fn_with_state(Arc::clone(&admin), guard))
        .merge(openapi::router())
        .layer(middleware::from_fn(common))
        .with_state(admin)
}

/// Stands before everything but the document of the API: without the token there is no answer but 401.
async fn guard(State(admin): State<Arc<Admin>>, mut request: Request, next: Next) -> Response {
    let known = bearer(request.headers()).is_some_and(|token| admin.token.is(token));
    if !known {
        return Problem::unauthorized().into_response();
    }
    let id = Uuid::now_v7().to_string();
    let value = HeaderValue::from_str(&id);
    let author = Author { name: AUTHOR.to_owned(), request: id, now: clock::wall() };
    request.extensions_mut().insert(author);
    let mut response = next.run(request).await;
    if let Ok(value) = value {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// No answer is for a cache.
async fn common(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A fault of ours, for the log: it shows no secret.
fn log_failure(message: &'static str, error: &dyn fmt::Display) {
    log::error(message, |line| {
        line.field("error", error.to_string());
    });
}

/// The token of the one `Authorization: Bearer …` field; of two fields none.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token.trim_ascii())
}

/// The admin token, as what proves it: comparing takes the same time whatever is presented.
struct Token {
    key: hmac::Key,
    proof: hmac::Tag,
}

impl Token {
    fn new(token: &SecretString) -> Self {
        // What makes the comparison safe is its constant time, not that nobody knows the key.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"portcullis admin token");
        let proof = hmac::sign(&key, token.expose_secret().as_bytes());
        Self { key, proof }
    }

    fn is(&self, presented: &[u8]) -> bool {
        hmac::verify(&self.key, presented, self.proof.as_ref()).is_ok()
    }
}

#[cfg(test)]
pub(crate) mod house;
#[cfg(test)]
mod tests;
