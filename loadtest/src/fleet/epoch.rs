//! What clients see when everything that a replica knows is old at once.
//!
//! One replica has cached many credentials and is asked for all of them in turn. Then its connections are cut, and the log that
//! it finds afterwards is not the one that it has followed: as after a failover, it has to ask for each record again.

use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, value_parser};

use super::distribution::{Distribution, milliseconds};
use super::house::{House, Replica, credential};
use super::load::{Answer, Load, Pace, request};
use super::redis::Redis;

/// Latencies and look-ups are told for each so long; look-ups are counted as often.
const SLICE: Duration = Duration::from_millis(250);
/// After so long, for longer ones.
const FINE: Duration = Duration::from_secs(3);
const COARSE: Duration = Duration::from_secs(3);
/// By then it has to be well again.
const SETTLED: Duration = Duration::from_secs(2);
/// What is shown of the time before.
const BEFORE: Duration = Duration::from_secs(2);
/// Look-ups are to begin by then.
const RECOVERY: Duration = Duration::from_secs(3);

#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Credentials that are cached
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(100..=1_000_000))]
    credentials: u32,
    /// Requests a second, for all credentials in turn
    #[arg(long, default_value_t = 4000, value_parser = value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Connections that carry them
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// How long it is watched
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u16).range(3..=600))]
    seconds: u16,
}

/// How many look-ups there had been by then.
type Sample = (Instant, u64);

pub(super) fn run(
    house: &House,
    wanted: Wanted,
    progress: &mut impl FnMut(&str),
) -> io::Result<String> {
    let count = usize::try_from(wanted.credentials).map_err(io::Error::other)?;
    progress(&format!("creating {count} credentials"));
    let credentials = house.create(count, credential)?;
    let requests: Arc<[_]> = credentials.iter().map(|one| request(&one.secret)).collect();
    let replica = house.replica(0)?;
    progress("asking for each once");
    let warm = Pace { connections: 16, rate: 0, requests: Some(count) };
    let refused = refusals(&Load::start(replica.address, &requests, warm)?.finish()?);
    if refused > 0 {
        return Err(io::Error::other(format!("{refused} refused before anything was broken")));
    }
    let before = replica.look_ups()?;
    progress(&format!("{} requests a second, before and after", wanted.rate));
    let watch = house.watch()?;
    let pace = Pace { connections: wanted.connections.into(), rate: wanted.rate, requests: None };
    let load = Load::start(replica.address, &requests, pace)?;
    let (samples, broken) = sampled(replica, || {
        thread::sleep(BEFORE);
        let broken = Instant::now();
        cut_and_replace_the_log(&house.redis)?;
        thread::sleep(Duration::from_secs(wanted.seconds.into()));
        Ok(broken)
    })?;
    let answers = load.stop()?;
    let used = house.used(&watch)?;
    let text = report(broken, &answers, &samples, &wanted, before)?;
    Ok(format!("{text}\n{used}.\n"))
}

/// Every connection to Redis ends, and what is found on the next ones is the same records with another log.
fn cut_and_replace_the_log(redis: &Redis) -> io::Result<()> {
    const HEAD: &str = "{portcullis}:head";
    let mut session = redis.session()?;
    let position = session.command(&["HGET", HEAD, "position"])?;
    let position: u64 = position.parse().map_err(io::Error::other)?;
    let next = (position + 1).to_string();
    session.command(&["MULTI"])?;
    session.command(&["UNLINK", "{portcullis}:log"])?;
    session.command(&["HSET", HEAD, "position", &next, "link", "1"])?;
    session.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])?;
    session.command(&["CLIENT", "KILL", "TYPE", "pubsub"])?;
    session.commit()
}

/// Counts look-ups while `watched` runs.
fn sampled(
    replica: &Replica,
    watched: impl FnOnce() -> io::Result<Instant>,
) -> io::Result<(Vec<Sample>, Instant)> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut samples = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                samples.push((Instant::now(), replica.look_ups()?));
                thread::sleep(SLICE);
            }
            Ok::<_, io::Error>(samples)
        });
        let watched = watched();
        stop.store(true, Ordering::Relaxed);
        let samples = sampler.join().map_err(|_| io::Error::other("the sampler has panicked"))?;
        Ok((samples?, watched?))
    })
}

fn refusals(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status != 200).count()
}

/// From when to when after the break.
type Slice = Range<Duration>;

/// All of the time that was watched.
fn slices(watched: Duration) -> Vec<Slice> {
    let (mut slices, mut from) = (Vec::new(), Duration::ZERO);
    while from < watched {
        let length = if from < FINE { SLICE } else { COARSE };
        let to = (from + length).min(watched);
        slices.push(from..to);
        from = to;
    }
    slices
}

/// Answers to requests that were due in one slice: latencies, and how many were refused.
fn in_slice(broken: Instant, slice: &Slice, answers: &[Answer]) -> (Distribution, usize) {
    let due = |answer: &&Answer| {
        answer.due.checked_duration_since(broken).is_some_and(|after| slice.contains(&after))
    };
    let refused = answers.iter().filter(due).filter(|answer| answer.status != 200).count();
    (Distribution::of(answers.iter().filter(due).map(Answer::latency)), refused)
}

/// Look-ups a second in one slice.
fn rate(broken: Instant, slice: &Slice, samples: &[Sample]) -> f64 {
    let [from, to] = [slice.start, slice.end].map(|after| looked_up_by(samples, broken + after));
    (to - from) / (slice.end.as_secs_f64() - slice.start.as_secs_f64())
}

