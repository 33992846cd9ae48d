//! `issue` of a scheme: how its credentials are made.

use std::time::Duration;

use super::field::{Fields, values};
use super::form::{DAY, Form, boolean, duration, parse_duration, word};
use super::snapshot::{Expiry, Issue, Lifetime};

/// The shortest length of time that a credential is spoken of in.
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn issue(issue: &mut Fields<'_>) -> Issue {
    let default = Issue::default();
    let lifetimes = issue.filled_list("lifetimes", &lifetime());
    let expiry = word(&[
        ("instant", Expiry::Instant),
        ("start_of_day_utc", Expiry::StartOfDayUtc),
        ("end_of_day_utc", Expiry::EndOfDayUtc),
    ]);
    let org = word(&[("optional", false), ("required", true)]);
    Issue {
        lifetimes: lifetimes.map(|lifetimes| values(lifetimes).collect()),
        expiry: issue.value_or("expiry", &expiry, default.expiry),
        checksum: issue.value_or("checksum", &boolean(), default.checksum),
        revealable: issue.value_or("revealable", &boolean(), default.revealable),
        members_only: issue.value_or("members_only", &boolean(), default.members_only),
        org_required: issue.value_or("org", &org, default.org_required),
        keep: issue.value_or("keep", &duration(SECOND..=36_500 * DAY), default.keep),
    }
}

fn lifetime() -> Form<Lifetime> {
    let range = SECOND..=36_500 * DAY;
    Form::new("`never`, `date` or a duration from 1s to 36500d", move |scalar| {
        match scalar.text.as_str() {
            "never" => Some(Lifetime::Never),
            "date" => Some(Lifetime::Date),
            text => parse_duration(text).filter(|length| range.contains(length)).map(Lifetime::For),
        }
    })
}
