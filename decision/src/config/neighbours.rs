//! Routes that differ by `match` alone: a client chooses its fields, so the more permissive of them is open to everybody.

use std::collections::BTreeSet;

use super::problem::{Place, Problems};
use super::snapshot::{Auth, ByMethod, Requirement, Route, UnknownResource};
use crate::route::{Pattern, RouteTable};

/// Warns of routes of the paths `matched` that are more permissive than a neighbour, or as good as one for some requests.
/// `places` are those of the table's routes.
pub(super) fn judge(
    table: &RouteTable,
    matched: &BTreeSet<Pattern>,
    places: &[Place],
    problems: &Problems,
) {
    let place = |route: &Route| places.get(route.index);
    for junction in matched.iter().filter_map(|pattern| table.at(pattern)) {
        for (one, other) in junction.neighbours() {
            let (Some(one_place), Some(other_place)) = (place(one), place(other)) else { continue };
            if one.matching.ties_with(&other.matching) {
                let line = problems.line_of(one_place);
                let message = format!(
                    "a request can fit this route and that at {line}, which is then taken: its fields come first in the alphabet"
                );
                problems.warning(other_place, message);
            }
            let both = [(one, one_place, other, other_place), (other, other_place, one, one_place)];
            for (lax, lax_place, strict, strict_place) in both {
                let Some(why) = more_permissive(lax, strict) else { continue };
                let line = problems.line_of(strict_place);
                let message = format!(
                    "the route {why} and that at {line} does not, but a client chooses its fields and so between them"
                );
                problems.warning(lax_place, message);
            }
        }
    }
}

/// What `lax` lets through that `strict` would not.
fn more_permissive(lax: &Route, strict: &Route) -> Option<&'static str> {
    let openness = |route: &Route| match route.auth {
        Auth::Required => 0,
        Auth::Optional => 1,
        Auth::None => 2,
    };
    let accepts_more = lax.auth != Auth::None && lax.accept & !strict.accept != 0;
    let from_elsewhere = strict.addresses.is_some() && lax.addresses != strict.addresses;
    let (shadow, in_force) = (lax.shadow, strict.shadow);
    if openness(lax) > openness(strict) {
        Some("lets requests without a credential through")
    } else if accepts_more && strict.auth != Auth::None {
        Some("accepts credentials of another scheme")
    } else if from_elsewhere {
        Some("lets clients in from other addresses")
    } else if strict.limits.iter().any(|limit| !lax.limits.contains(limit)) {
        Some("leaves out a limit")
    } else if (shadow.limit && !in_force.limit) || (shadow.authorize && !in_force.authorize) {
        Some("only observes a stage")
    } else if lax.auth == Auth::None {
        None
    } else {
        asks_less(&lax.requirement, &strict.requirement)
    }
}

/// What `lax` does not ask of a credential that `strict` does.
fn asks_less(lax: &Requirement, strict: &Requirement) -> Option<&'static str> {
    let refuses_unknown = |requirement: &Requirement| {
        let resource = requirement.resource.as_ref();
        resource.map(|resource| resource.unknown == UnknownResource::Refuse)
    };
    if refuses_unknown(lax) < refuses_unknown(strict) {
        Some("asks less of the resource")
    } else if strict.org.is_some() && lax.org != strict.org {
        Some("does not compare the org in the path")
    } else if strict.subject_admin && !lax.subject_admin {
        Some("lets subjects in that are not marked admin")
    } else if strict.audience.is_some() && lax.audience.is_none() {
        Some("asks for no audience")
    } else if strict.capabilities.iter().any(|needed| !lax.capabilities.contains(needed)) {
        Some("needs fewer capabilities")
    } else if any_method(&lax.level, &strict.level, |lax, strict| lax < strict) {
        Some("needs a lower level")
    } else if any_method(&lax.scopes, &strict.scopes, |lax, strict| {
        let held = |scope| lax.is_some_and(|lax| lax.contains(scope));
        strict.is_some_and(|strict| !strict.iter().all(held))
    }) {
        Some("needs fewer scopes")
    } else {
        None
    }
}

/// Whether `differ` says so of what is asked for some method.
fn any_method<T>(
    lax: &ByMethod<T>,
    strict: &ByMethod<T>,
    differ: impl Fn(Option<&T>, Option<&T>) -> bool,
) -> bool {
    let named = lax.named.iter().chain(&strict.named).map(|(method, _)| method.as_str());
    let mut asked = named.map(|method| (lax.get(method), strict.get(method)));
    asked.any(|(lax, strict)| differ(lax, strict))
        || differ(lax.others.as_ref(), strict.others.as_ref())
}
