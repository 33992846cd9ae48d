use super::super::{Part, Per, Period, When, Window};
use super::*;

fn rule(name: &str, algorithm: Algorithm) -> Rule {
    let per = Per::of([Part::Credential]);
    Rule {
        name: name.into(),
        per,
        when: When::Any,
        max: 20,
        algorithm,
        burst: None,
        announce: true,
    }
}

fn window(seconds: u32) -> Window {
    Window::new(seconds).unwrap()
}

fn shown(rule: &Rule, remaining: u64, reset: Option<u64>) -> Shown<'_> {
    Shown { rule, max: rule.max, standing: Standing { remaining, reset } }
}

#[test]
fn the_policy_has_quota_and_window_of_each_rule_and_no_window_for_months_and_concurrency() {
    let rules = [
        (rule("per-key", Algorithm::Sliding(window(300))), 600),
        (rule("burst", Algorithm::Gcra(window(1))), 10),
        (rule("daily", Algorithm::Calendar(Period::Day)), 5),
        (rule("monthly", Algorithm::Calendar(Period::Month)), 1_000_000),
        (rule("streams", Algorithm::Concurrency), 20),
    ];
    let value = policy(rules.iter().map(|(rule, max)| (rule, *max))).unwrap();
    assert_eq!(
        value,
        r#""per-key";q=600;w=300, "burst";q=10;w=1, "daily";q=5;w=86400, "monthly";q=1000000, "streams";q=20;qu="concurrent-requests""#
    );
    assert_eq!(policy([]), None);
}

#[test]
fn the_field_says_what_is_left_and_when_there_is_more() {
    let (one, other) =
        (rule("a", Algorithm::Sliding(window(9))), rule("b.c_d", Algorithm::Concurrency));
    let value = rate_limit([shown(&one, 0, Some(7)), shown(&other, 3, None)]).unwrap();
    assert_eq!(value, r#""a";r=0;t=7, "b.c_d";r=3"#);
    assert_eq!(rate_limit([]), None);
}

#[test]
fn the_old_triple_is_that_of_the_rule_with_least_left_and_of_equal_ones_the_longest() {
    let rule = rule("a", Algorithm::Sliding(window(9)));
    let triple = |shown: &[Shown<'_>]| {
        let fields = legacy(shown.iter().copied())?;
        Some(fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).join(", "))
    };
    let text = |remaining, reset| {
        Some(format!(
            "x-ratelimit-limit: 20, x-ratelimit-remaining: {remaining}, x-ratelimit-reset: {reset}"
        ))
    };
    assert_eq!(triple(&[]), None);
    let (few, many) = (shown(&rule, 1, Some(2)), shown(&rule, 9, Some(90)));
    assert_eq!(triple(&[many, few]), text(1, 2));
    let longer = shown(&rule, 1, Some(5));
    assert_eq!(triple(&[few, longer, many]), text(1, 5));
    assert_eq!(triple(&[shown(&rule, 0, None)]), text(0, 1));
}
