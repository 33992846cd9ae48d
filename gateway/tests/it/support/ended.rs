//! How requests ended, as the gateway itself tells it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Gateway;

impl Gateway {
    /// Stops the gateway, and compares the access lines of its whole life, in any order, with `expected`: outcome and
    /// `ended` of each request, no line more and none less. The metrics count the same. Gives the lines in their order.
    #[track_caller]
    pub(crate) fn ended_as(self, expected: &[(&str, &str)]) -> Vec<Value> {
        self.lines(expected.len());
        let metrics = self.metrics();
        let stdout = self.stdout.clone();
        self.stop();
        let lines: Vec<Value> =
            stdout.until_end().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
        let mut found: Vec<_> =
            lines.iter().map(|line| (text(line, "outcome"), text(line, "ended"))).collect();
        found.sort();
        let mut expected: Vec<_> =
            expected.iter().map(|&(o, ended)| (o.to_owned(), ended.to_owned())).collect();
        expected.sort();
        assert_eq!(found, expected, "{lines:#?}");
        let mut counts = BTreeMap::<_, u32>::new();
        for (outcome, _) in &found {
            *counts.entry(outcome).or_default() += 1;
        }
        for (outcome, count) in counts {
            let counted = metrics.sum("requests_total", &[("outcome", outcome)]);
            assert!((counted - f64::from(count)).abs() < 0.5, "{counted} of {outcome} counted");
        }
        lines
    }

    /// As [`Self::ended_as`] where every request ended alike.
    #[track_caller]
    pub(crate) fn all_ended_as(self, count: usize, outcome: &str, ended: &str) -> Vec<Value> {
        self.ended_as(&vec![(outcome, ended); count])
    }
}
