//! A credential as the hot path reads it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use http::HeaderValue;

use super::{Credential, FactKey, Timestamp};
use crate::audience;
use crate::name::Id;

/// The record of a credential, and what of it is worth making once: its identity values, ready to be sent, and the keys of the
/// records that it names.
#[derive(Debug)]
pub struct Fact {
    pub credential: Credential,
    pub id: HeaderValue,
    pub subject: HeaderValue,
    pub org: Option<HeaderValue>,
    /// [`Credential::shown_grants`]
    pub grants: HeaderValue,
    /// `None` = its scopes restrict nothing; empty = it has none.
    pub scopes: Option<HeaderValue>,
    /// Normalised.
    pub audience: Option<Box<str>>,
    keys: OnceLock<Keys>,
    /// No decision looks at it.
    use_told: AtomicI64,
}

/// The keys of what a credential names, in one realm.
#[derive(Clone, Copy, Debug)]
struct Keys {
    realm: [u8; 32],
    subject: FactKey,
    org: Option<FactKey>,
}

impl Fact {
    pub fn new(credential: Credential) -> Self {
        let scopes = credential.scopes.as_ref().map(|scopes| {
            let scopes: Vec<_> = scopes.iter().map(Id::as_str).collect();
            visible(&scopes.join(" "))
        });
        Self {
            id: visible(credential.id.as_str()),
            subject: visible(credential.subject.as_str()),
            org: credential.org.as_ref().map(|org| visible(org.as_str())),
            grants: visible(&credential.shown_grants()),
            scopes,
            audience: credential.audience.as_deref().map(|text| audience::normalise(text).into()),
            keys: OnceLock::new(),
            use_told: AtomicI64::new(credential.last_used_at.map_or(i64::MIN, |at| at.0)),
            credential,
        }
    }

    /// The key of the subject's record. `realm` is [`super::realm_mask`] of the realm that the credential's api is in.
    pub fn subject_key(&self, realm: &[u8; 32]) -> FactKey {
        self.keys(realm).subject
    }

    /// The key of the organisation's record, if it names one. `realm` as above.
    pub fn org_key(&self, realm: &[u8; 32]) -> Option<FactKey> {
        self.keys(realm).org
    }

    /// The latest use that the store was told of. It stands here, so that a request that was let through finds it beside
    /// what it has just read.
    pub fn use_told(&self) -> Timestamp {
        Timestamp(self.use_told.load(Ordering::Relaxed))
    }

    pub fn set_use_told(&self, at: Timestamp) {
        self.use_told.store(at.0, Ordering::Relaxed);
    }

    /// Made once: an api stays in its realm until a reload says otherwise.
    fn keys(&self, realm: &[u8; 32]) -> Keys {
        let make = || Keys {
            realm: *realm,
            subject: FactKey::subject(realm, &self.credential.subject),
            org: self.credential.org.as_ref().map(|org| FactKey::resource(realm, org)),
        };
        let keys = self.keys.get_or_init(make);
        if keys.realm == *realm { *keys } else { make() }
    }
}

/// An [`Id`], and a list of them, is visible ASCII, so the empty value stands for nothing that can exist.
pub(crate) fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
