//! `/v1/credentials`: create, get, list, revoke, delete.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use decision::facts::CredentialState;
use decision::name::Id;
use secrecy::ExposeSecret as _;

use super::change::{self, Wait};
use super::fields::{Fields, Judged};
use super::order::Order;
use super::problem::Problem;
use super::view::{Created, CredentialView, Deleted, Listed, Revoked};
use super::{Admin, body, rules};
use crate::clock;
use crate::store::{Author, ChangeError, Filter, ListError, New};

/// Credentials of a page when nothing is said, and the most there may be.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;
/// How often an id is drawn before the store is taken to be in trouble: one that is taken has never been seen.
const ATTEMPTS: usize = 3;

type Answer = Result<Response, Problem>;
/// A query in the order it came.
type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;
type Named = Result<Path<String>, PathRejection>;

pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    query: Parameters,
    request: Request,
) -> Answer {
    let wait = only_wait(query)?;
    let fields = body::read(request).await?;
    let now = clock::wall();
    let order = Order::read(fields, &admin.generations.current().snapshot, now)?;
    let (store, pepper) = (Arc::clone(&admin.store), admin.pepper.clone());
    let author = author();
    let (secret, done) = change::make(&admin, async move {
        for _ in 0..ATTEMPTS {
            let made = order.make(&pepper).ok_or_else(Problem::internal)?;
            let new =
                New { credential: made.credential, digests: made.digest.into(), sealed: None };
            match store.create(new, &author).await {
                Ok(changed) => return Ok((made.secret, changed)),
                Err(ChangeError::IdTaken) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ChangeError::IdTaken.into())
    })
    .await?;
    let place = format!("/v1/credentials/{}", done.credential.id);
    let created = Created {
        credential: CredentialView::new(done.credential, now),
        secret: secret.map(|secret| secret.expose_secret().to_owned()),
        propagation: wait.shows(done.propagation),
    };
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(created)).into_response())
}

pub(super) async fn get(State(admin): State<Arc<Admin>>, query: Parameters, id: Named) -> Answer {
    parameters(query)?.end()?;
    let id = named(id)?;
    let found = change::read(admin.store.get(&id)).await?;
    let credential = found.ok_or_else(Problem::credential_unknown)?;
    Ok(Json(CredentialView::new(credential, clock::wall())).into_response())
}

pub(super) async fn list(State(admin): State<Arc<Admin>>, query: Parameters) -> Answer {
    let mut fields = parameters(query)?;
    let ids = |text: &str| rules::id(text).map(|id| id.to_string());
    let state = fields.text("state", state);
    let filter = Filter {
        api: fields.text("api", rules::word),
        scheme: fields.text("scheme", rules::word),
        subject: fields.text("subject", ids),
        org: fields.text("org", ids),
        external_id: fields.text("external_id", ids),
        state,
    };
    let cursor = fields.text("cursor", rules::word);
    let limit = fields.text("limit", page).unwrap_or(PAGE);
    fields.end()?;
    let now = clock::wall();
    let page = change::read(admin.store.list(&filter, cursor.as_deref(), limit, now)).await?;
    let items = page.items.into_iter().map(|credential| CredentialView::new(credential, now));
    Ok(Json(Listed { items: items.collect(), next: page.next }).into_response())
}

pub(super) async fn revoke(
    State(admin): State<Arc<Admin>>,
    query: Parameters,
    id: Named,
    request: Request,
) -> Answer {
    only_wait(query)?;
    let id = named(id)?;
    let mut fields = body::read_if_any(request).await?;
    let reason = fields.text("reason", rules::label);
    fields.end()?;
    let (store, author) = (Arc::clone(&admin.store), author());
    let ((), done) = change::make(&admin, async move {
        Ok(((), store.revoke(&id, None, reason, false, &author).await?))
    })
    .await?;
    let credential = CredentialView::new(done.credential, clock::wall());
    Ok(Json(Revoked { credential, propagation: done.propagation }).into_response())
}

pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    query: Parameters,
    id: Named,
) -> Answer {
    let wait = only_wait(query)?;
    let id = named(id)?;
    let (store, author) = (Arc::clone(&admin.store), author());
    let ((), done) =
        change::make(&admin, async move { Ok(((), store.delete(&id, None, &author).await?)) })
            .await?;
    Ok(match wait.shows(done.propagation) {
        Some(propagation) => Json(Deleted { propagation }).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Who makes a change: there is one admin token.
fn author() -> Author {
    Author {
        name: "admin".to_owned(),
        request: uuid::Uuid::now_v7().to_string(),
        now: clock::wall(),
    }
}

fn parameters(query: Parameters) -> Result<Fields, Problem> {
    let Query(pairs) = query.map_err(|_| Problem::query_malformed())?;
    Ok(Fields::of_query(pairs))
}

/// The query of a change.
fn only_wait(query: Parameters) -> Result<Wait, Problem> {
    let mut fields = parameters(query)?;
    let wait = Wait::read(&mut fields);
    fields.end().map(|()| wait)
}

/// What cannot be an id names no credential.
fn named(id: Named) -> Result<Id, Problem> {
    let id = id.ok().and_then(|Path(text)| Id::new(&text));
    id.ok_or_else(Problem::credential_unknown)
}

fn state(text: &str) -> Judged<CredentialState> {
    match text {
        "active" => Ok(CredentialState::Active),
        "disabled" => Ok(CredentialState::Disabled),
        "expired" => Ok(CredentialState::Expired),
        "revoked" => Ok(CredentialState::Revoked),
        _ => Err("must be active, disabled, expired or revoked".into()),
    }
}

fn page(text: &str) -> Judged<usize> {
    let size = text.parse().ok().filter(|size| (1..=PAGE_MAX).contains(size));
    size.ok_or_else(|| format!("must be a number from 1 to {PAGE_MAX}"))
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::CursorInvalid => Self::cursor_invalid(),
            ListError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
