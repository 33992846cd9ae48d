//! `headers` of a route: what it changes of the heads that cross it.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};

use super::field::{Fields, entries, items, scalar};
use super::form::{Form, Reason, field_value, header_name, secret_field_value};
use super::problem::{Place, Problems, quote};
use super::tree::{Entry, Node};
use crate::headers::{FieldEdits, HeaderEdits};
use crate::hop::is_hop_by_hop;

/// Field names that are given somewhere, and where.
pub(super) type Names = Vec<(HeaderName, Place)>;

/// Reads `headers` of a route; `names` learns which are edited.
pub(super) fn headers(route: &mut Fields<'_>, names: &mut Names) -> HeaderEdits {
    route.block("headers", |headers| {
        // One may be a password for the upstream.
        let request = headers.block("request", |block| edits(block, &secret_field_value(), names));
        let response = headers.block("response", |block| edits(block, &field_value(), names));
        HeaderEdits { request, response }
    })
}

fn edits(
    block: &mut Fields<'_>,
    form: &Form<HeaderValue>,
    names: &mut Names,
) -> Option<FieldEdits> {
    let problems = block.problems;
    let mut seen = HashMap::new();
    let mut once = |name: &HeaderName, place: &Place| match seen.insert(name.clone(), place.clone())
    {
        None => true,
        Some(first) => {
            let first = problems.line_of(&first);
            let message = format!("the header `{name}` is edited twice, first at {first}");
            problems.error(place, message);
            false
        }
    };
    let mut named = |key: &'static str, block: &mut Fields<'_>| {
        let mut read = block.node(key).map_or_else(Vec::new, |node| fields(node, form, problems));
        read.retain(|(name, _, place)| once(name, place));
        read
    };
    let set = named("set", block);
    let add = named("add", block);
    let remove = block.node("remove").map_or_else(Vec::new, |node| removed(node, problems));
    let remove: Vec<_> = remove.into_iter().filter(|(name, place)| once(name, place)).collect();
    names.extend(set.iter().chain(&add).map(|(name, _, place)| (name.clone(), place.clone())));
    names.extend(remove.iter().cloned());
    let plain = |list: Vec<(HeaderName, HeaderValue, Place)>| {
        list.into_iter().map(|(name, value, _)| (name, value)).collect::<Vec<_>>()
    };
    let edits = FieldEdits {
        remove: remove.into_iter().map(|(name, _)| name).collect(),
        set: plain(set),
        add: plain(add),
    };
    let empty = edits.remove.is_empty() && edits.said().next().is_none();
    (!empty).then_some(edits)
}

/// Fields of a head, by name; those that can be read.
pub(super) fn fields(
    node: &Node,
    form: &Form<HeaderValue>,
    problems: &Problems,
) -> Vec<(HeaderName, HeaderValue, Place)> {
    let read = |Entry { key, place, value }: &Entry| {
        let name = editable(key)
            .map_err(|reason| problems.error(place, format!("{}: {reason}", quote(key))));
        let value = scalar(value, form, problems);
        Some((name.ok()?, value.ok()?.value, place.clone()))
    };
    entries(node, problems).unwrap_or_default().iter().filter_map(read).collect()
}

fn removed(node: &Node, problems: &Problems) -> Names {
    let form = Form::reasoned("the name of a header", editable);
    let read = |node: &Node| {
        let name = scalar(node, &form, problems).ok()?;
        Some((name.value, node.place.clone()))
    };
    items(node, problems).unwrap_or_default().iter().filter_map(read).collect()
}

/// The name of a field that nothing else in the gateway speaks for.
fn editable(text: &str) -> Result<HeaderName, Reason> {
    let name = header_name(text)?;
    match name.as_str() {
        "host" => Err("`Host` is set by `rewrite.host`"),
        "content-length" | "transfer-encoding" | "expect" => {
            Err("the field is part of the framing")
        }
        name if is_hop_by_hop(name.as_bytes()) => Err("the field belongs to one connection"),
        _ => Ok(name),
    }
}
