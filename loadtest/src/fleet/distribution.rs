//! What is said of many durations.

use std::fmt;
use std::time::Duration;

/// Durations in their order.
#[derive(Clone, Debug)]
pub(super) struct Distribution(Vec<Duration>);

impl Distribution {
    pub(super) fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut sorted: Vec<_> = durations.into_iter().collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    /// The least duration that so many of a thousand do not exceed; zero of none.
    pub(super) fn permille(&self, permille: usize) -> Duration {
        let rank = (self.0.len() * permille).div_ceil(1000);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn zeroes(&self) -> usize {
        self.0.partition_point(Duration::is_zero)
    }
}

/// Cells of a table: min, p50, p90, p99, max.
impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = [0, 500, 900, 990, 1000].map(|permille| milliseconds(self.permille(permille)));
        f.write_str(&cells.join(" | "))
    }
}

pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Distribution {
        Distribution::of(milliseconds.into_iter().map(Duration::from_millis))
    }

    #[test]
    fn ranks_are_of_what_was_seen_and_nothing_in_between() {
        let hundred = of((1..=100).rev());
        assert_eq!(hundred.to_string(), "1.0 ms | 50.0 ms | 90.0 ms | 99.0 ms | 100.0 ms");
        assert_eq!(hundred.permille(999), Duration::from_millis(100));
    }

    #[test]
    fn of_one_everything_is_that_one_and_of_none_nothing() {
        assert_eq!(of([7]).to_string(), "7.0 ms | 7.0 ms | 7.0 ms | 7.0 ms | 7.0 ms");
        assert_eq!(of([]).permille(500), Duration::ZERO);
    }

    #[test]
    fn zeroes_are_counted() {
        assert_eq!(of([3, 0, 1, 0]).zeroes(), 2);
    }
}
