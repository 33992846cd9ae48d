//! Figures of a fleet: replicas that share a Redis, all of them started for the run and ended with it.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use self::house::House;
use crate::machine;

mod distribution;
mod epoch;
mod house;
mod load;
mod redis;
mod revocation;
mod sizing;

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
    /// The binary to measure [default: `portcullis` beside this program]
    #[arg(long, global = true)]
    pub(crate) portcullis: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Measurement {
    /// How long a credential is still let in after its revocation was answered
    Revocation(revocation::Wanted),
    /// What clients see when everything that a replica knows is old at once
    Epoch(epoch::Wanted),
    /// What a fleet costs its Redis, in memory and in commands
    Sizing(sizing::Wanted),
}

impl Arguments {
    /// Measures: a text for a page. `progress` is told what happens, in lines for people.
    pub(crate) fn run(
        &self,
        portcullis: &Path,
        mut progress: impl FnMut(&str),
    ) -> io::Result<String> {
        let load = machine::load();
        let start = |replicas| House::start(portcullis, replicas);
        let text = match self.measurement {
            Measurement::Revocation(wanted) => {
                revocation::run(&start(revocation::REPLICAS)?, wanted, &mut progress)
            }
            Measurement::Epoch(wanted) => epoch::run(&start(1)?, wanted, &mut progress),
            Measurement::Sizing(wanted) => sizing::run(&mut start(1)?, wanted, &mut progress),
        }?;
        let machine = machine::facts();
        Ok(format!(
            "{text}\n{machine}; replicas, Redis, upstream and clients share them; load average before the start: {load}.\n"
        ))
    }
}
