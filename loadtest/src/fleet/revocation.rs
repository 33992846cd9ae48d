//! How long a credential is still let in after its revocation was answered.
//!
//! On each replica one client asks for the credential that is about to be revoked, every millisecond, and others ask for all of
//! them in turn. Nothing is inferred: what counts is which requests were let in, and when they were sent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde_json::{Value, json};

use super::distribution::Distribution;
use super::house::{Credential, House, credential, unexpected};
use super::load::{Answer, Load, Pace, ask, request};
use crate::admin;
use crate::http::Client;

pub(super) const REPLICAS: usize = 3;
/// Between two requests for the credential that is about to be revoked.
const PAUSE: Duration = Duration::from_millis(1);
/// Between two looks at whether it is refused.
const LOOK: Duration = Duration::from_micros(200);
/// How long it may take until a credential is let in everywhere, or refused everywhere: five times any promise.
const LONGEST: Duration = Duration::from_secs(10);
/// Connections to each replica for all credentials in turn.
const CONNECTIONS: usize = 4;
/// No credential.
const NONE: usize = usize::MAX;

#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Revocations without `wait`, and as many again with `wait=all`
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(1..=100_000))]
    revocations: u32,
    /// Requests a second to each replica, for all credentials in turn
    #[arg(long, default_value_t = 500, value_parser = value_parser!(u32).range(1..=100_000))]
    rate: u32,
}

/// When a revocation was asked for and answered.
#[derive(Clone, Copy, Debug)]
struct Revoked {
    asked: Instant,
    answered: Instant,
}

/// What was seen on one replica.
type Seen = Vec<Answer>;

pub(super) fn run(
    house: &House,
    wanted: Wanted,
    progress: &mut impl FnMut(&str),
) -> io::Result<String> {
    let each = usize::try_from(wanted.revocations).map_err(io::Error::other)?;
    progress(&format!("creating {} credentials", 2 * each));
    let credentials = house.create(2 * each, credential)?;
    let requests: Arc<[_]> = credentials.iter().map(|one| request(&one.secret)).collect();
    for replica in &house.replicas {
        everybody_is(200, replica.address, &requests)?;
    }
    let watch = house.watch()?;
    let pace = Pace { connections: CONNECTIONS, rate: wanted.rate, requests: None };
    let loads = each_replica(house, |address| Load::start(address, &requests, pace))?;
    let probes = each_replica(house, |address| Probe::start(address, requests.clone()))?;
    let mut revoked = Vec::new();
    for (title, query, part) in [
        ("without wait", "", credentials.get(..each)),
        ("with wait=all", "?wait=all&timeout=5s", credentials.get(each..)),
    ] {
        progress(&format!("{each} revocations {title}"));
        revoke_all(house, part.unwrap_or_default(), query, &probes, &mut revoked)?;
    }
    let mut seen: Vec<Seen> = Vec::new();
    for (probe, load) in probes.into_iter().zip(loads) {
        let mut answers = probe.stop()?;
        answers.extend(load.stop()?);
        seen.push(answers);
    }
    let used = house.used(&watch)?;
    for replica in &house.replicas {
        everybody_is(401, replica.address, &requests)?;
    }
    Ok(format!("{}\n{used}.\n", report(&revoked, each, &seen)?))
}

fn each_replica<T>(
    house: &House,
    start: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    house.replicas.iter().map(|replica| start(replica.address)).collect()
}

/// Asks once for each.
fn everybody_is(status: u16, address: SocketAddr, requests: &Arc<[Vec<u8>]>) -> io::Result<()> {
    let pace = Pace { connections: 1, rate: 0, requests: Some(requests.len()) };
    let answers = Load::start(address, requests, pace)?.finish()?;
    match answers.iter().find(|answer| answer.status != status) {
        None => Ok(()),
        Some(Answer { status: found, which, .. }) => Err(io::Error::other(format!(
            "credential {which} is answered with {found} instead of {status}"
        ))),
    }
}

