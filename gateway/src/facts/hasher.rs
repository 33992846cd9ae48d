//! How the caches hash a [`FactKey`](decision::facts::FactKey): it is a digest already, so one multiplication is enough.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A seed that no client knows: whoever may choose ids must not be able to choose where they fall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u64);

impl Default for Seed {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0u8))
    }
}

impl BuildHasher for Seed {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher(self.0)
    }
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyHasher(u64);

/// 2^64 divided by the golden ratio, odd: every bit of the input reaches the middle of the product.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * u128::from(SPREAD);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    /// A [`FactKey`](decision::facts::FactKey) does not come this way; whatever does is hashed badly, not wrongly.
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }
}
