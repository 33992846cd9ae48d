//! One grant of a credential: `PUT|DELETE /v1/credentials/{id}/grants/{resource}`.

use std::sync::Arc;

use axum::http::StatusCode;
use decision::facts::Credential;

use super::call::Call;
use super::change::{self, Step};
use super::credentials::{Answer, deleted, shown};
use super::problem::Problem;
use super::rules;
use super::view::CredentialView;
use crate::store::amend;

pub(super) async fn put(mut call: Call) -> Answer {
    let wait = call.only_wait()?;
    let (resource, id) = (call.new_id("resource")?, call.id("id")?);
    let mut fields = call.body().await?;
    let level = fields.required("level", rules::level);
    fields.end()?;
    let level = level.ok_or_else(Problem::internal)?; // a missing one was refused above
    let Call { admin, author, version, .. } = call;
    let (store, now) = (Arc::clone(&admin.store), author.now);
    let step = async move {
        let mut new = false;
        let edit = |credential: &mut Credential| {
            let grants = credential.grants.as_mut().ok_or_else(Problem::grants_mode)?;
            new = grants.insert(resource.clone(), level).is_none();
            rules::grants_fit(grants).map_err(|message| Problem::field_invalid("level", message))
        };
        let changed = amend::credential(&*store, &id, version, &author, edit).await?;
        Ok(Step::from(changed).map(|record| (record, new)))
    };
    let ((credential, new), reach) = change::make(&admin, step).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let version = credential.version;
    Ok(shown(
        status,
        CredentialView::new(credential, now),
        version,
        wait.told(&admin, &reach).await?,
    ))
}

/// The last one leaves `{}`: no access to any resource.
pub(super) async fn delete(mut call: Call) -> Answer {
    let wait = call.only_wait()?;
    let (id, resource) = (call.id("id")?, call.id("resource")?);
    let Call { admin, author, version, .. } = call;
    let store = Arc::clone(&admin.store);
    let step = async move {
        let edit = |credential: &mut Credential| {
            let grants = credential.grants.as_mut().ok_or_else(Problem::grants_mode)?;
            grants.remove(&resource).map(drop).ok_or_else(Problem::record_unknown)
        };
        Ok(Step::from(amend::credential(&*store, &id, version, &author, edit).await?))
    };
    let (_, reach) = change::make(&admin, step).await?;
    Ok(deleted(wait.told(&admin, &reach).await?))
}
