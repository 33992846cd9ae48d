//! What ends credentials: `POST /v1/credentials/{id}/revoke`, and `POST /v1/revocations` for all that match.

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse as _;
use decision::config::snapshot::{OnRevoke, Snapshot};
use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::Digests;
use secrecy::ExposeSecret as _;

use super::Admin;
use super::call::Call;
use super::change::{self, Step};
use super::credentials::Answer;
use super::fields::Fields;
use super::keys::Keys;
use super::problem::Problem;
use super::propagation::Reach;
use super::rules;
use super::view::{CredentialView, Revocation, Revoked};
use crate::generation::Generation;
use crate::store::{Author, Change, ChangeError, Filter, ListError, Page, Store};

/// Credentials that are read at a time.
const PART: usize = 100;

pub(super) async fn revoke(mut call: Call) -> Answer {
    let wait = call.only_wait()?;
    let id = call.id("id")?;
    let mut fields = call.body_if_any().await?;
    let reason = fields.text("reason", rules::label);
    fields.end()?;
    let Call { admin, author, generation, version, .. } = call;
    let now = author.now;
    let store = Arc::clone(&admin.store);
    let step = async move {
        let found = store.get(&id).await?;
        let forget = found.is_some_and(|found| forgets(&generation.snapshot, &found));
        Ok(Step::from(store.revoke(&id, version, reason, forget, &author).await?))
    };
    let (credential, reach) = change::make(&admin, step).await?;
    let (status, propagation) = wait.shown(&admin, &reach).await?;
    let credential = CredentialView::new(credential, now);
    Ok((status, Json(Revoked { credential, propagation })).into_response())
}

/// `on_revoke` of its scheme; a scheme that is gone forgets nothing.
fn forgets(snapshot: &Snapshot, credential: &Credential) -> bool {
    let apis = snapshot.apis.iter().filter(|api| *api.name == *credential.api);
    let mut schemes = apis.flat_map(|api| &api.schemes);
    let scheme = schemes.find(|scheme| *scheme.name == *credential.scheme);
    scheme.is_some_and(|scheme| scheme.on_revoke == OnRevoke::Delete)
}

// --- all that match --------------------------------------------------------------------------------------------------

/// Which credentials of an api are to end.
struct Target {
    api: String,
    scheme: Option<String>,
    of: Of,
    /// Those made at this instant or before.
    issued_before: Timestamp,
}

enum Of {
    Secret(Digests),
    Subject(Id),
    Client(Id),
    External(Id),
}

impl Target {
    fn read(
        mut fields: Fields,
        snapshot: &Snapshot,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let sent = &mut fields;
        let api = sent.required("api", |name| {
            let found = snapshot.apis.iter().find(|api| *api.name == *name);
            found.ok_or_else(|| "is not configured".into())
        });
        let scheme = sent.text("scheme", |name| match api {
            Some(api) if !api.schemes.iter().any(|scheme| *scheme.name == *name) => {
                Err("is not a scheme of the api".into())
            }
            _ => Ok(name.to_owned()),
        });
        let mut given = ["secret", "subject", "client_id", "external_id"]
            .into_iter()
            .filter(|name| sent.has(name));
        let (first, others) = (given.next(), given.collect::<Vec<_>>());
        match first {
            None => {
                let message = "is required, or one of secret, client_id and external_id";
                sent.refuse("subject", message);
            }
            Some(first) => {
                others.into_iter().for_each(|name| sent.refuse(name, format!("excludes {first}")));
            }
        }
        let secret = sent.text("secret", rules::secret);
        let digests = secret.map(|secret| keys.peppers.digests(secret.expose_secret().as_bytes()));
        let subject = sent.text("subject", rules::id);
        let client = sent.text("client_id", rules::id);
        let external = sent.text("external_id", rules::id);
        let issued_before = sent.text("issued_before", rules::instant).unwrap_or(now);
        fields.end()?;
        let of = digests.map(Of::Secret).or(subject.map(Of::Subject));
        let of = of.or(client.map(Of::Client)).or(external.map(Of::External));
        let (Some(api), Some(of)) = (api, of) else {
            return Err(Problem::internal()); // each missing one was refused above
        };
        Ok(Self { api: api.name.to_string(), scheme, of, issued_before })
    }

