//! Processes of a run: pinned to a core, measured, and ended by their id whatever becomes of the run.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Sub;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// The cores this process may run on, in order.
pub(crate) fn cores() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect())
}

/// Pins this thread to `core`; what it starts afterwards inherits that.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// CPU time of a process, all its threads together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Cpu {
    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// A running process. Dropped, it is told to end, and killed where it does not.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` on the core of this thread. Its output goes to `folder`; it ends with this process, however this one ends.
    pub(crate) fn start(
        name: &str,
        program: &Path,
        arguments: &[&str],
        folder: &Path,
    ) -> io::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| io::Error::other(format!("cannot start {name}: {error}")))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Waits until somebody listens at `address`.
    pub(crate) fn wait_for(&mut self, address: SocketAddr) -> io::Result<()> {
        self.wait_until(|_| TcpStream::connect(address).ok().map(drop))
    }

    /// Waits until `ready` finds what it looks for, in the output or elsewhere.
    pub(crate) fn wait_until<T>(&mut self, ready: impl Fn(&str) -> Option<T>) -> io::Result<T> {
        let give_up = Instant::now() + START_TIMEOUT;
        loop {
            let output = fs::read_to_string(&self.log)?;
            if let Some(found) = ready(&output) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(&format!("ended with {status}"), &output));
            }
            if Instant::now() > give_up {
                return Err(self.failure("did not start in time", &output));
            }
            std::thread::sleep(POLL);
        }
    }

    fn failure(&self, what: &str, output: &str) -> io::Error {
        io::Error::other(format!("{} {what}\n{output}", self.name))
    }

    /// What the process and its workers have used so far.
    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        let id = self.child.id();
        let workers = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let mut used = cpu(&id.to_string())?;
        for worker in workers.split_ascii_whitespace() {
            let worker = cpu(worker)?;
            used = Cpu { user: used.user + worker.user, system: used.system + worker.system };
        }
        Ok(used)
    }

    fn stop(&mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            rustix::process::kill_process(id, Signal::TERM)?;
        }
        let give_up = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < give_up {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to be told.
        drop(self.stop());
    }
}

/// What this process has used so far.
pub(crate) fn own_cpu() -> io::Result<Cpu> {
    cpu("self")
}

/// What all processes have used so far, together, with what the machine was kept from using.
pub(crate) fn everybody() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    // user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)).
    let ticks = line.split_ascii_whitespace().skip(1).take(8).enumerate();
    let busy = ticks
        .filter(|(place, _)| !matches!(place, 3 | 4))
        .filter_map(|(_, n)| n.parse::<u64>().ok());
    Ok(duration(busy.sum()))
}

/// User and system time of one process (proc_pid_stat(5), fields 14 and 15).
fn cpu(id: &str) -> io::Result<Cpu> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name stands in parentheses and may hold anything; after it the third field begins.
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse);
    match (times.next(), times.next()) {
        (Some(Ok(user)), Some(Ok(system))) => {
            Ok(Cpu { user: duration(user), system: duration(system) })
        }
        _ => Err(io::Error::other(format!("no times in /proc/{id}/stat"))),
    }
}

fn duration(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}
