//! `limits`, `default_limits`, `plans` and `legacy_ratelimit_headers` of an api: its rules, where they apply, and to whom
//! differently.

use std::collections::HashMap;

use super::field::{
    Fields, Given, Located, at_most, entries, filled_set, scalar, unexpected, values,
};
use super::form::{
    Form, LABEL_RULE, NAME, boolean, is_label, is_name, number, parse_duration, text, word,
};
use super::names::Names;
use super::problem::{Judged, Place, Problems, quote};
use super::tree::{Entry, Node, Value};
use crate::limit::{
    Algorithm, BURST_MOST, Limits, MAX_MOST, Part, Per, Period, Plan, RULES_MOST, Rule, When,
    Window,
};

/// The rules of an api, before it is known where they apply.
pub(super) struct Rules {
    pub(super) names: Names,
    read: Vec<Judged<Rule>>,
    places: Vec<Place>,
}

impl Rules {
    /// Reads `limits`.
    pub(super) fn of(api: &mut Fields<'_>) -> Self {
        let mut rules = Self { names: Names::new("limit"), read: Vec::new(), places: Vec::new() };
        let Some(node) = api.node("limits") else { return rules };
        match entries(node, api.problems) {
            Ok(entries) => {
                let entries = at_most(entries, RULES_MOST, &node.place, api.problems);
                entries.iter().for_each(|entry| rules.add(entry, api.problems));
            }
            Err(reported) => rules.names.give_up(reported),
        }
        rules
    }

    fn add(&mut self, Entry { key, place, value }: &Entry, problems: &Problems) {
        let name = if is_name(key) {
            Ok(Given { text: key, written: key, place: place.clone() })
        } else {
            Err(problems.error(place, format!("{}: expected {NAME}", quote(key))))
        };
        self.names.define(&name, problems);
        let rule = Fields::of(value, problems, |fields| rule(key, fields));
        self.read.push(name.and(rule));
        self.places.push(place.clone());
    }

    /// Reads the rest, once every route has named its rules.
    pub(super) fn apply(self, api: &mut Fields<'_>) -> Judged<Limits> {
        let problems = api.problems;
        let on_routes: Vec<_> =
            (0..self.read.len()).filter(|&rule| self.names.is_used(rule)).collect();
        let defaults = match api.list("default_limits", &text()) {
            Some(named) => {
                let position =
                    |name: Located<'_, _>| self.names.resolve(&name.given, problems).ok();
                let named = named.into_iter().filter_map(|name| position(name.ok()?)).collect();
                for (name, place) in self.names.unused().filter(|_| problems.clean()) {
                    problems.warning(place, format!("the limit {} applies nowhere", quote(name)));
                }
                named
            }
            None => (0..self.read.len()).filter(|rule| !on_routes.contains(rule)).collect(),
        };
        let plans = match api.node("plans") {
            Some(node) => self.plans(node, problems),
            None => Ok(HashMap::new()),
        };
        let legacy_fields = api.value_or("legacy_ratelimit_headers", &boolean(), false);
        let rules = self.read.into_iter().collect::<Judged<_>>()?;
        Ok(Limits { rules, defaults, plans: plans?, legacy_fields })
    }

    fn plans(&self, node: &Node, problems: &Problems) -> Judged<HashMap<String, Plan>> {
        let read = |Entry { key, place, value }: &Entry| {
            let plan = self.plan(value, problems);
            if !is_label(key) {
                return Err(problems.error(place, format!("{}: {LABEL_RULE}", quote(key))));
            }
            Ok((key.clone(), plan?))
        };
        let plans: Vec<_> = entries(node, problems)?.iter().map(read).collect();
        plans.into_iter().collect()
    }

    fn plan(&self, node: &Node, problems: &Problems) -> Judged<Plan> {
        let mut plan = vec![None; self.read.len()];
        for Entry { key, place, value } in entries(node, problems)? {
            let max = scalar(value, &number(1..=MAX_MOST), problems);
            let name = Given { text: key, written: key, place: place.clone() };
            let Ok(rule) = self.names.resolve(&name, problems) else { continue };
            if let Some(Ok(Rule { when: When::Anonymous | When::Refused, .. })) =
                self.read.get(rule)
            {
                let message = format!("the limit {} counts requests that have no plan", quote(key));
                problems.error(place, message);
            }
            if let (Some(own), Ok(max)) = (plan.get_mut(rule), max) {
                *own = Some(max.value);
            }
        }
        Ok(plan.into())
    }
}

fn rule(name: &str, rule: &mut Fields<'_>) -> Judged<Rule> {
    let problems = rule.problems;
    let per = per(rule);
    let max = rule.required("max", &number(1..=MAX_MOST));
    let algorithm = algorithm(rule);
    let burst = rule.value("burst", &number(1..=u32::MAX));
    // The other scope counts for a fleet, and needs one.
    rule.value_or("scope", &word(&[("replica", ())]), ());
    let when = rule.value("when", &when());
    let announce = rule.value("announce", &boolean());
    let algorithm = algorithm?;
    let per = per?;
    let max = max?.value;
    let burst = match burst {
        Some(burst) => {
            let burst = burst?;
            judge_burst(algorithm, max, &burst, problems)?;
            Some(burst.value)
        }
        None => None,
    };
    let (when, when_place) = match when {
        Some(when) => {
            let when = when?;
            (when.value, Some(when.given.place))
        }
        None => (When::Any, None),
    };
    if let Some(place) = &when_place
        && let Err(message) = judge_when(when, per, algorithm)
    {
        return Err(problems.error(place, message));
    }
    let announce = announce.transpose()?;
    if let (When::Refused, Some(announce)) = (when, &announce) {
        let message = "a limit of `when: refused` is never announced";
        return Err(problems.error(&announce.given.place, message));
    }
    let announce = announce.is_none_or(|announce| announce.value) && when != When::Refused;
    Ok(Rule { name: name.into(), per, when, max, algorithm, burst, announce })
}

