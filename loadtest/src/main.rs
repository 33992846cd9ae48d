//! Requests a second and CPU time a request of Portcullis, beside other gateways that do the same work in the same run.
//!
//! `docs/measuring.md` says how to read the figures.

#![expect(
    clippy::disallowed_methods,
    reason = "measuring is about the clock, and waiting for a process to start is about time"
)]

mod admin;
mod check;
mod driver;
mod fleet;
mod http;
mod keys;
mod machine;
mod peers;
mod pingora_peer;
mod process;
mod report;
mod run;
mod scenario;
mod statistics;
mod upstream;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, value_parser};

use crate::peers::Kind;
use crate::run::Plan;
use crate::scenario::Scenario;

/// The allocator of the product, so that the pingora peer has the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Portcullis beside other gateways on this machine
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// The binary to measure [default: `portcullis` beside this program]
    #[arg(long)]
    portcullis: Option<PathBuf>,
    /// An earlier build of it, measured in the same run
    #[arg(long)]
    before: Option<PathBuf>,
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "portcullis,pingora,nginx,haproxy"
    )]
    peers: Vec<Kind>,
    #[arg(long, value_enum, value_delimiter = ',', default_value = "get")]
    scenarios: Vec<Scenario>,
    /// How often every gateway is measured
    #[arg(long, default_value_t = 12, value_parser = value_parser!(u16).range(1..=500))]
    rounds: u16,
    /// How long each time
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u16).range(1..=60))]
    seconds: u16,
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// The core of the gateways [default: the first this program may use]
    #[arg(long)]
    gateway_core: Option<usize>,
    /// The core of the load driver and the stub upstream [default: the second]
    #[arg(long)]
    load_core: Option<usize>,
}

/// Other figures, and the parts of a run that are processes of their own.
#[derive(Debug, Subcommand)]
enum Part {
    /// The stub upstream; prints its address
    #[command(hide = true)]
    Upstream,
    /// The gateway of pingora's own Server and ProxyHttp
    #[command(hide = true)]
    Pingora { address: SocketAddr, upstream: SocketAddr, keys: PathBuf },
    /// Figures of replicas that share a Redis; needs redis-server
    Fleet(fleet::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.part {
        None => measure(&arguments),
        Some(Part::Upstream) => upstream::serve(|address| writeln!(io::stdout(), "{address}")),
        Some(Part::Pingora { address, upstream, keys }) => {
            pingora_peer::serve(*address, *upstream, keys)
        }
        Some(Part::Fleet(arguments)) => measure_fleet(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("loadtest: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> io::Result<()> {
    let cores = process::cores()?;
    let core = |chosen: Option<usize>, position: usize| {
        chosen.or_else(|| cores.get(position).copied()).ok_or_else(|| {
            io::Error::other("two cores are needed: one for the gateway, one for the load")
        })
    };
    let portcullis = binary(arguments.portcullis.as_deref())?;
    let before = arguments.before.as_ref().map(std::path::absolute).transpose()?;
    let plan = Plan {
        portcullis: &portcullis,
        before: before.as_deref(),
        peers: &arguments.peers,
        scenarios: &arguments.scenarios,
        rounds: arguments.rounds.into(),
        duration: Duration::from_secs(arguments.seconds.into()),
        connections: arguments.connections.into(),
        gateway_core: core(arguments.gateway_core, 0)?,
        load_core: core(arguments.load_core, 1)?,
    };
    if plan.gateway_core == plan.load_core {
        return Err(io::Error::other("the gateway and the load need cores of their own"));
    }
    tell(&format!("this takes about {} s", plan.time().as_secs()));
    let reports = plan.run(tell)?;
    let mut out = io::stdout().lock();
    for report in reports {
        writeln!(out, "{report}")?;
    }
    writeln!(
        out,
        "{}; one core for the gateway, another for driver and upstream; {} connections, {} keys; \
         medians of {} rounds of {} s, interleaved.",
        machine::facts(),
        plan.connections,
        keys::COUNT,
        plan.rounds,
        arguments.seconds,
    )
}

fn measure_fleet(arguments: &fleet::Arguments) -> io::Result<()> {
    let portcullis = binary(arguments.portcullis.as_deref())?;
    let text = arguments.run(&portcullis, tell)?;
    write!(io::stdout(), "{text}")
}

/// The binary to measure.
fn binary(chosen: Option<&Path>) -> io::Result<PathBuf> {
    match chosen {
        Some(path) => std::path::absolute(path),
        None => Ok(std::env::current_exe()?.with_file_name("portcullis")),
    }
}

/// A line for people. Who is not there to read it misses nothing.
#[expect(clippy::print_stderr, reason = "this program talks to whoever runs it")]
fn tell(line: &str) {
    eprintln!("{line}");
}
