//! One call of the API, taken apart: what its path, query and head say. Its body is read last, and only by who wants one.

use std::sync::Arc;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts as _, Path, Query, Request};
use axum::http::{HeaderMap, header};
use decision::name::{ID_RULE, Id};

use super::fields::Fields;
use super::problem::Problem;
use super::propagation::Wait;
use super::{Admin, body};
use crate::generation::Generation;
use crate::store::Author;

pub(super) struct Call {
    pub(super) admin: Arc<Admin>,
    pub(super) author: Author,
    /// The configuration that the call is judged by, from its begin to its end.
    pub(super) generation: Arc<Generation>,
    pub(super) query: Fields,
    /// `If-Match`: the version that the record must be at.
    pub(super) version: Option<u64>,
    path: Vec<(String, String)>,
    request: Request,
}

impl FromRequest<Arc<Admin>> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Arc<Admin>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let author = parts.extensions.get::<Author>().cloned().ok_or_else(Problem::internal)?;
        let path = match Path::from_request_parts(&mut parts, &()).await {
            Ok(Path(path)) => path,
            Err(rejection) => no_text(rejection),
        };
        let query = Query::<Vec<(String, String)>>::from_request_parts(&mut parts, &()).await;
        let Query(pairs) = query.map_err(|_| Problem::query_malformed())?;
        Ok(Self {
            admin: Arc::clone(admin),
            author,
            generation: admin.generations.current(),
            query: Fields::of_query(pairs),
            version: version(&parts.headers)?,
            path,
            request: Request::from_parts(parts, body),
        })
    }
}

impl Call {
    /// The id that the path has for `name`. What is no id names no record.
    pub(super) fn id(&self, name: &str) -> Result<Id, Problem> {
        let found = self.path.iter().find(|(known, _)| known == name);
        let id = found.and_then(|(_, text)| Id::new(text));
        id.ok_or_else(Problem::record_unknown)
    }

    /// As [`Self::id`], of what a PUT writes: what is no id is refused for what is wrong with it.
    pub(super) fn new_id(&self, name: &str) -> Result<Id, Problem> {
        let found = self.path.iter().find(|(known, _)| known == name);
        let (_, text) = found.ok_or_else(Problem::record_unknown)?;
        Id::new(text).ok_or_else(|| Problem::field_invalid(name, ID_RULE))
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The request itself, for a call whose body is no fields.
    pub(super) fn into_request(self) -> (Arc<Admin>, Request) {
        (self.admin, self.request)
    }

    /// Ends the reading of the query where it may only say whether to wait.
    pub(super) fn only_wait(&mut self) -> Result<Wait, Problem> {
        let wait = Wait::read(&mut self.query);
        self.query_ends()?;
        Ok(wait)
    }

    pub(super) fn query_ends(&mut self) -> Result<(), Problem> {
        std::mem::replace(&mut self.query, Fields::none()).end()
    }

    pub(super) async fn body(&mut self) -> Result<Fields, Problem> {
        body::read(std::mem::take(&mut self.request)).await
    }

    /// As [`Self::body`], for a call that may come without one.
    pub(super) async fn body_if_any(&mut self) -> Result<Fields, Problem> {
        body::read_if_any(std::mem::take(&mut self.request)).await
    }
}

/// A path of which one part is no text once decoded: that one is no id, and the others are not known.
fn no_text(rejection: PathRejection) -> Vec<(String, String)> {
    match rejection {
        PathRejection::FailedToDeserializePathParams(rejection) => match rejection.into_kind() {
            ErrorKind::InvalidUtf8InPathParam { key } => vec![(key, String::new())],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A version as the `ETag` of a record shows it, with its quotes or without.
fn version(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let text = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => "",
    };
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if bare.is_empty() || !bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::header_malformed(
            "If-Match must be one version, as the ETag shows it",
        ));
    }
    // No record comes to a version that has more digits.
    Ok(Some(bare.parse().unwrap_or(u64::MAX)))
}
