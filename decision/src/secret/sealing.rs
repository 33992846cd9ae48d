//! Copies of secrets that can be read again: of revealable schemes, by whoever has the sealing key.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{digest, hmac};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::name::Id;

/// The bytes of a sealing key.
pub const SEALING_KEY_LENGTH: usize = 32;
/// How a copy begins: the version of this format.
const VERSION: u8 = 1;
/// Bytes that tell which key sealed a copy.
const KEY_ID_LENGTH: usize = 8;

/// The key under which copies are sealed (AES-256-GCM).
pub struct SealingKey {
    key: LessSafeKey,
    id: [u8; KEY_ID_LENGTH],
}

impl SealingKey {
    /// `None` when it does not have [`SEALING_KEY_LENGTH`] bytes.
    pub fn new(value: &SecretSlice<u8>) -> Option<Self> {
        let bytes = value.expose_secret();
        let key = UnboundKey::new(&AES_256_GCM, bytes).ok()?;
        // A name that does not tell the key.
        let name =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"portcullis sealing key id v1");
        let id = *name.as_ref().first_chunk()?;
        Some(Self { key: LessSafeKey::new(key), id })
    }

    /// Seals the secret of the credential `id` of `api`. `nonce` is random and used once.
    pub fn seal(
        &self,
        secret: &SecretString,
        api: &str,
        id: &Id,
        nonce: [u8; NONCE_LEN],
    ) -> Option<Sealed> {
        let mut text = Zeroizing::new(secret.expose_secret().as_bytes().to_vec());
        let whose = Aad::from(whose(api, id));
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), whose, &mut text)
            .ok()?;
        Some(Sealed([&[VERSION], &self.id[..], &nonce, &text, tag.as_ref()].concat()))
    }

    /// Reads the copy of the credential `id` of `api`. It opens nothing that was sealed for another.
    pub fn open(&self, sealed: &Sealed, api: &str, id: &Id) -> Result<SecretString, UnsealError> {
        let rest = sealed.0.strip_prefix(&[VERSION]).ok_or(UnsealError::Broken)?;
        let (key, rest) = rest.split_first_chunk().ok_or(UnsealError::Broken)?;
        if *key != self.id {
            return Err(UnsealError::OtherKey);
        }
        let (nonce, rest) = rest.split_first_chunk().ok_or(UnsealError::Broken)?;
        let mut text = Zeroizing::new(rest.to_vec());
        let whose = Aad::from(whose(api, id));
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let secret =
            self.key.open_in_place(nonce, whose, &mut text).map_err(|_| UnsealError::Broken)?;
        let secret = str::from_utf8(secret).map_err(|_| UnsealError::Broken)?;
        Ok(secret.into())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// What binds a copy to its credential: no two credentials give the same, since the hash of the name has a fixed length.
fn whose(api: &str, id: &Id) -> Vec<u8> {
    let api = digest::digest(&digest::SHA256, api.as_bytes());
    [api.as_ref(), id.as_str().as_bytes()].concat()
}

/// A sealed copy of a secret: version, key, nonce, what was sealed, and its tag. Useless without the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// Why a copy cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsealError {
    /// It was sealed under another key.
    OtherKey,
    /// It is no copy, has been changed, or was made for another credential.
    Broken,
}

impl fmt::Display for UnsealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherKey => "the copy was sealed under another key than store.sealing_key",
            Self::Broken => "the sealed copy is broken, or was made for another credential",
        })
    }
}

impl std::error::Error for UnsealError {}

#[cfg(test)]
mod tests;
