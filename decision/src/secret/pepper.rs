//! The keys of the keyed hash, and what they make of a secret.

use std::fmt;
use std::sync::Arc;

use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Digest, Fingerprint};

/// The fewest bytes a pepper may have.
pub const PEPPER_MIN: usize = 32;

/// The key of the keyed hash. Immutable for the life of the process.
#[derive(Clone)]
pub struct Pepper(hmac::Key);

impl Pepper {
    /// `None` when it is shorter than [`PEPPER_MIN`] bytes.
    pub fn new(value: &SecretString) -> Option<Self> {
        let bytes = value.expose_secret().as_bytes();
        (bytes.len() >= PEPPER_MIN).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    pub fn digest(&self, secret: &[u8]) -> Digest {
        self.digest_fingerprint(&Fingerprint::of(secret))
    }

    pub fn digest_fingerprint(&self, fingerprint: &Fingerprint) -> Digest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(&self.0, &fingerprint.0).as_ref());
        Digest(bytes)
    }

    /// A value that tells this pepper from another without telling what it is: kept in the store, so that a changed pepper
    /// is recognised at start instead of refusing everyone.
    pub fn check_value(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(&self.0, b"portcullis pepper check value v1").as_ref());
        bytes
    }

    /// The key under which records are signed that lie where others may write.
    pub fn record_key(&self) -> RecordKey {
        let key = hmac::sign(&self.0, b"portcullis record key v1");
        RecordKey(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }
}

/// Signs records, so that whoever can write the store can neither make one nor put one in another's place.
pub struct RecordKey(hmac::Key);

/// Bytes of a record's signature.
pub const SIGNATURE_LENGTH: usize = 32;

impl RecordKey {
    /// Of `content`, which lies under `name`.
    pub fn sign(&self, name: &str, content: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        let mut bytes = [0; SIGNATURE_LENGTH];
        bytes.copy_from_slice(hmac::sign(&self.0, &Self::signed(name, content)).as_ref());
        bytes
    }

    pub fn verify(&self, name: &str, content: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.0, &Self::signed(name, content), signature).is_ok()
    }

    /// The length tells where the name ends.
    fn signed(name: &str, content: &[u8]) -> Vec<u8> {
        [&(name.len() as u64).to_le_bytes(), name.as_bytes(), content].concat()
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey(..)")
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(..)")
    }
}

/// The pepper in force, and those that were before it and still count. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peppers {
    pub current: Pepper,
    pub previous: Arc<[Pepper]>,
}

impl Peppers {
    pub fn new(current: Pepper, previous: impl IntoIterator<Item = Pepper>) -> Self {
        Self { current, previous: previous.into_iter().collect() }
    }

    pub fn digests(&self, secret: &[u8]) -> Digests {
        self.digests_fingerprint(&Fingerprint::of(secret))
    }

    pub fn digests_fingerprint(&self, fingerprint: &Fingerprint) -> Digests {
        let under = |pepper: &Pepper| pepper.digest_fingerprint(fingerprint);
        Digests {
            current: under(&self.current),
            previous: self.previous.iter().map(under).collect(),
        }
    }
}

impl From<Pepper> for Peppers {
    fn from(current: Pepper) -> Self {
        Self::new(current, [])
    }
}

/// The digests of one secret: under the pepper in force, by which it is known from now on, and under those before, by which
/// it may have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    pub current: Digest,
    /// Empty while no pepper is being replaced.
    pub previous: Box<[Digest]>,
}

impl Digests {
    pub fn all(&self) -> impl Iterator<Item = &Digest> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl From<Digest> for Digests {
    fn from(current: Digest) -> Self {
        Self { current, previous: Box::default() }
    }
}

#[cfg(test)]
mod tests;