/// Look-ups by a moment: on the line between the samples around it.
fn looked_up_by(samples: &[Sample], moment: Instant) -> f64 {
    let place = samples.partition_point(|sample| sample.0 <= moment);
    let before = place.checked_sub(1).and_then(|place| samples.get(place));
    match (before, samples.get(place)) {
        (Some(before), Some(after)) => {
            let part = (moment - before.0).as_secs_f64() / (after.0 - before.0).as_secs_f64();
            before.1 as f64 + part * after.1.saturating_sub(before.1) as f64
        }
        (Some(only), None) | (None, Some(only)) => only.1 as f64,
        (None, None) => 0.0,
    }
}

fn report(
    broken: Instant,
    answers: &[Answer],
    samples: &[Sample],
    wanted: &Wanted,
    before: u64,
) -> io::Result<String> {
    let mut text = "| after the break | requests | p50 | p99 | max | refused | look-ups/s |\n\
                    |---|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    let mut most = 0_f64;
    for slice in slices(Duration::from_secs(wanted.seconds.into())) {
        let (latencies, refused) = in_slice(broken, &slice, answers);
        let [p50, p99, max] =
            [500, 990, 1000].map(|permille| milliseconds(latencies.permille(permille)));
        let rate = rate(broken, &slice, samples);
        most = most.max(rate);
        let [from, to] = [slice.start, slice.end].map(|after| after.as_secs_f64());
        let count = latencies.count();
        writeln!(
            text,
            "| {from:.2}–{to:.2} s | {count} | {p50} | {p99} | {max} | {refused} | {rate:.0} |",
        )
        .map_err(io::Error::other)?;
    }
    let part = |is_in: &dyn Fn(Instant) -> bool| {
        let of_part = answers.iter().filter(|answer| is_in(answer.due));
        Distribution::of(of_part.map(Answer::latency))
    };
    let settled = broken + SETTLED;
    text.push_str("\n| | min | p50 | p90 | p99 | max |\n|---|---:|---:|---:|---:|---:|\n");
    for (title, distribution) in [
        ("before", part(&|due| due < broken)),
        ("in the first 2 s after", part(&|due| (broken..settled).contains(&due))),
        ("later than 2 s after", part(&|due| due >= settled)),
    ] {
        writeln!(text, "| {title} | {distribution} |").map_err(io::Error::other)?;
    }
    let began = first_look_up(broken, samples)?;
    let total = samples.last().map_or(0, |last| last.1.saturating_sub(before));
    let Wanted { credentials, rate, connections, .. } = wanted;
    let records = 2 * credentials + credentials.div_ceil(100);
    let refused = refusals(answers);
    writeln!(
        text,
        "\nOne replica, {credentials} credentials cached, each with a subject of its own and a hundred to an organisation; \
         {rate} requests a second for all of them in turn, on {connections} connections; latencies from when a request was due. \
         The log was broken, and everything was old, {} after that at the latest. \
         **{refused} requests were refused**; {total} look-ups for {records} records, in no slice more than {most:.0} a second.",
        milliseconds(began),
    )
    .map_err(io::Error::other)?;
    Ok(text)
}

/// When more was looked up than the few records that any change makes old.
fn first_look_up(broken: Instant, samples: &[Sample]) -> io::Result<Duration> {
    let at_break = samples.iter().take_while(|sample| sample.0 <= broken).last();
    let before = at_break.map_or(0, |sample| sample.1);
    let first = samples.iter().find(|sample| sample.0 > broken && sample.1 > before + 50);
    let began = first.map(|sample| sample.0 - broken).filter(|began| *began <= RECOVERY);
    began.ok_or_else(|| io::Error::other("the replica does not ask anew"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn answer(start: Instant, due: u32, received: u32, status: u16) -> Answer {
        let (due, received) = (start + MS * due, start + MS * received);
        Answer { which: 0, due, sent: due, received, status }
    }

    #[test]
    fn the_slices_are_fine_at_first_and_leave_nothing_out() {
        let slices = slices(Duration::from_secs(7));
        let bounds = |from: u32, to: u32| MS * from..MS * to;
        assert_eq!(slices.len(), 14);
        assert_eq!(slices.first(), Some(&bounds(0, 250)));
        assert_eq!(
            slices.get(11..),
            Some(&[bounds(2750, 3000), bounds(3000, 6000), bounds(6000, 7000)][..])
        );
    }

    #[test]
    fn a_request_counts_where_it_was_due_and_not_where_it_was_answered() {
        let start = Instant::now();
        let answers = [
            answer(start, 90, 110, 200),
            answer(start, 100, 400, 200),
            answer(start, 349, 350, 503),
            answer(start, 350, 352, 200),
        ];
        let broken = start + MS * 100;
        let of = |slice: Slice| {
            let (latencies, refused) = in_slice(broken, &slice, &answers);
            (latencies.count(), latencies.permille(1000), refused)
        };
        assert_eq!(of(Duration::ZERO..MS * 250), (2, MS * 300, 1));
        assert_eq!(of(MS * 250..MS * 500), (1, MS * 2, 0));
    }

    #[test]
    fn look_ups_are_told_a_second() {
        let start = Instant::now();
        let samples = [(start, 100), (start + MS * 500, 200), (start + MS * 1000, 1200)];
        let rate = |from: u32, to: u32| rate(start, &(MS * from..MS * to), &samples);
        assert!((rate(0, 500) - 200.0).abs() < 1e-6);
        assert!((rate(250, 750) - 1100.0).abs() < 1e-6);
        assert!((rate(900, 1100) - 1000.0).abs() < 1e-6);
        assert!(rate(2000, 3000).abs() < 1e-6);
    }
}
