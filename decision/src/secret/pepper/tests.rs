use super::*;

fn pepper(name: &str) -> Pepper {
    Pepper::new(&format!("{name:.<32}").into()).unwrap()
}

#[test]
fn a_secret_has_a_digest_under_each_pepper_in_their_order() {
    let peppers = Peppers::new(pepper("new"), [pepper("old"), pepper("older")]);
    let digests = peppers.digests(b"ak_1");
    assert_eq!(digests.current, pepper("new").digest(b"ak_1"));
    assert_eq!(*digests.previous, [pepper("old").digest(b"ak_1"), pepper("older").digest(b"ak_1")]);
    let all: Vec<Digest> = digests.all().copied().collect();
    assert_eq!(all, ["new", "old", "older"].map(|name| pepper(name).digest(b"ak_1")));
    assert_eq!(peppers.digests_fingerprint(&Fingerprint::of(b"ak_1")), digests);
}

#[test]
fn while_no_pepper_is_replaced_there_is_one_digest() {
    let peppers = Peppers::from(pepper("only"));
    assert_eq!(peppers.digests(b"ak_1"), pepper("only").digest(b"ak_1").into());
}

#[test]
fn peppers_show_nothing() {
    let shown = format!("{:?}", Peppers::new(pepper("new"), [pepper("old")]));
    assert_eq!(shown, "Peppers { current: Pepper(..), previous: [Pepper(..)] }");
}
