use std::net::{IpAddr, Ipv4Addr};

use decision::config::{Fragment, load};
use decision::credential::read;
use decision::request::{Field, Framing, Protocol, RequestHead};
use proptest::prelude::*;

use super::*;
use crate::source::Surroundings;

const CONFIGURATION: &str = r#"
upstreams: { app: ["127.0.0.1:9"] }
apis:
  - name: app
    upstream: app
    schemes:
      - { name: key, prefix: ak_ }
      - { name: live, prefix: ak_l, from: [bearer, "cookie:sid"] }
      - { name: cookie, prefix: ck_, from: ["cookie:sid"], issue: { checksum: false } }
      - { name: query, prefix: ak_, from: ["query:k"] }
      - { name: any, from: ["cookie:sid", "header:x-token"] }
"#;

fn api() -> Api {
    let fragment = Fragment::new("test.yaml", CONFIGURATION);
    load(&[fragment], &Surroundings).unwrap().configuration.snapshot.apis.remove(0)
}

/// Whether a request with `secret` in this place is one with a credential of this scheme.
fn is_taken(api: &Api, scheme: usize, place: usize, secret: &str) -> bool {
    let (name, value) = match &api.places[place] {
        Place::Bearer => ("authorization", format!("Bearer {secret}")),
        Place::Header(name) => (name.as_str(), secret.to_owned()),
        Place::Cookie(name) => ("cookie", format!("{name}={secret}")),
        Place::Query(_) => ("x-none", String::new()),
    };
    let escaped: String =
        secret.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let query = match &api.places[place] {
        Place::Query(name) => Some(format!("{name}={escaped}")),
        _ => None,
    };
    let fields = [Field { name, value: value.as_bytes() }];
    let head = RequestHead {
        protocol: Protocol::Http11,
        method: "GET",
        path: "/",
        query: query.as_deref(),
        host: "app.test",
        fields: &fields,
        framing: Framing::None,
        listener: 0,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        trusted_proxies: &[],
    };
    read(api, u64::MAX, &head).is_ok_and(|found| {
        found.is_some_and(|found| found.scheme == scheme && *found.value == *secret.as_bytes())
    })
}

proptest! {
    /// The admin API and the request path agree on whose a value is.
    #[test]
    fn a_secret_is_taken_in_exactly_when_some_place_of_its_scheme_would_give_it_back(
        scheme in 0_usize..5,
        secret in "(ak_|ak_l|ck_|)[!-+\\--~]{0,8}",
    ) {
        prop_assume!(!secret.is_empty());
        let api = api();
        let taken = recognised(&api, &api.schemes[scheme], &secret).is_ok();
        let places = api.schemes[scheme].from.iter();
        let found = places.clone().any(|&place| is_taken(&api, scheme, place, &secret));
        prop_assert_eq!(taken, found, "{}: {}", api.schemes[scheme].name, secret);
    }
}
