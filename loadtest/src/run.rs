//! One run: everything is started, shown to do the same work, and measured in rounds that interleave the gateways.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::check::check;
use crate::driver::Driver;
use crate::keys::Keys;
use crate::peers::{Kind, Peer, Setup};
use crate::process::{self, Process};
use crate::report::{Report, Row, Sample};
use crate::scenario::Scenario;

/// Before each measurement, to fill pools and caches.
const WARM_UP: Duration = Duration::from_millis(300);

/// What to measure, and for how long.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) portcullis: &'a Path,
    /// An earlier build of it.
    pub(crate) before: Option<&'a Path>,
    pub(crate) peers: &'a [Kind],
    pub(crate) scenarios: &'a [Scenario],
    pub(crate) rounds: usize,
    /// Of one gateway in one round.
    pub(crate) duration: Duration,
    pub(crate) connections: usize,
    /// Where the gateways run.
    pub(crate) gateway_core: usize,
    /// Where the driver and the stub upstream run.
    pub(crate) load_core: usize,
}

impl Plan<'_> {
    /// How long the measuring takes; starting and importing come on top.
    pub(crate) fn time(&self) -> Duration {
        let peers = self.peers.len() + usize::from(self.before.is_some());
        let samples = self.scenarios.len() * self.rounds * peers;
        (self.duration + WARM_UP) * u32::try_from(samples).unwrap_or(u32::MAX)
    }

    /// Runs all of it. `progress` is told what happens, in lines for people.
    pub(crate) fn run(&self, mut progress: impl FnMut(&str)) -> io::Result<Vec<Report>> {
        let folder = tempfile::tempdir()?;
        let mut keys = Keys::new();

        process::pin(self.load_core)?;
        let own = std::env::current_exe()?;
        let mut upstream = Process::start("upstream", &own, &["upstream"], folder.path())?;
        // The address is whole once its line is.
        let address = upstream
            .wait_until(|output| output.split_once('\n').and_then(|(line, _)| line.parse().ok()))?;

        process::pin(self.gateway_core)?;
        let setup = Setup {
            folder: folder.path(),
            upstream: address,
            portcullis: self.portcullis,
            before: self.before,
        };
        let mut peers = Vec::new();
        let (ours, others): (Vec<_>, Vec<_>) =
            self.peers.iter().copied().partition(|kind| *kind == Kind::Portcullis);
        let before = self.before.map(|_| Kind::Before);
        for kind in before.into_iter().chain(ours).chain(others) {
            let Some(peer) = setup.start(kind, &mut keys)? else {
                progress(&format!("{kind:?} is not installed: left out"));
                continue;
            };
            // At once: the keys have the ids that this one has given them, if it gives any.
            check(&peer, &keys)?;
            progress(&format!("{} does the work", peer.title));
            peers.push(peer);
        }
        process::pin(self.load_core)?;
        self.scenarios
            .iter()
            .map(|scenario| self.measure(*scenario, &peers, &keys, &mut progress))
            .collect()
    }

    fn measure(
        &self,
        scenario: Scenario,
        peers: &[Peer],
        keys: &Keys,
        progress: &mut impl FnMut(&str),
    ) -> io::Result<Report> {
        let requests = scenario.requests(keys);
        let row = |peer: &Peer| Row { kind: peer.kind, title: peer.title.clone(), samples: vec![] };
        let mut rows: Vec<_> = peers.iter().map(row).collect();
        for round in 0..self.rounds {
            progress(&format!("{scenario}: round {} of {}", round + 1, self.rounds));
            // Each round begins with another gateway, so that none always follows the same one.
            let order = (0..peers.len()).cycle().skip(round % peers.len().max(1)).take(peers.len());
            for index in order {
                let Some((peer, row)) = peers.get(index).zip(rows.get_mut(index)) else { continue };
                let sample =
                    self.sample(peer, &requests, scenario.expected()).map_err(|error| {
                        io::Error::new(error.kind(), format!("{} under load: {error}", peer.title))
                    })?;
                row.samples.push(sample);
            }
        }
        Ok(Report { scenario, rows })
    }

    fn sample(&self, peer: &Peer, requests: &[Vec<u8>], expected: u16) -> io::Result<Sample> {
        let mut driver = Driver::connect(peer.address, self.connections, requests, expected)?;
        driver.run(WARM_UP)?;
        let before = peer.process.cpu()?;
        let tally = driver.run(self.duration)?;
        let used = peer.process.cpu()? - before;
        Ok(Sample::new(tally, used))
    }
}
