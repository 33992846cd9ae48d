//! How rules are shown to a client: draft-ietf-httpapi-ratelimit-headers-11, and the triple that came before it.
//!
//! Both fields are lists of structured fields (RFC 9651): an item for each rule, a string with parameters. The names of rules
//! are letters, digits, `.`, `_` and `-`, so that none needs an escape.

use std::fmt::Write as _;

use http::{HeaderName, HeaderValue};

use super::cell::Standing;
use super::rule::{Algorithm, Rule};

pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub const LEGACY_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
pub const LEGACY_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
pub const LEGACY_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// A rule as it applies to one request.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'r> {
    pub rule: &'r Rule,
    /// The rule's own or an override's.
    pub max: u64,
    pub standing: Standing,
}

/// `RateLimit-Policy`: what each rule allows (section 3). `None` without a rule.
pub fn policy<'r>(rules: impl IntoIterator<Item = (&'r Rule, u64)>) -> Option<HeaderValue> {
    let mut list = List::default();
    for (rule, max) in rules {
        list.item(&rule.name);
        list.parameter("q", max);
        if rule.algorithm == Algorithm::Concurrency {
            list.text.push_str(";qu=\"concurrent-requests\"");
        }
        if let Some(seconds) = rule.algorithm.seconds() {
            list.parameter("w", u64::from(seconds));
        }
    }
    list.value()
}

/// `RateLimit`: what is left of each (section 4). `None` without a rule.
pub fn rate_limit<'r>(rules: impl IntoIterator<Item = Shown<'r>>) -> Option<HeaderValue> {
    let mut list = List::default();
    for Shown { rule, standing, .. } in rules {
        list.item(&rule.name);
        list.parameter("r", standing.remaining);
        if let Some(reset) = standing.reset {
            list.parameter("t", reset);
        }
    }
    list.value()
}

/// `X-RateLimit-Limit`, `-Remaining` and `-Reset` of the tightest rule: that with the least left, and of those the one that
/// stays so longest. The reset is in seconds from now; 1 where nobody can know.
pub fn legacy<'r>(
    rules: impl IntoIterator<Item = Shown<'r>>,
) -> Option<[(HeaderName, HeaderValue); 3]> {
    let waits = |shown: &Shown<'_>| shown.standing.reset.unwrap_or(1);
    let tightest = rules.into_iter().min_by(|one, other| {
        let left = one.standing.remaining.cmp(&other.standing.remaining);
        left.then_with(|| waits(other).cmp(&waits(one)))
    })?;
    Some([
        (LEGACY_LIMIT, HeaderValue::from(tightest.max)),
        (LEGACY_REMAINING, HeaderValue::from(tightest.standing.remaining)),
        (LEGACY_RESET, HeaderValue::from(waits(&tightest))),
    ])
}

#[derive(Default)]
struct List {
    text: String,
}

impl List {
    fn item(&mut self, name: &str) {
        if self.text.is_empty() {
            self.text.reserve(64);
        } else {
            self.text.push_str(", ");
        }
        self.text.push('"');
        self.text.push_str(name);
        self.text.push('"');
    }

    fn parameter(&mut self, name: &str, value: u64) {
        let _to_memory = write!(self.text, ";{name}={value}");
    }

    fn value(self) -> Option<HeaderValue> {
        if self.text.is_empty() { None } else { HeaderValue::try_from(self.text).ok() }
    }
}

#[cfg(test)]
mod tests;