/// Revokes one after the other, each through another replica, once it is let in everywhere.
fn revoke_all(
    house: &House,
    credentials: &[Credential],
    query: &str,
    probes: &[Probe],
    revoked: &mut Vec<Revoked>,
) -> io::Result<()> {
    let mut clients = house
        .replicas
        .iter()
        .map(|replica| Client::connect(replica.admin))
        .collect::<io::Result<Vec<_>>>()?;
    for credential in credentials {
        let which = revoked.len();
        probes.iter().for_each(|probe| probe.turn_to(which));
        until_all(probes, |probe| probe.seen.admitted.load(Ordering::Acquire) == which)?;
        let through = which % clients.len().max(1);
        let client = clients.get_mut(through).ok_or_else(|| io::Error::other("no replicas"))?;
        let path = format!("/v1/credentials/{}/revoke{query}", credential.id);
        let asked = Instant::now();
        let (status, answer) = admin::call(client, "POST", &path, &json!({}))?;
        let answered = Instant::now();
        let complete = answer.pointer("/propagation/complete") == Some(&Value::Bool(true));
        if status != 200 || (!query.is_empty() && !complete) {
            return Err(unexpected("a revocation", status, &answer));
        }
        revoked.push(Revoked { asked, answered });
        until_all(probes, |probe| probe.seen.refused.load(Ordering::Acquire) == which)?;
    }
    Ok(())
}

