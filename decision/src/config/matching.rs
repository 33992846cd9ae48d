//! `match`: what a route asks of a request beside its path and method.

use http::{HeaderName, HeaderValue};

use super::field::{Fields, scalar, unexpected};
use super::form::{Reason, header_name, secret_field_value};
use super::problem::{Judged, Place, quote};
use super::tree::{Entry, Value};
use crate::hop::is_hop_by_hop;
use crate::route::Match;

/// What `match` says, and where each of its names is given.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) matching: Match,
    pub(super) names: Vec<(HeaderName, Place)>,
}

/// Reads `match` of a route.
pub(super) fn matching(route: &mut Fields<'_>) -> Judged<Asked> {
    let problems = route.problems;
    let Some(node) = route.node("match") else { return Ok(Asked::default()) };
    Fields::of(node, problems, |asked| {
        let Some(headers) = asked.node("headers") else { return Err(asked.missing("headers")) };
        let entries = match &headers.value {
            Value::Mapping(entries) if !entries.is_empty() => entries,
            Value::Mapping(_) => {
                let message =
                    "the mapping is empty; a route that asks for no field needs no `match`";
                return Err(problems.error(&headers.place, message));
            }
            _ => return Err(unexpected("a mapping of field names to values", headers, problems)),
        };
        let read = |Entry { key, place, value }: &Entry| {
            let name = name(key)
                .map_err(|reason| problems.error(place, format!("{}: {reason}", quote(key))));
            let value = scalar(value, &secret_field_value(), problems);
            Ok((name?, value?.value, place.clone()))
        };
        let read: Vec<_> = entries.iter().map(read).collect();
        let mut read =
            read.into_iter().collect::<Judged<Vec<(HeaderName, HeaderValue, Place)>>>()?;
        read.sort_by(|(one, ..), (other, ..)| one.as_str().cmp(other.as_str()));
        if let Some([_, (name, _, place)]) =
            read.array_windows().find(|[(one, ..), (other, ..)]| one == other)
        {
            return Err(problems.error(place, format!("the header `{name}` is given twice")));
        }
        let matching = Match::of(read.iter().map(|(name, value, _)| (name.clone(), value.clone())));
        Ok(Asked {
            matching,
            names: read.into_iter().map(|(name, _, place)| (name, place)).collect(),
        })
    })
}

fn name(text: &str) -> Result<HeaderName, Reason> {
    let name = header_name(text)?;
    match name.as_str() {
        "host" => Err("the host chooses the api: `hosts`"),
        name if is_hop_by_hop(name.as_bytes()) => Err("the field belongs to one connection"),
        "content-length" | "expect" => Err("the field is part of the framing"),
        _ => Ok(name),
    }
}
