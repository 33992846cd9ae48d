//! `/v1/credentials`: create, get, list, change, delete.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use decision::config::snapshot::Snapshot;
use decision::facts::Credential;
use secrecy::ExposeSecret as _;

use super::call::Call;
use super::change::{self, Step};
use super::order::{self, Order};
use super::patch::Patch;
use super::problem::Problem;
use super::view::{Changed, Created, CredentialView, Deleted, Listed, Propagation};
use super::{page, rules, words};
use crate::store::{ChangeError, Filter, Store, amend};

/// How often an id is drawn before the store is taken to be in trouble: one that is taken has never been seen.
const ATTEMPTS: usize = 3;

pub(super) type Answer = Result<Response, Problem>;

pub(super) async fn create(mut call: Call) -> Answer {
    let wait = call.only_wait()?;
    let fields = call.body().await?;
    let Call { admin, author, generation, .. } = call;
    let now = author.now;
    let order = Order::read(fields, &generation.snapshot, now)?;
    let owned = Arc::clone(&admin);
    let step = async move {
        let store = &*owned.store;
        if order.members_only {
            is_member(store, &order).await?;
        }
        for _ in 0..ATTEMPTS {
            let record = |id, hint| order.credential(id, hint);
            let made = order.maker.make(&owned.keys, record);
            let made = made.ok_or_else(Problem::internal)?;
            match store.create(made.new, &author).await {
                Err(ChangeError::IdTaken) => {}
                answer => return Ok(Step::from(answer?).map(|record| (record, made.secret))),
            }
        }
        Err(ChangeError::IdTaken.into())
    };
    let ((credential, secret), reach) = change::make(&admin, step).await?;
    Ok(created(credential, secret.as_ref(), wait.told(&admin, &reach).await?, now))
}

/// 201, with the secret this once.
pub(super) fn created(
    credential: Credential,
    secret: Option<&secrecy::SecretString>,
    propagation: Option<Propagation>,
    now: decision::facts::Timestamp,
) -> Response {
    let head = made_head(credential.id.as_str(), credential.version);
    let created = Created {
        credential: CredentialView::new(credential, now),
        secret: secret.map(|secret| secret.expose_secret().to_owned()),
        propagation,
    };
    (StatusCode::CREATED, head, Json(created)).into_response()
}

/// What the head says of a credential that was made: where it is, and its version.
pub(super) fn made_head(id: &str, version: u64) -> [(HeaderName, String); 2] {
    [(header::LOCATION, format!("/v1/credentials/{id}")), (header::ETAG, tag(version))]
}

/// Of a scheme for members only: whether the organisation names the subject among its members.
async fn is_member(store: &dyn Store, order: &Order) -> Result<(), Problem> {
    let Some((org, subject)) = order.membership() else { return Err(Problem::internal()) };
    let found = store.resource(&order.realm, org).await?.value;
    // A resource that lies below another has members as well, and is no organisation.
    let org = found.filter(|resource| resource.parent.is_none());
    let members = org.and_then(|org| org.members);
    if members.is_some_and(|members| members.contains_key(subject)) {
        return Ok(());
    }
    Err(Problem::field_invalid("subject", "is not among the members that the org names"))
}

pub(super) async fn get(mut call: Call) -> Answer {
    call.query_ends()?;
    let id = call.id("id")?;
    let found = change::read(call.admin.store.get(&id)).await?;
    let credential = found.ok_or_else(Problem::record_unknown)?;
    let version = credential.version;
    Ok(shown(StatusCode::OK, CredentialView::new(credential, call.author.now), version, None))
}

pub(super) async fn list(mut call: Call) -> Answer {
    let fields = &mut call.query;
    let ids = |text: &str| rules::id(text).map(|id| id.to_string());
    let filter = Filter {
        api: fields.text("api", rules::word),
        scheme: fields.text("scheme", rules::word),
        subject: fields.text("subject", ids),
        org: fields.text("org", ids),
        external_id: fields.text("external_id", ids),
        state: fields.text("state", words::one_of(&words::CREDENTIAL_STATES)),
    };
    let (cursor, limit) = page::read(fields);
    call.query_ends()?;
    let now = call.author.now;
    let page = call.admin.store.list(&filter, cursor.as_deref(), limit, now);
    let page = change::read(page).await?;
    let items = page.items.into_iter().map(|credential| CredentialView::new(credential, now));
    Ok(Json(Listed { items: items.collect(), next: page.next }).into_response())
}

pub(super) async fn update(mut call: Call) -> Answer {
    let wait = call.only_wait()?;
    let id = call.id("id")?;
    let fields = call.body().await?;
    let Call { admin, author, generation, version, .. } = call;
    let now = author.now;
    let owned = Arc::clone(&admin);
    let step = async move {
        let found = owned.store.get(&id).await?.ok_or_else(Problem::record_unknown)?;
        let patch =
            Patch::read(fields, &|name| limit_known(&generation.snapshot, &found.api, name))?;
        let edit = |record: &mut Credential| patch.apply(record, now);
        let changed = amend::credential(&*owned.store, &id, version, &author, edit).await?;
        Ok(Step::from(changed))
    };
    let (credential, reach) = change::make(&admin, step).await?;
    let version = credential.version;
    let view = CredentialView::new(credential, now);
    Ok(shown(StatusCode::OK, view, version, wait.told(&admin, &reach).await?))
}

fn limit_known(snapshot: &Snapshot, api: &str, name: &str) -> bool {
    snapshot.apis.iter().any(|known| *known.name == *api && order::has_limit(known, name))
}

pub(super) async fn delete(mut call: Call) -> Answer {
    let wait = call.only_wait()?;
    let id = call.id("id")?;
    let Call { admin, author, version, .. } = call;
    let store = Arc::clone(&admin.store);
    let step = async move { Ok(Step::from(store.delete(&id, version, &author).await?)) };
    let (_, reach) = change::make(&admin, step).await?;
    Ok(deleted(wait.told(&admin, &reach).await?))
}

/// 204, but for whoever waited.
pub(super) fn deleted(propagation: Option<Propagation>) -> Response {
    match propagation {
        Some(propagation) => (propagation.status(), Json(Deleted { propagation })).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// A record and its version; `status` where nobody waited in vain.
pub(super) fn shown<T: serde::Serialize>(
    status: StatusCode,
    record: T,
    version: u64,
    propagation: Option<Propagation>,
) -> Response {
    let waited = propagation.as_ref().map(Propagation::status);
    let status = waited.filter(|_| status == StatusCode::OK).unwrap_or(status);
    (status, [(header::ETAG, tag(version))], Json(Changed { record, propagation })).into_response()
}

fn tag(version: u64) -> String {
    format!("\"{version}\"")
}
