//! Another secret, or the same once more: `rotate` and `reveal`.

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse as _;
use decision::config::snapshot::{Api, Scheme, Snapshot};
use decision::facts::{Credential, CredentialState, Timestamp};
use secrecy::ExposeSecret as _;

use super::call::Call;
use super::change::{self, Step};
use super::credentials::{Answer, created};
use super::fields::Fields;
use super::import::Source;
use super::keys::{Maker, mint_for};
use super::problem::Problem;
use super::view::Revealed;
use super::{instant, log_failure, rules, terms};
use crate::store::{ChangeError, Rotated};

/// What a rotation asks for.
struct Rotation {
    /// When the old one ends at the latest.
    overlap_ends: Timestamp,
    /// When the successor ends; `None` = as long after its begin as the old one.
    ends: Option<terms::Ends>,
}

impl Rotation {
    fn read(mut fields: Fields, scheme: &Scheme, now: Timestamp) -> Result<Self, Problem> {
        let overlap = fields.required("overlap", rules::duration);
        let ends = terms::lifetime(&mut fields, Some(&scheme.issue), now, now);
        fields.end()?;
        let overlap = overlap.and_then(|overlap| i64::try_from(overlap.as_millis()).ok());
        let overlap_ends = now.0.saturating_add(overlap.unwrap_or(i64::MAX)).min(instant::LAST.0);
        Ok(Self { overlap_ends: Timestamp(overlap_ends), ends })
    }
}

pub(super) async fn rotate(mut call: Call) -> Answer {
    let wait = call.only_wait()?;
    let id = call.id("id")?;
    let fields = call.body().await?;
    let Call { admin, author, generation, version, .. } = call;
    let now = author.now;
    let owned = Arc::clone(&admin);
    let step = async move {
        let old = owned.store.get(&id).await?.ok_or_else(Problem::record_unknown)?;
        if version.is_some_and(|version| version != old.version) {
            return Err(Problem::version_differs());
        }
        let (api, scheme) =
            scheme_of(&generation.snapshot, &old).ok_or_else(Problem::scheme_gone)?;
        let rotation = Rotation::read(fields, scheme, now)?;
        let state = old.state(now);
        let expired = old.expires_at.is_some_and(|at| now >= at);
        if state == CredentialState::Revoked || expired {
            let state = if expired { CredentialState::Expired } else { state };
            return Err(Problem::not_active(state.name()));
        }
        let default = || terms::as_long(&old, &scheme.issue, now);
        let expires_at = rotation.ends.map_or_else(default, terms::Ends::at);
        let record = |id, hint| Credential {
            id,
            hint,
            external_id: None,
            created_at: now,
            expires_at,
            last_used_at: None,
            version: 1,
            ..old.clone()
        };
        let source = Source::Minted(mint_for(api, scheme).ok_or_else(Problem::internal)?);
        let made = Maker::new(api, scheme, source).make(&owned.keys, record);
        let made = made.ok_or_else(Problem::internal)?;
        let mut ending = old.clone();
        let ends = old.expires_at.map_or(rotation.overlap_ends, |at| at.min(rotation.overlap_ends));
        ending.expires_at = Some(ends);
        let Rotated { old, successor } = owned.store.rotate(ending, made.new, &author).await?;
        let changes = old.change.into_iter().chain(successor.change).collect();
        Ok(Step { outcome: (successor.record, made.secret), changes })
    };
    let ((successor, secret), reach) = change::make(&admin, step).await?;
    Ok(created(successor, secret.as_ref(), wait.told(&admin, &reach).await?, now))
}

pub(super) async fn reveal(mut call: Call) -> Answer {
    call.query_ends()?;
    let id = call.id("id")?;
    let mut fields = call.body_if_any().await?;
    let subject = fields.text("subject", rules::id);
    fields.end()?;
    let Call { admin, author, generation, version, .. } = call;
    let found = change::read(admin.store.get(&id)).await?.ok_or_else(Problem::record_unknown)?;
    if version.is_some_and(|version| version != found.version) {
        return Err(Problem::version_differs());
    }
    if subject.as_ref().is_some_and(|subject| *subject != found.subject) {
        return Err(Problem::not_owner());
    }
    // It opens nothing any more; whoever is shown it could only mistake it for one that does.
    let state = found.state(author.now);
    if state == CredentialState::Revoked {
        return Err(Problem::not_active(state.name()));
    }
    let scheme = scheme_of(&generation.snapshot, &found);
    let Some(key) = admin.keys.sealing.as_ref() else { return Err(not_revealable()) };
    if !scheme.is_some_and(|(_, scheme)| scheme.issue.revealable) {
        return Err(not_revealable());
    }
    let sealed = admin.store.reveal(&id, subject.as_ref(), &author);
    let sealed = change::read::<_, ChangeError>(sealed).await?;
    let sealed = sealed.ok_or_else(|| {
        Problem::not_revealable("no copy of the secret was kept when the credential was made")
    })?;
    let secret = key.open(&sealed, &found.api, &id).map_err(|error| {
        log_failure("a sealed secret cannot be read", &error);
        Problem::internal()
    })?;
    Ok(Json(Revealed { secret: Some(secret.expose_secret().to_owned()) }).into_response())
}

fn not_revealable() -> Problem {
    Problem::not_revealable("the credential's scheme is not revealable")
}

fn scheme_of<'a>(snapshot: &'a Snapshot, credential: &Credential) -> Option<(&'a Api, &'a Scheme)> {
    let api = snapshot.apis.iter().find(|api| *api.name == *credential.api)?;
    let scheme = api.schemes.iter().find(|scheme| *scheme.name == *credential.scheme)?;
    Some((api, scheme))
}
