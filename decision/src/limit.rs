//! Limits: how often requests of a kind may come (contract, section 7), as arithmetic on a cell.
//!
//! A [`Cell`] is what one counter of one rule has counted. Its algorithm and window never change, because a rule that changes
//! them is another rule with other cells; how much is allowed ([`Terms`]) may differ from one use to the next, and what was
//! counted stays. There is no clock, no lock and no map here. Whoever holds the cells of a request holds them all at once and
//! lets [`admit`] look at each before it charges any.

mod calendar;
mod cell;
pub mod fields;
mod gcra;
mod rule;
mod sliding;

use std::collections::{BTreeMap, HashMap};

pub use cell::{Cell, Moment, Standing};
pub(crate) use gcra::BURST_MOST;
pub use rule::{
    Algorithm, Key, MAX_MOST, Part, Per, Period, Rule, Shape, Terms, When, Who, Window,
};

use crate::config::snapshot::Route;
use crate::outcome::Outcome;

/// The most rules that an api may have.
pub const RULES_MOST: usize = 64;

/// The limits of an api.
#[derive(Debug, Default)]
pub struct Limits {
    /// At most [`RULES_MOST`].
    pub rules: Vec<Rule>,
    /// Positions of the rules that apply on every route.
    pub defaults: Vec<usize>,
    pub plans: HashMap<String, Plan>,
    /// Whether the fields that came before the draft's are sent, too.
    pub legacy_fields: bool,
}

/// For each rule of an api, in order, the `max` that a plan has instead.
pub type Plan = Box<[Option<u64>]>;

impl Limits {
    /// The positions of the rules that apply on a route, each once, in order.
    pub fn on(&self, route: &Route) -> impl Iterator<Item = usize> {
        let applies = |rule: &usize| self.defaults.contains(rule) || route.limits.contains(rule);
        (0..self.rules.len()).filter(applies)
    }

    /// What a rule allows: the credential's `own` max for it, else that of the org's plan, else the rule's.
    pub fn terms(
        &self,
        position: usize,
        plan: Option<&Plan>,
        own: Option<&BTreeMap<String, u64>>,
    ) -> Option<Terms> {
        let rule = self.rules.get(position)?;
        let own = own.and_then(|own| own.get(&*rule.name).copied());
        let of_plan = || plan.and_then(|plan| *plan.get(position)?);
        Some(rule.terms(own.or_else(of_plan)))
    }
}

/// One rule that applies to a request: its cell, and what is allowed.
#[derive(Debug)]
pub struct Asked<'c> {
    pub cell: &'c mut Cell,
    pub terms: Terms,
}

/// Why a request was charged by no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// The position of the rule that makes it wait longest; of equal ones the first.
    pub position: usize,
    /// A bit for each position that refuses.
    pub refusing: u64,
    /// When no rule refuses any more, if nothing else is admitted meanwhile: in seconds, at least 1. Of a concurrency rule,
    /// which cannot know, 1.
    pub wait: u64,
}

impl Exceeded {
    /// Whether the rule at this position is one that refuses.
    pub const fn refuses(&self, position: usize) -> bool {
        self.refusing & bit(position) != 0
    }
}

/// Charges a request to all rules that apply to it, or to none.
pub fn admit(asked: &mut [Asked<'_>], now: Moment) -> Result<(), Exceeded> {
    let mut exceeded: Option<Exceeded> = None;
    for (position, Asked { cell, terms }) in asked.iter_mut().enumerate() {
        let Err(wait) = cell.look(*terms, now) else { continue };
        let known = exceeded.get_or_insert(Exceeded { position, refusing: 0, wait });
        known.refusing |= bit(position);
        if wait > known.wait {
            (known.position, known.wait) = (position, wait);
        }
    }
    if let Some(exceeded) = exceeded {
        return Err(exceeded);
    }
    for Asked { cell, terms } in asked {
        cell.charge(*terms, now);
    }
    Ok(())
}

/// An api has 64 rules at most.
const fn bit(position: usize) -> u64 {
    if position < 64 { 1 << position } else { 0 }
}

/// Whether a refusal counts with the rules of `when: refused`: every 401 but the one that guesses nothing.
pub const fn is_failure(outcome: Outcome) -> bool {
    outcome.status() == 401 && !matches!(outcome, Outcome::CredentialMissing)
}

#[cfg(test)]
mod tests;
