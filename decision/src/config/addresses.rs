//! `addresses`: where clients may come from.

use super::field::{Fields, values};
use super::form::network;
use crate::addresses::Addresses;

/// Reads `addresses` of an api or a route; `None` where they keep nobody out.
pub(super) fn addresses(block: &mut Fields<'_>) -> Option<Addresses> {
    block.block("addresses", |addresses| {
        let allow = addresses.list("allow", &network()).unwrap_or_default();
        let deny = addresses.list("deny", &network()).unwrap_or_default();
        let read = Addresses { allow: values(allow).collect(), deny: values(deny).collect() };
        (read != Addresses::default()).then_some(read)
    })
}
