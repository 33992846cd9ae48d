//! The figures as a table that can stand in a page.

use std::fmt;

use crate::driver::Tally;
use crate::peers::Kind;
use crate::process::Cpu;
use crate::scenario::Scenario;
use crate::statistics::{median, quartiles};

/// One gateway in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Requests a second.
    rate: f64,
    /// Microseconds of CPU a request.
    user: f64,
    system: f64,
    /// The share of its core that the gateway used.
    load: f64,
}

impl Sample {
    pub(crate) fn new(tally: Tally, cpu: Cpu) -> Self {
        let answers = tally.answers as f64;
        let seconds = tally.elapsed.as_secs_f64();
        let [user, system] = [cpu.user, cpu.system].map(|time| time.as_secs_f64());
        Self {
            rate: answers / seconds,
            user: user * 1e6 / answers,
            system: system * 1e6 / answers,
            load: (user + system) / seconds,
        }
    }

    fn total(&self) -> f64 {
        self.user + self.system
    }
}

/// One gateway in all rounds.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) title: String,
    pub(crate) samples: Vec<Sample>,
}

impl Row {
    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(of))
    }

    /// The cost of this gateway over that of `base`, round by round.
    fn ratios(&self, base: &Self) -> Vec<f64> {
        self.samples
            .iter()
            .zip(&base.samples)
            .map(|(own, base)| own.total() / base.total())
            .collect()
    }
}

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) scenario: Scenario,
    pub(crate) rows: Vec<Row>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nginx = self.rows.iter().find(|row| row.kind == Kind::Nginx);
        writeln!(f, "**{}**\n", self.scenario)?;
        writeln!(
            f,
            "| gateway | requests/s | CPU µs a request | user + system | × nginx: median (quartiles) | of its core |"
        )?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|")?;
        for row in &self.rows {
            let [user, system] = [row.median(|s| s.user), row.median(|s| s.system)];
            write!(
                f,
                "| {} | {:.0} | {:.1} | {user:.1} + {system:.1} | ",
                row.title,
                row.median(|s| s.rate),
                row.median(Sample::total),
            )?;
            match nginx.map(|nginx| row.ratios(nginx)) {
                Some(ratios) => {
                    let [low, middle, high] = quartiles(ratios);
                    write!(f, "{middle:.2} ({low:.2}–{high:.2})")?;
                }
                None => f.write_str("–")?,
            }
            writeln!(f, " | {:.0} % |", 100.0 * row.median(|s| s.load))?;
        }
        let of = |kind| self.rows.iter().find(|row| row.kind == kind);
        if let Some((now, before)) = of(Kind::Portcullis).zip(of(Kind::Before)) {
            let [low, middle, high] = quartiles(now.ratios(before));
            writeln!(
                f,
                "\nCPU of portcullis over its earlier build: {middle:.3} ({low:.3}–{high:.3})"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
