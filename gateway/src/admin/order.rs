//! A create, judged: from the fields that were sent to a credential ready for the store.

use decision::config::snapshot::{Api, Scheme, Snapshot};
use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::{self, Digest, Pepper};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use uuid::Uuid;

use super::fields::{Fields, Judged};
use super::import::{self, Source};
use super::problem::Problem;
use super::{rules, terms};

/// Secrets shorter than this show nothing of themselves in the hint.
const HINT_FROM: usize = 20;
/// Characters of a secret that its hint shows.
const HINT_CHARS: usize = 4;

/// A create that every rule allows.
pub(super) struct Order {
    api: String,
    scheme: String,
    prefix: String,
    name: Option<String>,
    subject: Id,
    org: Option<Id>,
    external_id: Option<Id>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    metadata: Map<String, Value>,
    source: Source,
}

/// What an order becomes.
pub(super) struct Made {
    pub(super) credential: Credential,
    pub(super) digest: Digest,
    /// Only of a secret that was minted here: whoever brought one has it.
    pub(super) secret: Option<SecretString>,
}

impl Order {
    /// Judges all fields together: an error names everything that is wrong.
    pub(super) fn read(
        mut fields: Fields,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let sent = &mut fields;
        let api = sent.required("api", |name| {
            let found = snapshot.apis.iter().find(|api| *api.name == *name);
            found.ok_or_else(|| "is not configured".into())
        });
        let scheme = sent.required("scheme", |name| scheme_of(api, name)).flatten();
        let name = sent.text("name", rules::label);
        let subject = sent.required("subject", rules::id);
        let org = sent.text("org", rules::id);
        let external_id = sent.text("external_id", rules::id);
        let metadata = sent.take("metadata", rules::metadata).unwrap_or_default();
        let imported = sent.has("secret") || sent.has("secret_sha256");
        let source = import::source(sent, api.zip(scheme));
        let created_at = terms::created_at(sent, imported, now);
        let expires_at = terms::expiry(sent, scheme.map(|scheme| &scheme.issue), created_at, now);
        fields.end()?;
        let (Some(api), Some(scheme), Some(subject)) = (api, scheme, subject) else {
            return Err(Problem::internal()); // each missing one was refused above
        };
        Ok(Self {
            api: api.name.to_string(),
            scheme: scheme.name.to_string(),
            prefix: scheme.prefix.clone().unwrap_or_default(),
            name,
            subject,
            org,
            external_id,
            created_at,
            expires_at,
            metadata,
            source,
        })
    }

    /// A credential of its own id and, where it is minted, its own secret. `None` when the system has no randomness to give.
    pub(super) fn make(&self, pepper: &Pepper) -> Option<Made> {
        let (secret, digest, hint) = match &self.source {
            Source::Minted => {
                let secret = mint(&self.prefix)?;
                let (digest, hint) = self.known_by(pepper, &secret);
                (Some(secret), digest, hint)
            }
            Source::Brought(secret) => {
                let (digest, hint) = self.known_by(pepper, secret);
                (None, digest, hint)
            }
            Source::Digested(fingerprint) => {
                (None, pepper.digest_fingerprint(fingerprint), self.prefix.clone())
            }
        };
        let credential = Credential {
            id: Id::new(&format!("crd_{}", Uuid::now_v7().simple()))?,
            api: self.api.clone(),
            scheme: self.scheme.clone(),
            name: self.name.clone(),
            hint,
            external_id: self.external_id.clone(),
            subject: self.subject.clone(),
            org: self.org.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: None,
            revoke_reason: None,
            disabled: false,
            ceiling: None,
            grants: None,
            scopes: None,
            audience: None,
            client_id: None,
            addresses: None,
            limits: BTreeMap::new(),
            metadata: self.metadata.clone(),
            last_used_at: None,
            version: 1,
        };
        Some(Made { credential, digest, secret })
    }

    /// How the store and how people know a secret.
    fn known_by(&self, pepper: &Pepper, secret: &SecretString) -> (Digest, String) {
        let text = secret.expose_secret();
        let mut hint = self.prefix.clone();
        if text.len() >= HINT_FROM {
            hint.extend(text.chars().skip(text.len() - HINT_CHARS));
        }
        (pepper.digest(text.as_bytes()), hint)
    }
}

/// `None` when the api was refused, and so nobody can tell.
fn scheme_of<'a>(api: Option<&'a Api>, name: &str) -> Judged<Option<&'a Scheme>> {
    let Some(api) = api else { return Ok(None) };
    let found = api.schemes.iter().find(|scheme| *scheme.name == *name);
    found.map(Some).ok_or_else(|| "is not a scheme of the api".into())
}

/// A new secret. `None` when the system has no randomness to give.
pub(crate) fn mint(prefix: &str) -> Option<SecretString> {
    let random = SystemRandom::new();
    let mut filled = true;
    let secret = secret::mint(prefix, |bytes| filled &= random.fill(bytes).is_ok());
    filled.then_some(secret)
}
