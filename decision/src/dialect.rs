//! How a refusal is spoken: the only renderer (contract, section 6).
//!
//! The body is what a dialect may choose; the fields around it follow from HTTP and from the status that is sent.

mod grpc;
mod speech;
mod template;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};

use self::speech::Says;
use self::template::Values;
use crate::config::snapshot::Api;
use crate::decide::Refused;
use crate::name::Id;

pub use self::speech::Dialect;
pub(crate) use self::speech::{Body, Draft, Entry, Said};
pub use self::template::Code;
pub(crate) use self::template::{Escape, Part, Shape, Template, Unknown, Variable, parts};

/// An answer of the gateway itself. Its length is the body's; to HEAD the body is not sent.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

/// When to try again where nothing better is known, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The answer to a request that is refused. `content_type` is the request's own: one of gRPC gets what gRPC understands.
pub fn render(refused: &Refused<'_>, request_id: &str, content_type: Option<&[u8]>) -> Answer {
    let scheme = refused.scheme.map(|scheme| &*scheme.name);
    let dialect = dialect_of(refused);
    let says = dialect.says(refused.outcome, scheme);
    let needed = refused.needed.map(|needed| needed.to_string());
    let values = Values {
        code: &says.code,
        message: "",
        status: says.status.as_u16(),
        request_id,
        retry_after: retry_after(refused, says.status),
        scheme,
        resource: refused.resource.as_ref().map(Id::as_str),
        needed: needed.as_deref(),
    };
    let message = says.message.fill(&values);
    let values = Values { message: &message, ..values };
    let mut answer = match content_type.and_then(grpc::answer_to) {
        Some(content_type) => trailers_only(refused, content_type, says, &values),
        None => whole(refused, says, &values),
    };
    // No cache on the way may give one client's refusal to another.
    answer.headers.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    if let Some(name) = echo(refused.api)
        && let Ok(value) = HeaderValue::from_str(request_id)
    {
        answer.headers.push((name, value));
    }
    answer.headers.extend(refused.fields.iter().cloned());
    answer
}

/// The route's dialect, else the api's, else the one of whoever has no other.
fn dialect_of(refused: &Refused<'_>) -> Arc<Dialect> {
    let route = refused.route.and_then(|route| route.errors.as_ref());
    let api = refused.api.map(|api| &api.errors);
    route.or(api).cloned().unwrap_or_else(Dialect::problem)
}

fn whole(refused: &Refused<'_>, says: &Says, values: &Values<'_>) -> Answer {
    let mut headers = vec![(CONTENT_TYPE, says.body.content_type.clone())];
    match says.status {
        StatusCode::UNAUTHORIZED => headers.push((WWW_AUTHENTICATE, challenge(refused))),
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.extend(refused.allow.map(|allow| (ALLOW, allow.clone())));
        }
        status if is_temporary(status) => {
            headers.extend(values.retry_after.map(|seconds| (RETRY_AFTER, seconds.into())));
        }
        _ => {}
    }
    Answer { status: says.status, headers, body: says.body.template.fill(values).into() }
}

fn trailers_only(
    refused: &Refused<'_>,
    content_type: &'static str,
    says: &Says,
    values: &Values<'_>,
) -> Answer {
    let mut headers = vec![
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (grpc::STATUS, grpc::status(refused.outcome, says.status).into()),
        (grpc::MESSAGE, grpc::message(values.message)),
    ];
    if is_temporary(says.status) {
        let milliseconds = values.retry_after.map(|seconds| seconds.saturating_mul(1000));
        headers.extend(milliseconds.map(|milliseconds| (grpc::PUSHBACK, milliseconds.into())));
    }
    Answer { status: StatusCode::OK, headers, body: Bytes::new() }
}

// --- the fields ------------------------------------------------------------------------------------------------------

/// Whether an answer of this status says when to try again.
const fn is_temporary(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// When to try again, in seconds, where there is anything to say of it.
fn retry_after(refused: &Refused<'_>, status: StatusCode) -> Option<u64> {
    refused.retry_after.or_else(|| is_temporary(status).then_some(RETRY_AFTER_SECONDS))
}

/// The one challenge (RFC 6750, section 3): an error code only where a credential was sent.
fn challenge(refused: &Refused<'_>) -> HeaderValue {
    let error = if refused.credential_sent { r#", error="invalid_token""# } else { "" };
    let realm = refused.api.map_or("", |api| &api.name);
    HeaderValue::from_str(&format!("Bearer realm={}{error}", quoted(realm)))
        .unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
}

/// A quoted-string (RFC 9110, section 5.6.4).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
}

/// The field that carries the request id back. Where no api is known the default of apis holds.
fn echo(api: Option<&Api>) -> Option<HeaderName> {
    match api {
        Some(api) => api.identity.request_id.respond.clone(),
        None => Some(HeaderName::from_static("x-request-id")),
    }
}

#[cfg(test)]
mod tests;
