//! The admin API (contract, section 10): JSON, for operators, behind one bearer token.
//!
//! Nothing is read or said before the token is checked. A change is made in the store and applied in this process before it
//! is answered (see `change`).

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use decision::secret::Pepper;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use crate::feed::Feed;
use crate::generation::Generations;
use crate::store::Store;

mod body;
mod change;
mod credentials;
mod fields;
mod import;
pub(crate) mod instant;
pub(crate) mod order;
pub(crate) mod problem;
mod rules;
mod terms;
pub(crate) mod view;

use problem::Problem;

/// What the admin API works on.
pub struct Admin {
    store: Arc<dyn Store>,
    pepper: Pepper,
    feed: Arc<Feed>,
    generations: Arc<Generations>,
    token: Token,
    replica: String,
    /// Held by the one change that is being made.
    turn: Mutex<()>,
}

impl Admin {
    pub fn new(
        store: Arc<dyn Store>,
        pepper: Pepper,
        feed: Arc<Feed>,
        generations: Arc<Generations>,
        token: &SecretString,
        replica: String,
    ) -> Self {
        let token = Token::new(token);
        Self { store, pepper, feed, generations, token, replica, turn: Mutex::new(()) }
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("replica", &self.replica).finish_non_exhaustive()
    }
}

pub fn router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/v1/credentials", get(credentials::list).post(credentials::create))
        .route("/v1/credentials/{id}", get(credentials::get).delete(credentials::delete))
        .route("/v1/credentials/{id}/revoke", post(credentials::revoke))
        .fallback(async || Problem::path_unknown())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(body::LIMIT))
        .layer(middleware::from_fn_with_state(Arc::clone(&admin), guard))
        .with_state(admin)
}

/// Stands before everything: without the token there is no answer but 401. No answer is for a cache.
async fn guard(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let mut response = match bearer(request.headers()) {
        Some(token) if admin.token.is(token) => next.run(request).await,
        _ => Problem::unauthorized().into_response(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
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
