//! `/v1/subjects`: list, get, put, change, delete.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use decision::facts::Subject;
use decision::name::Id;

use super::call::Call;
use super::change::{self, Step};
use super::credentials::{Answer, deleted, shown};
use super::problem::Problem;
use super::realm::Realm;
use super::records::SubjectFields;
use super::view::{Listed, SubjectView};
use super::{page, words};
use crate::store::amend;

pub(super) async fn list(mut call: Call) -> Answer {
    let realm = Realm::read(&mut call.query, &call.generation.snapshot);
    let kind = call.query.text("kind", words::one_of(&words::SUBJECT_KINDS));
    let (cursor, limit) = page::read(&mut call.query);
    call.query_ends()?;
    let realm = realm.ok_or_else(Problem::internal)?;
    let page = call.admin.store.subjects(&realm.name, kind, cursor.as_deref(), limit);
    let page = change::read(page).await?;
    let items = page.items.into_iter().map(SubjectView::new).collect();
    Ok(Json(Listed { items, next: page.next }).into_response())
}

pub(super) async fn get(mut call: Call) -> Answer {
    let realm = Realm::only(&mut call)?;
    let id = call.id("id")?;
    let found = change::read(call.admin.store.subject(&realm.name, &id)).await?.value;
    let subject = found.ok_or_else(Problem::record_unknown)?;
    let version = subject.version;
    Ok(shown(StatusCode::OK, SubjectView::new(subject), version, None))
}

pub(super) async fn put(call: Call) -> Answer {
    let id = call.new_id("id")?;
    write(call, id, |fields, _, id| {
        let mut subject = SubjectFields::blank(id.clone());
        fields.apply(&mut subject);
        Ok(subject)
    })
    .await
}

pub(super) async fn update(call: Call) -> Answer {
    let id = call.id("id")?;
    write(call, id, |fields, found, _| {
        let mut subject = found.ok_or_else(Problem::record_unknown)?;
        fields.apply(&mut subject);
        Ok(subject)
    })
    .await
}

async fn write(
    mut call: Call,
    id: Id,
    edit: fn(&SubjectFields, Option<Subject>, &Id) -> Result<Subject, Problem>,
) -> Answer {
    let (realm, wait) = Realm::and_wait(&mut call)?;
    let fields = SubjectFields::read(call.body().await?)?;
    let Call { admin, author, version, .. } = call;
    let store = Arc::clone(&admin.store);
    let step = async move {
        let mut new = false;
        let edit = |found: Option<Subject>| {
            new = found.is_none();
            edit(&fields, found, &id)
        };
        let changed = amend::subject(&*store, &realm.name, &id, version, &author, edit).await?;
        Ok(Step::from(changed).map(|record| (record, new)))
    };
    let ((subject, new), reach) = change::make(&admin, step).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let version = subject.version;
    Ok(shown(status, SubjectView::new(subject), version, wait.told(&admin, &reach).await?))
}

pub(super) async fn delete(mut call: Call) -> Answer {
    let (realm, wait) = Realm::and_wait(&mut call)?;
    let id = call.id("id")?;
    let Call { admin, author, version, .. } = call;
    let store = Arc::clone(&admin.store);
    let step = async move {
        let deleted = store.delete_subject(&realm.name, &id, version, &realm.apis, &author);
        Ok(Step::from(deleted.await?))
    };
    let (_, reach) = change::make(&admin, step).await?;
    Ok(deleted(wait.told(&admin, &reach).await?))
}
