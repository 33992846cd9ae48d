//! The names of facts: what a cache is asked by.

use std::fmt;
use std::hash::{Hash, Hasher};

use ring::digest;

use crate::name::Id;
use crate::secret::Digest;

/// What makes equal digests of different apis different keys: the SHA-256 of the api's name.
pub fn api_mask(name: &str) -> [u8; 32] {
    sha256(&[name.as_bytes()])
}

/// What makes equal ids of different realms different keys: the SHA-256 of the realm's name.
pub fn realm_mask(name: &str) -> [u8; 32] {
    sha256(&[name.as_bytes()])
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The name of one fact, as one value that is compared and hashed at once: of a credential an api and a digest in it, of a
/// subject or a resource a realm and an id in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FactKey([u8; 32]);

impl FactKey {
    /// `mask` is [`api_mask`] of the api's name.
    pub fn new(mask: &[u8; 32], digest: &Digest) -> Self {
        let mut key = digest.0;
        for (byte, mask) in key.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        Self(key)
    }

    /// `mask` is [`realm_mask`] of the realm's name.
    pub fn subject(mask: &[u8; 32], id: &Id) -> Self {
        Self(sha256(&[mask, b"s", id.as_str().as_bytes()]))
    }

    /// `mask` is [`realm_mask`] of the realm's name.
    pub fn resource(mask: &[u8; 32], id: &Id) -> Self {
        Self(sha256(&[mask, b"r", id.as_str().as_bytes()]))
    }
}

impl FactKey {
    /// One of `places`, a power of two, for this key: other bits than those of its hash.
    pub fn place(&self, places: usize) -> usize {
        let last = self.0.last_chunk().map_or(0, |last| usize::from_le_bytes(*last));
        last & places.wrapping_sub(1)
    }
}

/// A digest is uniformly distributed, so any part of it is a good hash.
impl Hash for FactKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(first) = self.0.first_chunk() {
            state.write_u64(u64::from_ne_bytes(*first));
        }
    }
}

impl fmt::Debug for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FactKey(..)")
    }
}
