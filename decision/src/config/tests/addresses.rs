use super::{APP, Environment, api, file, table};
use crate::config::load;
use crate::config::snapshot::Snapshot;

fn loaded(addresses: &str) -> Snapshot {
    let text = format!(
        "{APP}apis:\n  - {{ name: a, upstream: app, schemes: [{{ name: k }}], addresses: {addresses} }}\n"
    );
    load(&file(&text), &Environment::default()).unwrap().configuration.snapshot
}

#[test]
fn addresses_are_blocks_that_are_allowed_or_denied() {
    let addresses = |text: &str| api(&format!("schemes: [{{ name: k }}]\n    addresses: {text}"));
    table(
        addresses,
        &[
            ("[]", &["6:16: apis[0].addresses: expected a mapping, found a list"]),
            (
                "{ allow: [10.0.0.0/33] }",
                &[
                    "6:26: apis[0].addresses.allow[0]: expected an address or a block of them, such as `10.0.0.0/8`, found `10.0.0.0/33`",
                ],
            ),
            (
                "{ deny: [10.1.0.0/8, 10.0.0.0/8] }",
                &[
                    "6:37: apis[0].addresses.deny[1]: `10.0.0.0/8` is given twice, first at conf/x.yaml:6",
                ],
            ),
            (
                "{ denny: [] }",
                &["6:18: apis[0].addresses.denny: unknown key `denny`, did you mean `deny`?"],
            ),
        ],
    );
}

#[test]
fn addresses_that_keep_nobody_out_are_none() {
    assert_eq!(loaded("{ allow: [], deny: [] }").apis[0].addresses, None);
    assert!(loaded("{ deny: [10.0.0.0/8] }").apis[0].addresses.is_some());
}

#[test]
fn an_ipv4_block_that_is_written_as_an_ipv6_one_holds_ipv4_clients() {
    let snapshot = loaded("{ deny: ['::ffff:192.0.2.0/120', '::ffff:198.51.100.7'] }");
    let addresses = snapshot.apis[0].addresses.as_ref().unwrap();
    assert!(!addresses.permit("192.0.2.9".parse().unwrap()));
    assert!(!addresses.permit("198.51.100.7".parse().unwrap()));
    assert!(addresses.permit("198.51.100.8".parse().unwrap()));
}
