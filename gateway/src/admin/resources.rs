//! `/v1/resources`: list, get, put, change, delete; and one member of a resource.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use decision::facts::Resource;
use decision::name::Id;

use super::call::Call;
use super::change::{self, Step};
use super::credentials::{Answer, deleted, shown};
use super::problem::Problem;
use super::propagation::Wait;
use super::realm::Realm;
use super::records::{self, ResourceFields};
use super::view::{Listed, ResourceView};
use super::{page, rules};
use crate::store::{ResourceFilter, amend};

pub(super) async fn list(mut call: Call) -> Answer {
    let realm = Realm::read(&mut call.query, &call.generation.snapshot);
    let filter = ResourceFilter {
        parent: call.query.text("parent", rules::id),
        kind: call.query.text("kind", records::word),
    };
    let (cursor, limit) = page::read(&mut call.query);
    call.query_ends()?;
    let realm = realm.ok_or_else(Problem::internal)?;
    let page = call.admin.store.resources(&realm.name, &filter, cursor.as_deref(), limit);
    let page = change::read(page).await?;
    let items = page.items.into_iter().map(ResourceView::new).collect();
    Ok(Json(Listed { items, next: page.next }).into_response())
}

pub(super) async fn get(mut call: Call) -> Answer {
    let realm = Realm::only(&mut call)?;
    let id = call.id("id")?;
    let found = change::read(call.admin.store.resource(&realm.name, &id)).await?.value;
    let resource = found.ok_or_else(Problem::record_unknown)?;
    let version = resource.version;
    Ok(shown(StatusCode::OK, ResourceView::new(resource), version, None))
}

/// What is not given is empty afterwards, but for the members, which stay.
pub(super) async fn put(mut call: Call) -> Answer {
    let id = call.new_id("id")?;
    let place = Place::at(&mut call, id)?;
    let fields = ResourceFields::read(call.body().await?, true)?;
    write(call, place, move |found, id| {
        let members = found.and_then(|found| found.members);
        let mut resource = Resource { members, ..ResourceFields::blank(id.clone()) };
        fields.apply(&mut resource);
        Ok(resource)
    })
    .await
}

pub(super) async fn update(mut call: Call) -> Answer {
    let place = Place::of(&mut call)?;
    let fields = ResourceFields::read(call.body().await?, false)?;
    write(call, place, move |found, _| {
        let mut resource = found.ok_or_else(Problem::record_unknown)?;
        fields.apply(&mut resource);
        Ok(resource)
    })
    .await
}

pub(super) async fn delete(mut call: Call) -> Answer {
    let Place { realm, wait, id } = Place::of(&mut call)?;
    let Call { admin, author, version, .. } = call;
    let store = Arc::clone(&admin.store);
    let step = async move {
        let deleted = store.delete_resource(&realm.name, &id, version, &realm.apis, &author);
        Ok(Step::from(deleted.await?))
    };
    let (_, reach) = change::make(&admin, step).await?;
    Ok(deleted(wait.told(&admin, &reach).await?))
}

/// What the path and the query of a change say.
struct Place {
    realm: Realm,
    wait: Wait,
    id: Id,
}

impl Place {
    fn of(call: &mut Call) -> Result<Self, Problem> {
        let id = call.id("id")?;
        Self::at(call, id)
    }

    fn at(call: &mut Call, id: Id) -> Result<Self, Problem> {
        let (realm, wait) = Realm::and_wait(call)?;
        Ok(Self { realm, wait, id })
    }
}

async fn write(
    call: Call,
    Place { realm, wait, id }: Place,
    edit: impl Fn(Option<Resource>, &Id) -> Result<Resource, Problem> + Send + Sync + 'static,
) -> Answer {
    let Call { admin, author, version, .. } = call;
    let store = Arc::clone(&admin.store);
    let step = async move {
        let mut new = false;
        let edit = |found: Option<Resource>| {
            new = found.is_none();
            edit(found, &id)
        };
        let realm = amend::Realm { name: &realm.name, apis: &realm.apis };
        let changed = amend::resource(&*store, realm, &id, version, &author, edit).await?;
        Ok(Step::from(changed).map(|record| (record, new)))
    };
    let ((resource, new), reach) = change::make(&admin, step).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let version = resource.version;
    Ok(shown(status, ResourceView::new(resource), version, wait.told(&admin, &reach).await?))
}

// --- members ---------------------------------------------------------------------------------------------------------

/// The first one named makes the members of the resource its own: from then on only those are members.
pub(super) async fn put_member(mut call: Call) -> Answer {
    let subject = call.new_id("subject")?;
    let Place { realm, wait, id } = Place::of(&mut call)?;
    let mut fields = call.body().await?;
    let level = fields.required("level", rules::level);
    fields.end()?;
    let level = level.ok_or_else(Problem::internal)?; // a missing one was refused above
    let Call { admin, author, version, .. } = call;
    let store = Arc::clone(&admin.store);
    let step = async move {
        let mut new = false;
        let edit = |found: Option<Resource>| -> Result<_, Problem> {
            let mut resource = found.ok_or_else(Problem::record_unknown)?;
            let members = resource.members.get_or_insert_default();
            new = members.insert(subject.clone(), level).is_none();
            rules::members_fit(members)
                .map_err(|message| Problem::field_invalid("level", message))?;
            Ok(resource)
        };
        let realm = amend::Realm { name: &realm.name, apis: &realm.apis };
        let changed = amend::resource(&*store, realm, &id, version, &author, edit).await?;
        Ok(Step::from(changed).map(|record| (record, new)))
    };
    let ((resource, new), reach) = change::make(&admin, step).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let version = resource.version;
    Ok(shown(status, ResourceView::new(resource), version, wait.told(&admin, &reach).await?))
}

/// The last one leaves `{}`: nobody is a member.
pub(super) async fn delete_member(mut call: Call) -> Answer {
    let Place { realm, wait, id } = Place::of(&mut call)?;
    let subject = call.id("subject")?;
    let Call { admin, author, version, .. } = call;
    let store = Arc::clone(&admin.store);
    let step = async move {
        let edit = |found: Option<Resource>| {
            let mut resource = found.ok_or_else(Problem::record_unknown)?;
            let removed = resource.members.as_mut().and_then(|members| members.remove(&subject));
            removed.map(|_| resource).ok_or_else(Problem::record_unknown)
        };
        let realm = amend::Realm { name: &realm.name, apis: &realm.apis };
        let changed = amend::resource(&*store, realm, &id, version, &author, edit).await?;
        Ok(Step::from(changed))
    };
    let (_, reach) = change::make(&admin, step).await?;
    Ok(deleted(wait.told(&admin, &reach).await?))
}
