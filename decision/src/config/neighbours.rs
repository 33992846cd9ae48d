//! Routes that differ by `match` alone: a client chooses its fields, so the more permissive of them is open to everybody.

use std::collections::BTreeSet;

use super::problem::{Place, Problems};
use super::snapshot::{Auth, Route};
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
    if openness(lax) > openness(strict) {
        Some("lets requests without a credential through")
    } else if accepts_more && strict.auth != Auth::None {
        Some("accepts credentials of another scheme")
    } else if from_elsewhere {
        Some("lets clients in from other addresses")
    } else {
        None
    }
}
