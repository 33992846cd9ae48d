use proptest::prelude::*;

use super::*;

const NONCE: [u8; NONCE_LEN] = [3; NONCE_LEN];

fn key(byte: u8) -> SealingKey {
    SealingKey::new(&vec![byte; SEALING_KEY_LENGTH].into()).unwrap()
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn sealed(secret: &str) -> Sealed {
    key(7).seal(&secret.to_owned().into(), "app", &id("crd_1"), NONCE).unwrap()
}

fn opened(key: &SealingKey, sealed: &Sealed, api: &str, name: &str) -> Result<String, UnsealError> {
    key.open(sealed, api, &id(name)).map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn a_sealed_secret_is_read_again_under_its_key_and_shows_nothing_else() {
    let copy = sealed("ak_secret");
    assert_eq!(opened(&key(7), &copy, "app", "crd_1").as_deref(), Ok("ak_secret"));
    let holds = |needle: &[u8]| copy.as_bytes().windows(needle.len()).any(|part| part == needle);
    assert!(!holds(b"secret") && !holds(&[7; 8]));
    assert_eq!(format!("{copy:?} {:?}", key(7)), "Sealed(..) SealingKey(..)");
}

#[test]
fn another_key_is_told_from_a_broken_copy() {
    let copy = sealed("ak_secret");
    assert_eq!(opened(&key(8), &copy, "app", "crd_1"), Err(UnsealError::OtherKey));
    assert_eq!(
        UnsealError::OtherKey.to_string(),
        "the copy was sealed under another key than store.sealing_key"
    );
}

#[test]
fn a_copy_put_in_the_place_of_another_credentials_is_not_opened() {
    let copy = sealed("ak_secret");
    assert_eq!(opened(&key(7), &copy, "app", "crd_2"), Err(UnsealError::Broken));
    assert_eq!(opened(&key(7), &copy, "other", "crd_1"), Err(UnsealError::Broken));
    assert_eq!(opened(&key(7), &copy, "appcrd_", "1"), Err(UnsealError::Broken));
}

#[test]
fn a_key_has_32_bytes() {
    for length in [0, 16, 31, 33, 64] {
        assert!(SealingKey::new(&vec![7; length].into()).is_none(), "{length}");
    }
}

proptest! {
    #[test]
    fn any_secret_comes_back(secret in "[!-~]{1,200}", nonce: [u8; NONCE_LEN]) {
        let copy = key(7).seal(&secret.clone().into(), "app", &id("crd_1"), nonce).unwrap();
        prop_assert_eq!(opened(&key(7), &copy, "app", "crd_1"), Ok(secret));
    }

    #[test]
    fn a_copy_that_was_changed_anywhere_is_not_opened(place: prop::sample::Index, bit in 0..8_u8) {
        let mut bytes = sealed("ak_secret").as_bytes().to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        prop_assert!(opened(&key(7), &Sealed::from_bytes(bytes), "app", "crd_1").is_err());
    }

    #[test]
    fn bytes_that_are_no_copy_are_refused(bytes: Vec<u8>) {
        prop_assert!(opened(&key(7), &Sealed::from_bytes(bytes), "app", "crd_1").is_err());
    }
}
