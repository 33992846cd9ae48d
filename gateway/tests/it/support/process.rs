//! What the kernel says of a process.

use super::{Gateway, eventually};

/// Waits until every thread of a process that was sent SIGSTOP has stopped.
pub(crate) fn until_stopped(id: u32) {
    let has_stopped = |thread: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(thread.unwrap().path().join("stat"));
        // One that has ended meanwhile runs no more.
        stat.map_or(true, |stat| stat.rsplit_once(") ").unwrap().1.starts_with('T'))
    };
    eventually("the process has stopped", || {
        std::fs::read_dir(format!("/proc/{id}/task")).unwrap().all(has_stopped)
    });
}

impl Gateway {
    /// Memory in use, without what the kernel holds in sockets; in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Processor time used so far, user and system, in hundredths of a second.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = self.proc("stat");
        // The name in parentheses may hold blanks; utime and stime are the 14th and 15th of all.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.id())).unwrap()
    }
}
