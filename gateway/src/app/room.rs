//! The bounds that follow from what the machine has.

use decision::config::snapshot::Process;

/// Room in memory that one request under way may take, for the automatic bound.
const MEMORY_PER_REQUEST: u64 = 256 * 1024;
/// Room in memory that one connection may take, for the automatic bound.
const MEMORY_PER_CONNECTION: u64 = 64 * 1024;

/// `server.bounds.in_flight`, or what descriptors and memory allow: two descriptors a request, and its buffers.
pub(super) fn in_flight(process: &Process) -> usize {
    process.bounds.in_flight.unwrap_or_else(|| room(descriptors() / 2, MEMORY_PER_REQUEST))
}

/// `server.bounds.connections`, or what descriptors and memory allow: a quarter of them is for upstreams and the rest of us.
pub(super) fn connections(process: &Process) -> usize {
    let by_descriptors = || descriptors() / 4 * 3;
    process.bounds.connections.unwrap_or_else(|| room(by_descriptors(), MEMORY_PER_CONNECTION))
}

fn descriptors() -> u64 {
    rlimit::Resource::NOFILE.get().map_or(1024, |(soft, _)| soft)
}

fn room(by_descriptors: u64, memory_for_one: u64) -> usize {
    let by_memory = memory().unwrap_or(u64::MAX) / memory_for_one;
    usize::try_from(by_descriptors.min(by_memory)).unwrap_or(usize::MAX).clamp(64, 1_000_000)
}

/// What the cgroup, or else the machine, has, in bytes.
fn memory() -> Option<u64> {
    let limited = std::fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse().ok());
    limited.or_else(|| {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
    })
}
