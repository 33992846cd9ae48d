//! `Idempotency-Key`: a POST that is sent again is answered again and not done again.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ring::digest;
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::problem::Problem;
use super::{Admin, body, change, config, credentials};
use crate::store::{Author, Begun, RepeatKey, Reply};

const KEY: &str = "idempotency-key";
/// Bytes of a key.
const KEY_MAX: usize = 255;
/// Bytes of an answer: no POST has longer ones.
const ANSWER_MAX: usize = 1024 * 1024;

/// Stands before every handler. A check of a configuration changes nothing, and its body is larger than what is read here.
pub(super) async fn once(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    let repeats = request.method() == Method::POST && request.uri().path() != config::CHECK;
    if !repeats || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    match answer(admin, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(admin: Arc<Admin>, request: Request, next: Next) -> Result<Response, Problem> {
    let author = request.extensions().get::<Author>().cloned().ok_or_else(Problem::internal)?;
    let key = RepeatKey { author: author.name.clone(), key: key(request.headers())? };
    let (head, body) = request.into_parts();
    let body = body::bytes(Request::from_parts(head.clone(), body)).await?;
    let asked = asked(&head.uri.to_string(), &body);
    match change::read::<_, crate::store::Unavailable>(admin.store.begin(&key, asked, author.now))
        .await?
    {
        Begun::Running => return Err(Problem::still_running()),
        Begun::OtherBody => return Err(Problem::repeated_otherwise()),
        Begun::Done(reply) => return again(&reply),
        Begun::New => {}
    }
    // To its end, also when the caller goes away or is told that it takes too long: who comes back is to hear what became of it.
    let overdue = Arc::new(Notify::new());
    let told = Arc::clone(&overdue);
    let task = tokio::spawn(async move {
        let call = next.run(Request::from_parts(head, Body::from(body)));
        let response = change::to_its_end(told, call).await;
        let (head, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_MAX).await.unwrap_or_default();
        // What was refused has changed nothing: it is judged anew when it is asked again.
        let reply = head.status.is_success().then(|| Reply {
            status: head.status.as_u16(),
            body: without_secret(&body).unwrap_or_default(),
        });
        // A record of the answer that cannot be kept is no reason not to give the answer.
        drop(admin.store.finish(&key, reply, author.now).await);
        Response::from_parts(head, Body::from(body))
    });
    tokio::select! {
        biased;
        ended = task => ended.map_err(|_panicked| Problem::internal()),
        () = overdue.notified() => Err(change::too_slow()),
    }
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let text = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => "",
    };
    let fits = (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| text.to_owned()).ok_or_else(|| {
        Problem::header_malformed("Idempotency-Key must be once, 1 to 255 visible ASCII characters")
    })
}

/// A hash of what a call asks for.
fn asked(target: &str, body: &Bytes) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    // No target has a NUL.
    [target.as_bytes(), &[0], body].iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// An answer that may be kept.
fn without_secret(body: &[u8]) -> Option<Vec<u8>> {
    let mut fields: Map<String, Value> = serde_json::from_slice(body).ok()?;
    if let Some(secret) = fields.get_mut("secret") {
        *secret = Value::Null;
    }
    serde_json::to_vec(&fields).ok()
}

fn again(reply: &Reply) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(reply.status).map_err(|_| Problem::internal())?;
    let mut fields: Map<String, Value> =
        serde_json::from_slice(&reply.body).map_err(|_| Problem::internal())?;
    fields.insert("replayed".to_owned(), true.into());
    let made = fields.get("credential").filter(|_| status == StatusCode::CREATED);
    let head = made.and_then(|made| {
        Some(credentials::made_head(made.get("id")?.as_str()?, made.get("version")?.as_u64()?))
    });
    Ok(match head {
        Some(head) => (status, head, axum::Json(fields)).into_response(),
        None => (status, axum::Json(fields)).into_response(),
    })
}