fn part() -> Form<Part> {
    word(&[
        ("credential", Part::Credential),
        ("subject", Part::Subject),
        ("org", Part::Org),
        ("ip", Part::Ip),
        ("api", Part::Api),
        ("route", Part::Route),
    ])
}

/// One part, or a list of them.
fn per(rule: &mut Fields<'_>) -> Judged<Per> {
    let problems = rule.problems;
    let Some(node) = rule.node("per") else { return Ok(Per::of([Part::Credential])) };
    match &node.value {
        Value::List(_) => {
            let parts = filled_set(node, &part(), problems);
            if let Some(Err(reported)) = parts.iter().find(|part| part.is_err()) {
                return Err(*reported);
            }
            Ok(Per::of(values(parts)))
        }
        Value::Scalar(_) => Ok(Per::of([scalar(node, &part(), problems)?.value])),
        _ => {
            let expected = format!("{}, or a list of them", part().expected);
            Err(unexpected(&expected, node, problems))
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Sliding,
    Gcra,
    Calendar,
    Concurrency,
}

/// `algorithm` and `window`, each of which says what the other may be.
fn algorithm(rule: &mut Fields<'_>) -> Judged<Algorithm> {
    let kinds = word(&[
        ("sliding", Kind::Sliding),
        ("gcra", Kind::Gcra),
        ("calendar", Kind::Calendar),
        ("concurrency", Kind::Concurrency),
    ]);
    let kind = match rule.value("algorithm", &kinds) {
        Some(Ok(kind)) => kind.value,
        Some(Err(reported)) => {
            // What it may be depends on the algorithm, but it is no unknown key.
            rule.node("window");
            return Err(reported);
        }
        None => Kind::Sliding,
    };
    match kind {
        Kind::Sliding => Ok(Algorithm::Sliding(rule.required("window", &window())?.value)),
        Kind::Gcra => Ok(Algorithm::Gcra(rule.required("window", &window())?.value)),
        Kind::Calendar => Ok(Algorithm::Calendar(rule.required("window", &period())?.value)),
        Kind::Concurrency => match rule.node("window") {
            Some(node) => {
                let message = "places are held as long as requests last: a limit of `algorithm: concurrency` has no window";
                Err(rule.problems.error(&node.place, message))
            }
            None => Ok(Algorithm::Concurrency),
        },
    }
}

fn window() -> Form<Window> {
    let expected = "a duration of whole seconds from 1s to 365d";
    Form::reasoned(expected, |text| {
        if matches!(text, "minute" | "hour" | "day" | "month") {
            return Err("a period of the calendar needs `algorithm: calendar`");
        }
        let duration = parse_duration(text).filter(|duration| duration.subsec_nanos() == 0);
        let seconds = duration.and_then(|duration| u32::try_from(duration.as_secs()).ok());
        let window = seconds.and_then(Window::new);
        window.ok_or("expected a duration of whole seconds from 1s to 365d")
    })
}

fn period() -> Form<Period> {
    word(&[
        ("minute", Period::Minute),
        ("hour", Period::Hour),
        ("day", Period::Day),
        ("month", Period::Month),
    ])
}

fn when() -> Form<When> {
    word(&[
        ("any", When::Any),
        ("anonymous", When::Anonymous),
        ("authenticated", When::Authenticated),
        ("refused", When::Refused),
    ])
}

fn judge_burst(
    algorithm: Algorithm,
    max: u64,
    burst: &Located<'_, u32>,
    problems: &Problems,
) -> Judged<()> {
    let Algorithm::Gcra(window) = algorithm else {
        let message = "`burst` is of `algorithm: gcra`";
        return Err(problems.error(&burst.given.place, message));
    };
    let period = window.nanoseconds().div_ceil(max);
    if period.saturating_mul(u64::from(burst.value)) > BURST_MOST {
        let message = "a burst of this many takes more than a hundred years to come back";
        return Err(problems.error(&burst.given.place, message));
    }
    Ok(())
}

/// Whether requests of this kind can be counted like this.
fn judge_when(when: When, per: Per, algorithm: Algorithm) -> Result<(), &'static str> {
    let identity = [Part::Credential, Part::Subject, Part::Org];
    match when {
        When::Anonymous if identity.iter().any(|&part| per.has(part)) => {
            Err("anonymous requests have no credential, subject or org; count them `per: ip`")
        }
        When::Refused if per != Per::of([Part::Ip]) && per != Per::of([Part::Api]) => {
            Err("refused credentials are counted `per: ip` or `per: api`")
        }
        When::Refused if algorithm == Algorithm::Concurrency => {
            Err("a refusal holds no place; count them in a window")
        }
        _ => Ok(()),
    }
}
