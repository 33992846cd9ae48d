//! Secrets of credentials: made, known by their digest, and, where the scheme allows it, sealed so that they can be shown again.

use decision::config::snapshot::{Api, Scheme};
use decision::facts::Credential;
use decision::name::Id;
use decision::secret::{self, Peppers, Sealed, SealingKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::import::{Source, recognised};
use crate::store::New;

/// Secrets shorter than this show nothing of themselves in the hint.
const HINT_FROM: usize = 20;
/// Characters of a secret that its hint shows.
const HINT_CHARS: usize = 4;
/// How often a secret is drawn anew that would be taken for another scheme's, as one in 62 is where its prefix is one more letter.
const DRAWS: usize = 64;

/// What is done to secrets, and with what.
#[derive(Debug)]
pub struct Keys {
    pub peppers: Peppers,
    /// `None` where no scheme is revealable.
    pub sealing: Option<SealingKey>,
}

/// The scheme that credentials are made for.
pub(super) struct Maker {
    pub(super) api: String,
    pub(super) scheme: String,
    prefix: String,
    revealable: bool,
    source: Source,
}

/// What is to be added, and the secret of it: only one that was minted here, since whoever brought one has it.
pub(super) struct Made {
    pub(super) new: New,
    pub(super) secret: Option<SecretString>,
}

impl Maker {
    pub(super) fn new(api: &Api, scheme: &Scheme, source: Source) -> Self {
        Self {
            api: api.name.to_string(),
            scheme: scheme.name.to_string(),
            prefix: scheme.prefix.clone().unwrap_or_default(),
            revealable: scheme.issue.revealable,
            source,
        }
    }

    /// A credential of its own id; `record` makes it of its id and hint. `None` when
    /// the system has no randomness to give.
    pub(super) fn make(
        &self,
        keys: &Keys,
        record: impl FnOnce(Id, String) -> Credential,
    ) -> Option<Made> {
        let id = Id::new(&format!("crd_{}", Uuid::now_v7().simple()))?;
        let (digests, hint, sealed) = match &self.source {
            Source::Minted(secret) | Source::Brought(secret) => (
                keys.peppers.digests(secret.expose_secret().as_bytes()),
                self.hint(secret),
                self.sealed(keys, secret, &id)?,
            ),
            Source::Digested(fingerprint) => {
                (keys.peppers.digests_fingerprint(fingerprint), self.prefix.clone(), None)
            }
        };
        let minted = match &self.source {
            Source::Minted(secret) => Some(secret.clone()),
            Source::Brought(_) | Source::Digested(_) => None,
        };
        let new = New { credential: record(id, hint), digests, sealed };
        Some(Made { new, secret: minted })
    }

    /// How people know a secret.
    fn hint(&self, secret: &SecretString) -> String {
        let text = secret.expose_secret();
        let mut hint = self.prefix.clone();
        if text.len() >= HINT_FROM {
            hint.extend(text.chars().skip(text.len() - HINT_CHARS));
        }
        hint
    }

    /// `Some(None)` where the scheme keeps no copies.
    #[expect(clippy::option_option, reason = "there is no copy, or there could be none")]
    fn sealed(&self, keys: &Keys, secret: &SecretString, id: &Id) -> Option<Option<Sealed>> {
        if !self.revealable {
            return Some(None);
        }
        let mut nonce = [0; 12];
        SystemRandom::new().fill(&mut nonce).ok()?;
        keys.sealing.as_ref()?.seal(secret, &self.api, id, nonce).map(Some)
    }
}

/// A new secret of a scheme, which requests that carry it are known by: a draw that begins like another scheme's secrets is
/// drawn anew. A scheme that another one hides wholly has none such; a configuration that has one is warned of it. `None` when
/// the system has no randomness to give.
pub(super) fn mint_for(api: &Api, scheme: &Scheme) -> Option<SecretString> {
    let prefix = scheme.prefix.as_deref().unwrap_or_default();
    let mut secret = mint(prefix)?;
    for _ in 0..DRAWS {
        if recognised(api, scheme, secret.expose_secret()).is_ok() {
            break;
        }
        secret = mint(prefix)?;
    }
    Some(secret)
}

/// A new secret. `None` when the system has no randomness to give.
pub(crate) fn mint(prefix: &str) -> Option<SecretString> {
    let random = SystemRandom::new();
    let mut filled = true;
    let secret = secret::mint(prefix, |bytes| filled &= random.fill(bytes).is_ok());
    filled.then_some(secret)
}
