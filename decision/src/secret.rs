//! Secrets and what is kept of them.
//!
//! A secret lives in memory only between the place it was read from and its [`Digest`]; everything after holds the digest,
//! HMAC-SHA-256 under the pepper over the secret's SHA-256 (contract, section 3). A copy of the store without the pepper
//! cannot be tested against leaked secrets, and nobody who can write the store can plant a digest for a secret he chose.

use std::fmt;

use ring::digest;
use secrecy::SecretString;

pub use self::pepper::{Digests, PEPPER_MIN, Pepper, Peppers, RecordKey, SIGNATURE_LENGTH};
pub use self::sealing::{SEALING_KEY_LENGTH, Sealed, SealingKey, UnsealError};

mod pepper;
mod sealing;

/// Characters of randomness in a minted secret: 43 of 62 carry 256 bits.
const RANDOM_CHARS: usize = 43;
/// Characters of the checksum: 6 of 62 hold any CRC-32.
const CHECKSUM_CHARS: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The SHA-256 of a secret: what a product that keeps digests can bring (`secret_sha256`).
#[derive(Clone, Copy)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub fn of(secret: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits, of either case.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = (hex_value(*high)? << 4) | hex_value(*low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// What is stored, cached and looked up instead of a secret. Useless without the secret, so it may be shown to an operator.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// Mints `<prefix><43 base62 characters of randomness><6 base62 characters of CRC-32 of all before>`.
///
/// `fill` fills its argument with cryptographically secure random bytes.
pub fn mint(prefix: &str, mut fill: impl FnMut(&mut [u8])) -> SecretString {
    let mut text = String::with_capacity(prefix.len() + RANDOM_CHARS + CHECKSUM_CHARS);
    text.push_str(prefix);
    let end = prefix.len() + RANDOM_CHARS;
    while text.len() < end {
        let mut bytes = [0; 64];
        fill(&mut bytes);
        // Six bits choose among 64; the two that are no base62 digit are thrown away, so that every character is uniform.
        let drawn = bytes.iter().filter_map(|byte| BASE62.get(usize::from(byte & 63)));
        text.extend(drawn.take(end - text.len()).map(|&digit| digit as char));
    }
    let checksum = checksum(text.as_bytes());
    text.extend(checksum.iter().map(|&digit| digit as char));
    text.into()
}

/// CRC-32 (IEEE) of `bytes` as six base62 digits, most significant first.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_CHARS] {
    let mut rest = crc32fast::hash(bytes);
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        if let Some(&value) = BASE62.get((rest % 62) as usize) {
            *digit = value;
        }
        rest /= 62;
    }
    digits
}

/// Whether `secret` has the length and alphabet of one minted under `prefix`. It says nothing of the checksum.
pub fn has_minted_form(prefix: &str, secret: &[u8]) -> bool {
    secret.strip_prefix(prefix.as_bytes()).is_some_and(|rest| {
        rest.len() == RANDOM_CHARS + CHECKSUM_CHARS && rest.iter().all(u8::is_ascii_alphanumeric)
    })
}

/// Whether the last six characters of `secret` are the checksum of all before.
pub fn checksum_holds(secret: &[u8]) -> bool {
    secret
        .split_last_chunk::<CHECKSUM_CHARS>()
        .is_some_and(|(before, found)| checksum(before) == *found)
}

#[cfg(test)]
mod tests;
