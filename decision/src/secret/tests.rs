use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;

fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0u8;
    move |bytes| {
        for byte in bytes {
            *byte = next;
            next = next.wrapping_mul(5).wrapping_add(37);
        }
    }
}

#[test]
fn a_minted_secret_has_its_form_and_its_checksum() {
    let secret = mint("ak_", counting());
    let text = secret.expose_secret();
    assert_eq!(text.len(), 3 + 43 + 6);
    assert!(has_minted_form("ak_", text.as_bytes()));
    assert!(checksum_holds(text.as_bytes()));
}

#[test]
fn the_checksum_is_crc32_in_base62_most_significant_first() {
    // CRC-32("123456789") = 0xCBF43926 = 3421780262.
    assert_eq!(&checksum(b"123456789"), b"3jZRME");
}

#[test]
fn the_digest_is_hmac_sha256_under_the_pepper_over_the_sha256() {
    let pepper = Pepper::new(&"0123456789abcdef0123456789abcdef".to_owned().into()).unwrap();
    let sha = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"; // SHA-256("secret")
    assert_eq!(
        pepper.digest(b"secret"),
        pepper.digest_fingerprint(&Fingerprint::from_hex(sha).unwrap())
    );
    assert!(Fingerprint::from_hex("2bb8").is_none());
    assert!(Fingerprint::from_hex(&"zz".repeat(32)).is_none());
}

#[test]
fn a_short_pepper_is_none_and_two_peppers_differ_in_everything() {
    assert!(Pepper::new(&"x".repeat(31).into()).is_none());
    let (a, b) = (
        Pepper::new(&"a".repeat(32).into()).unwrap(),
        Pepper::new(&"b".repeat(32).into()).unwrap(),
    );
    assert_ne!(a.digest(b"k"), b.digest(b"k"));
    assert_ne!(a.check_value(), b.check_value());
}

#[test]
fn nothing_that_holds_a_secret_shows_it() {
    let pepper = Pepper::new(&"p".repeat(32).into()).unwrap();
    let shown = format!("{pepper:?} {:?} {:?}", Fingerprint::of(b"k"), mint("ak_", counting()));
    assert!(!shown.contains("ppp") && !shown.contains("ak_"), "{shown}");
}

proptest! {
    #[test]
    fn any_single_changed_character_breaks_the_checksum(at in 0usize..52, to in 0usize..62) {
        let secret = mint("ak_", counting());
        let mut bytes = secret.expose_secret().as_bytes().to_vec();
        let changed = BASE62[to];
        prop_assume!(bytes[at] != changed);
        bytes[at] = changed;
        prop_assert!(!checksum_holds(&bytes));
    }
}