fn until_all(probes: &[Probe], is_so: impl Fn(&Probe) -> bool) -> io::Result<()> {
    let give_up = Instant::now() + LONGEST;
    while !probes.iter().all(&is_so) {
        if Instant::now() > give_up {
            return Err(io::Error::other("a replica does not follow, or has closed a connection"));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// The client that asks one replica for one credential all the time.
struct Probe {
    seen: Arc<Signals>,
    thread: JoinHandle<io::Result<Seen>>,
}

struct Signals {
    /// What to ask for.
    target: AtomicUsize,
    /// What was let in last, and what was refused last.
    admitted: AtomicUsize,
    refused: AtomicUsize,
    stop: AtomicBool,
}

impl Probe {
    fn start(address: SocketAddr, requests: Arc<[Vec<u8>]>) -> io::Result<Self> {
        let none = || AtomicUsize::new(NONE);
        let (target, admitted, refused) = (AtomicUsize::new(0), none(), none());
        let seen = Arc::new(Signals { target, admitted, refused, stop: AtomicBool::new(false) });
        let mut client = Client::connect(address)?;
        let signals = seen.clone();
        let thread = thread::spawn(move || {
            let mut answers = Vec::new();
            while !signals.stop.load(Ordering::Relaxed) {
                let which = signals.target.load(Ordering::Acquire);
                let answer = ask(&mut client, &requests, which)?;
                answers.push(answer);
                match answer.status {
                    200 => signals.admitted.store(which, Ordering::Release),
                    401 => signals.refused.store(which, Ordering::Release),
                    // Neither: it is asked again, and counted.
                    _ => {}
                }
                thread::sleep(PAUSE);
            }
            Ok(answers)
        });
        Ok(Self { seen, thread })
    }

    fn turn_to(&self, which: usize) {
        self.seen.target.store(which, Ordering::Release);
    }

    fn stop(self) -> io::Result<Seen> {
        self.seen.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| io::Error::other("a client has panicked"))?
    }
}

/// What became of one credential.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Fate {
    /// From the answer to the last request that was let in: when that was sent. Zero: none after the answer.
    last_admission: Duration,
    /// How many were sent after the answer and let in.
    admitted: usize,
    /// From the answer until the refusals of all replicas had come, the first of each.
    refused_everywhere: Duration,
}

fn fates(revoked: &[Revoked], seen: &[Seen]) -> Vec<Fate> {
    let mut fates = vec![Fate::default(); revoked.len()];
    for answers in seen {
        let mut refused: Vec<Option<Instant>> = vec![None; revoked.len()];
        for answer in answers {
            let which = answer.which;
            let Some((revoked, fate)) = revoked.get(which).zip(fates.get_mut(which)) else {
                continue;
            };
            if answer.status == 200 && answer.sent > revoked.answered {
                fate.admitted += 1;
                fate.last_admission = fate.last_admission.max(answer.sent - revoked.answered);
            }
            if answer.status == 401
                && let Some(first) = refused.get_mut(which)
            {
                *first = Some(first.map_or(answer.received, |first| first.min(answer.received)));
            }
        }
        for ((fate, revoked), refused) in fates.iter_mut().zip(revoked).zip(refused) {
            // Whoever never saw a refusal would have ended the run.
            let refused = refused.unwrap_or(revoked.answered);
            let took = refused.saturating_duration_since(revoked.answered);
            fate.refused_everywhere = fate.refused_everywhere.max(took);
        }
    }
    fates
}

fn report(revoked: &[Revoked], each: usize, seen: &[Seen]) -> io::Result<String> {
    let fates = fates(revoked, seen);
    let (without, with) =
        fates.split_at_checked(each).ok_or_else(|| io::Error::other("too few revocations"))?;
    let took =
        |revoked: &[Revoked]| Distribution::of(revoked.iter().map(|one| one.answered - one.asked));
    let of = |fates: &[Fate], what: fn(&Fate) -> Duration| Distribution::of(fates.iter().map(what));
    let last = of(without, |fate| fate.last_admission);
    let all = seen.iter().flatten();
    let others = all.clone().filter(|answer| !matches!(answer.status, 200 | 401)).count();
    let rows = [
        ("from the answer to the last admission", last.clone()),
        (
            "from the answer to the first refusal on all",
            of(without, |fate| fate.refused_everywhere),
        ),
        ("the answer itself", took(revoked.get(..each).unwrap_or_default())),
        ("with `wait=all`: to the last admission", of(with, |fate| fate.last_admission)),
        ("with `wait=all`: the answer itself", took(revoked.get(each..).unwrap_or_default())),
        ("a request, meanwhile", Distribution::of(all.clone().map(Answer::latency))),
    ];
    let mut text = "| | min | p50 | p90 | p99 | max |\n|---|---:|---:|---:|---:|---:|\n".to_owned();
    for (title, distribution) in &rows {
        text.extend(["| ", title, " | ", &distribution.to_string(), " |\n"]);
    }
    let late = with.iter().map(|fate| fate.admitted).sum::<usize>();
    let requests = all.count();
    let none = last.zeroes();
    let count = seen.len();
    let pause = PAUSE.as_millis();
    Ok(format!(
        "{text}\n{count} replicas, {each} revocations without `wait` and {each} with `wait=all`, one after the other; \
         {requests} requests, each replica asked for the credential in question every {pause} ms. \
         Without `wait` nobody at all was admitted after {none} of {each} answers; \
         **after `wait=all` {late} requests were admitted**. \
         Answers that were neither 200 nor 401: {others}.\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Of credential 0: sent and received so many milliseconds after the start.
    fn answer(start: Instant, sent: u32, received: u32, status: u16) -> Answer {
        let (sent, received) = (start + MS * sent, start + MS * received);
        Answer { which: 0, due: sent, sent, received, status }
    }

    #[test]
    fn the_last_admission_is_that_of_any_replica_and_the_refusal_that_of_the_slowest() {
        let start = Instant::now();
        let revoked = [Revoked { asked: start, answered: start + MS * 10 }];
        let one = vec![answer(start, 9, 11, 200), answer(start, 11, 12, 401)];
        let other = vec![
            answer(start, 12, 13, 200),
            answer(start, 14, 17, 401),
            answer(start, 18, 19, 200),
            answer(start, 20, 30, 401),
        ];
        let expected = Fate { last_admission: MS * 8, admitted: 2, refused_everywhere: MS * 7 };
        assert_eq!(fates(&revoked, &[one, other]), [expected]);
    }

    #[test]
    fn who_was_sent_before_the_answer_was_not_admitted_after_it() {
        let start = Instant::now();
        let revoked = [Revoked { asked: start, answered: start + MS * 10 }];
        let seen = vec![answer(start, 10, 20, 200), answer(start, 5, 6, 401)];
        assert_eq!(fates(&revoked, &[seen]), [Fate::default()]);
    }
}