    fn includes(&self, credential: &Credential) -> bool {
        let of = match &self.of {
            Of::Secret(_) => true,
            Of::Subject(subject) => credential.subject == *subject,
            Of::Client(client) => credential.client_id.as_ref() == Some(client),
            Of::External(external) => credential.external_id.as_ref() == Some(external),
        };
        let scheme = self.scheme.as_ref().is_none_or(|scheme| *scheme == credential.scheme);
        of && scheme
            && credential.revoked_at.is_none()
            && credential.created_at <= self.issued_before
    }

    /// A part of the registered credentials that may be meant, and where the next one begins.
    async fn part(
        &self,
        store: &dyn Store,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<Credential>, ListError> {
        if let Of::Secret(digests) = &self.of {
            let found = store.find(&self.api, digests).await?.value;
            return Ok(Page { items: found.into_iter().collect(), next: None });
        }
        let (subject, external_id) = match &self.of {
            Of::Subject(id) => (Some(id.to_string()), None),
            Of::External(id) => (None, Some(id.to_string())),
            Of::Client(_) | Of::Secret(_) => (None, None),
        };
        let (api, scheme) = (Some(self.api.clone()), self.scheme.clone());
        let filter = Filter { api, subject, scheme, external_id, ..Filter::default() };
        store.list(&filter, cursor, PART, now).await
    }
}

pub(super) async fn revoke_all(mut call: Call) -> Answer {
    let wait = call.only_wait()?;
    let fields = call.body().await?;
    let Call { admin, author, generation, .. } = call;
    let target = Target::read(fields, &generation.snapshot, &admin.keys, author.now)?;
    // To its end, also when the caller goes away.
    let owned = Arc::clone(&admin);
    let task = tokio::spawn(async move { end_all(&owned, target, author, generation).await });
    let (revoked, reach) = task.await.map_err(|_panicked| Problem::internal())??;
    let (status, propagation) = wait.shown(&admin, &reach).await?;
    Ok((status, Json(Revocation { revoked, propagation })).into_response())
}

/// Revokes all that match, a part at a time, so that other changes find their turn.
async fn end_all(
    admin: &Arc<Admin>,
    target: Target,
    author: Author,
    generation: Arc<Generation>,
) -> Result<(usize, Reach), Problem> {
    let ground = Arc::new((target, author, generation));
    let (mut revoked, mut cursor, mut last) = (0, None, None);
    loop {
        let (ground, store) = (Arc::clone(&ground), Arc::clone(&admin.store));
        let step = async move {
            let (target, author, generation) = &*ground;
            let part = target.part(&*store, cursor.as_deref(), author.now).await?;
            let mut changes = Vec::new();
            let found = part.items.iter().filter(|credential| target.includes(credential));
            let ended = end(&*store, found, &generation.snapshot, author, &mut changes).await;
            Ok(Step { outcome: (ended, changes.len(), part.next), changes })
        };
        let ((ended, count, next), reach) = change::make(admin, step).await?;
        ended?;
        revoked += count;
        last = reach.last.or(last);
        if next.is_none() {
            return Ok((revoked, Reach { last, ..reach }));
        }
        cursor = next;
    }
}

/// Revokes each. What is in `changes` stands, also when not all could be done.
async fn end<'c>(
    store: &dyn Store,
    found: impl Iterator<Item = &'c Credential> + Send,
    snapshot: &Snapshot,
    author: &Author,
    changes: &mut Vec<Change>,
) -> Result<(), Problem> {
    for credential in found {
        let forget = forgets(snapshot, credential);
        match store.revoke(&credential.id, None, None, forget, author).await {
            // It was forgotten meanwhile.
            Err(ChangeError::Unknown) => {}
            answer => changes.extend(answer?.change),
        }
    }
    Ok(())
}
