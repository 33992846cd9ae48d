//! How a refusal is spoken: the only renderer (contract, section 6).
//!
//! The body is what a dialect may choose; the fields around it follow from HTTP and from the status that is sent.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::config::snapshot::Api;
use crate::decide::Refused;
use crate::outcome::Outcome;

/// An answer of the gateway itself. Its length is the body's; to HEAD the body is not sent.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

/// When to try again where nothing better is known, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

pub fn render(refused: &Refused<'_>, request_id: &str) -> Answer {
    let Spoken { status, content_type, body } = problem(refused.outcome, request_id);
    let mut headers = vec![
        (CONTENT_TYPE, content_type),
        // No cache on the way may give one client's refusal to another.
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    match status {
        StatusCode::UNAUTHORIZED => headers.push((WWW_AUTHENTICATE, challenge(refused))),
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.extend(refused.allow.map(|allow| (ALLOW, allow.clone())));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let seconds = refused.retry_after.unwrap_or(RETRY_AFTER_SECONDS);
            headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        _ => {}
    }
    if let Some(name) = echo(refused.api)
        && let Ok(value) = HeaderValue::from_str(request_id)
    {
        headers.push((name, value));
    }
    Answer { status, headers, body }
}

// --- the body --------------------------------------------------------------------------------------------------------

/// What a dialect makes of a refusal.
struct Spoken {
    status: StatusCode,
    content_type: HeaderValue,
    body: Bytes,
}

/// RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    request_id: &'a str,
}

/// The dialect of whoever has no other.
fn problem(outcome: Outcome, request_id: &str) -> Spoken {
    let (code, title) = told(outcome);
    let status =
        StatusCode::from_u16(outcome.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let problem = Problem {
        r#type: format!("urn:portcullis:problem:{code}"),
        title,
        status: status.as_u16(),
        code,
        request_id,
    };
    Spoken {
        status,
        content_type: HeaderValue::from_static("application/problem+json"),
        // Texts and a number always serialise.
        body: serde_json::to_vec(&problem).unwrap_or_default().into(),
    }
}

/// What a client is told of an outcome. Whether a credential was ever good is nothing to tell whoever holds a wrong one.
const fn told(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::CredentialUnknown
        | Outcome::CredentialRevoked
        | Outcome::CredentialDisabled
        | Outcome::CredentialExpired => ("credential_invalid", Outcome::CredentialUnknown.title()),
        _ => (outcome.name(), outcome.title()),
    }
}

// --- the fields ------------------------------------------------------------------------------------------------------

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
