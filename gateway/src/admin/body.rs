//! A request's body, within its size and time, as fields.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request};
use axum::http::{HeaderMap, StatusCode, header};

use super::fields::Fields;
use super::problem::Problem;

/// Bytes of a body. The router sets this bound; [`read`] reports it.
pub(super) const LIMIT: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn read(request: Request) -> Result<Fields, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::body_not_json());
    }
    Fields::of_json(&bytes(request).await?)
}

/// As [`read`], for a call that may come without a body.
pub(super) async fn read_if_any(request: Request) -> Result<Fields, Problem> {
    let json = is_json(request.headers());
    match bytes(request).await? {
        body if body.is_empty() => Ok(Fields::none()),
        _ if !json => Err(Problem::body_not_json()),
        body => Fields::of_json(&body),
    }
}

pub(super) async fn bytes(request: Request) -> Result<Bytes, Problem> {
    match tokio::time::timeout(TIMEOUT, Bytes::from_request(request, &())).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Problem::body_too_large(LIMIT))
        }
        Ok(Err(_)) => Err(Problem::body_malformed("the body could not be read to its end")),
        Err(_) => Err(Problem::body_too_slow()),
    }
}

/// Parameters do not matter: JSON is UTF-8 whatever they say (RFC 8259, section 8.1).
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
