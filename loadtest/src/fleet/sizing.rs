//! What a fleet costs its Redis: memory for each record, and commands for each replica.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde_json::json;

use super::distribution::Distribution;
use super::house::{Credential, House, credential};
use super::load::{Answer, Load, Pace, request};
use super::redis::{Session, Usage};

/// The log of changes and the audit log: they are bounded, and grow with calls and not with records.
const LOGS: [&str; 2] = ["{portcullis}:log", "{portcullis}:audit"];
/// Connections that carry cold requests.
const CONNECTIONS: usize = 64;

#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Records of each kind that are measured
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(100..=1_000_000))]
    records: u32,
    /// Requests a second, each with a credential that is not cached
    #[arg(long, default_value_t = 500, value_parser = value_parser!(u32).range(1..=20_000))]
    cold: u32,
    /// How long commands are counted, each time
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u16).range(1..=600))]
    seconds: u16,
}

pub(super) fn run(
    house: &mut House,
    wanted: Wanted,
    progress: &mut impl FnMut(&str),
) -> io::Result<String> {
    let records = usize::try_from(wanted.records).map_err(io::Error::other)?;
    let mut redis = house.redis.session()?;
    let empty = redis.usage()?.memory;
    let mut text = "| record | bytes in Redis |\n|---|---:|\n".to_owned();
    let mut row = |title: &str, growth: i64| {
        writeln!(text, "| {title} | {:.0} |", growth as f64 / records as f64)
            .map_err(io::Error::other)
    };
    progress(&format!("creating {records} credentials"));
    let (credentials, grown) = growth(&mut redis, || house.create(records, credential))?;
    row("credential, with an own subject and a hundred to an organisation", grown)?;
    progress(&format!("writing {records} subjects"));
    let subject = |number: usize| {
        (format!("/v1/subjects/user_{number:08}"), json!({ "kind": "user", "state": "active" }))
    };
    row("subject", growth(&mut redis, || house.put(records, subject))?.1)?;
    progress(&format!("writing {records} resources"));
    let organisation = |_: usize| ("/v1/resources/org_top".to_owned(), json!({ "kind": "org" }));
    house.put(1, organisation)?;
    let resource = |number: usize| {
        let body = json!({ "kind": "board", "parent": "org_top", "state": "ok" });
        (format!("/v1/resources/board_{number:08}"), body)
    };
    row(
        "resource, below another and without members",
        growth(&mut redis, || house.put(records, resource))?.1,
    )?;
    let [log, audit] = LOGS;
    let mut each = |log: &str| -> io::Result<f64> {
        let entries: u32 = redis.command(&["XLEN", log])?.parse().map_err(io::Error::other)?;
        Ok(redis.size(log)? as f64 / f64::from(entries.max(1)))
    };
    writeln!(
        text,
        "| entry of the log of changes, which keeps about 10,000 | {:.0} |\n\
         | entry of the audit log, which keeps about 100,000 | {:.0} |\n\n\
         The growth of `used_memory` less the two logs while {records} of a kind were written, divided by their number. \
         An empty Redis has {:.1} MB.\n",
        each(log)?,
        each(audit)?,
        empty as f64 / 1e6,
    )
    .map_err(io::Error::other)?;
    text.push_str(&commands(house, &mut redis, wanted, &credentials, progress)?);
    Ok(text)
}

/// How much more memory Redis uses afterwards, but for the logs.
fn growth<T>(redis: &mut Session, write: impl FnOnce() -> io::Result<T>) -> io::Result<(T, i64)> {
    let before = without_logs(redis)?;
    let written = write()?;
    Ok((written, without_logs(redis)? - before))
}

fn without_logs(redis: &mut Session) -> io::Result<i64> {
    let logs: u64 = LOGS.iter().map(|log| redis.size(log)).sum::<io::Result<_>>()?;
    i64::try_from(redis.usage()?.memory.saturating_sub(logs)).map_err(io::Error::other)
}

/// What one replica asks for, idle and with cold requests.
fn commands(
    house: &mut House,
    redis: &mut Session,
    wanted: Wanted,
    credentials: &[Credential],
    progress: &mut impl FnMut(&str),
) -> io::Result<String> {
    // One that knows nothing yet, and is alone.
    house.replicas.clear();
    house.add()?;
    let time = Duration::from_secs(wanted.seconds.into());
    progress("counting commands of an idle replica");
    let (idle, ()) = counted(redis, || {
        thread::sleep(time);
        Ok(())
    })?;
    progress(&format!("counting commands at {} cold requests a second", wanted.cold));
    let replica = house.replica(0)?;
    let requests: Arc<[_]> = credentials.iter().map(|one| request(&one.secret)).collect();
    let most =
        usize::try_from(wanted.cold).map_err(io::Error::other)? * usize::from(wanted.seconds);
    let pace = Pace {
        connections: CONNECTIONS,
        rate: wanted.cold,
        requests: Some(most.min(requests.len())),
    };
    let watch = house.watch()?;
    let before = replica.look_ups()?;
    let (cold, answers) =
        counted(redis, || Load::start(replica.address, &requests, pace)?.finish())?;
    let look_ups = replica.look_ups()? - before;
    let used = house.used(&watch)?;
    let refused = answers.iter().filter(|answer| answer.status != 200).count();
    let latency = Distribution::of(answers.iter().map(Answer::latency));
    let count = answers.len();
    Ok(format!(
        "| one replica | round trips/s | commands/s | of Redis's core |\n|---|---:|---:|---:|\n\
         | idle | {idle} |\n| at {} cold requests/s | {cold} |\n\n\
         Scripts are the round trips; commands are as `INFO` counts them, those inside of scripts and pings included. \
         Counted for {} s; {count} cold requests, {refused} refused, {look_ups} look-ups: a credential, its subject, its organisation. \
         A cold request took, from when it was due: min | p50 | p90 | p99 | max = {latency}. {used}.\n",
        wanted.cold, wanted.seconds,
    ))
}

/// What was used a second meanwhile: cells of a table.
fn counted<T>(
    redis: &mut Session,
    meanwhile: impl FnOnce() -> io::Result<T>,
) -> io::Result<(String, T)> {
    let (began, before) = (Instant::now(), redis.usage()?);
    let done = meanwhile()?;
    let (took, after) = (began.elapsed().as_secs_f64(), redis.usage()?);
    Ok((cells(&before, &after, took), done))
}

fn cells(before: &Usage, after: &Usage, seconds: f64) -> String {
    let rate = |of: fn(&Usage) -> u64| of(after).saturating_sub(of(before)) as f64 / seconds;
    format!(
        "{:.1} | {:.1} | {:.2} %",
        rate(|usage| usage.scripts),
        rate(|usage| usage.commands),
        100.0 * (after.cpu - before.cpu) / seconds,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_is_told_a_second() {
        let before = Usage { memory: 0, scripts: 10, commands: 100, cpu: 1.0 };
        let after = Usage { memory: 0, scripts: 30, commands: 400, cpu: 1.5 };
        assert_eq!(cells(&before, &after, 10.0), "2.0 | 30.0 | 5.00 %");
    }
}
