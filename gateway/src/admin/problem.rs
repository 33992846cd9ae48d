//! How the admin API says no: problem details (RFC 9457). One constructor a kind of refusal, one place that writes them.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use decision::facts::Resource;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::{ChangeError, ListError, Unavailable};

/// Seconds after which a call that met trouble of ours may be tried again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"portcullis-admin\"");

/// One field of a body, or one parameter of a query, and what is wrong with it. Never shows the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) message: String,
}

/// A refusal. `code` is for programs and never changes its meaning; `detail` is for people.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    pub(super) errors: Vec<FieldError>,
}

/// What is sent of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Sent<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

/// What the command line reads of it.
#[derive(Deserialize)]
pub(crate) struct Told {
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) errors: Vec<FieldError>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new() }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "the admin token is missing or wrong")
    }

    pub(super) fn path_unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "the admin API has no such path")
    }

    pub(super) fn record_unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such record")
    }

    pub(super) fn method_not_allowed() -> Self {
        let detail = "this path does not know the method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    pub(super) fn body_too_large(limit: usize) -> Self {
        let detail = format!("a body may have {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    pub(super) fn body_too_slow() -> Self {
        let detail = "the body took too long to arrive";
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
    }

    pub(super) fn body_not_json() -> Self {
        let detail = "a body must be sent as application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type_unsupported", detail)
    }

    pub(super) fn body_malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "body_malformed", detail)
    }

    pub(super) fn header_malformed(detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "header_malformed", detail)
    }

    pub(super) fn query_malformed() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "query_malformed", "the query cannot be read")
    }

    /// `errors` is not empty.
    pub(super) fn fields_invalid(errors: Vec<FieldError>) -> Self {
        let said: Vec<String> =
            errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
        let problem =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "fields_invalid", said.join("; "));
        Self { errors, ..problem }
    }

    pub(super) fn field_invalid(field: &str, message: impl Into<String>) -> Self {
        let (field, message) = (field.to_owned(), message.into());
        Self::fields_invalid(vec![FieldError { field, message }])
    }

    fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// `fields` is not empty.
    pub(super) fn fields_fixed(fields: &[&str]) -> Self {
        let error = |field: &&str| {
            let message = "cannot be changed".to_owned();
            FieldError { field: (*field).to_owned(), message }
        };
        let detail = format!("what cannot be changed: {}", fields.join(", "));
        Self { errors: fields.iter().map(error).collect(), ..Self::conflict("field_fixed", detail) }
    }

    pub(super) fn expiry_later() -> Self {
        Self::conflict("expiry_later", "expires_at can only become earlier")
    }

    pub(super) fn grants_mode() -> Self {
        let detail = "a credential for every resource does not become one of grants, nor the other way round";
        Self::conflict("grants_mode", detail)
    }

    pub(super) fn not_active(state: &'static str) -> Self {
        Self::conflict("credential_ended", format!("the credential is {state}"))
    }

    pub(super) fn scheme_gone() -> Self {
        Self::conflict("scheme_unknown", "the credential's scheme is not configured any more")
    }

    pub(super) fn not_revealable(detail: &'static str) -> Self {
        Self::conflict("not_revealable", detail)
    }

    pub(super) fn not_owner() -> Self {
        let detail = "a secret is shown to nobody but its owner";
        Self::new(StatusCode::FORBIDDEN, "not_owner", detail)
    }

    pub(super) fn version_differs() -> Self {
        let detail = "the record is at another version than If-Match names";
        Self::new(StatusCode::PRECONDITION_FAILED, "version_differs", detail)
    }

    pub(super) fn repeated_otherwise() -> Self {
        let detail = "this Idempotency-Key has come with another request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
    }

    pub(super) fn still_running() -> Self {
        Self::conflict("still_running", "the request with this Idempotency-Key is still running")
    }

    pub(super) fn too_many_streams() -> Self {
        let detail = "as many follow the events as there may be";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", detail)
    }

    /// Whether a change took place is then unknown; asking again is safe.
    pub(super) fn store_unavailable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", reason)
    }

    pub(super) fn busy() -> Self {
        let detail = "too many such calls are waiting";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the gateway failed")
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        Self::store_unavailable(unavailable.to_string())
    }
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::CursorInvalid => {
                Self::field_invalid("cursor", "is none that a list has given")
            }
            ListError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown => Self::record_unknown(),
            ChangeError::Conflict => Self::version_differs(),
            ChangeError::SecretTaken => Self::conflict(
                "secret_taken",
                "this api already has a credential with this secret, perhaps a revoked one",
            ),
            ChangeError::ExternalIdTaken => Self::conflict(
                "external_id_taken",
                "this api already has a credential with this external_id, perhaps a revoked one",
            ),
            ChangeError::IdTaken => Self::store_unavailable("the store takes no new id"),
            ChangeError::InUse => {
                Self::conflict("in_use", "a credential that is not revoked names it")
            }
            ChangeError::ParentUnknown => Self::field_invalid("parent", "is no resource"),
            ChangeError::ParentCircle => {
                Self::field_invalid("parent", "is the resource itself or below it")
            }
            ChangeError::TooDeep => Self::field_invalid(
                "parent",
                format!(
                    "puts a resource more than {} steps below its organisation",
                    Resource::STEPS_MAX
                ),
            ),
            ChangeError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let sent = Sent {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&sent).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if let Some((name, value)) = advice(self.status) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// The field that a status calls for.
fn advice(status: StatusCode) -> Option<(HeaderName, HeaderValue)> {
    match status {
        StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, CHALLENGE)),
        StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, RETRY_AFTER)),
        _ => None,
    }
}
