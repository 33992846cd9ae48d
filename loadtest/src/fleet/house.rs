//! A fleet on this machine: a Redis, an upstream, and replicas of the gateway.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::redis::Redis;
use crate::admin;
use crate::http::Client;
use crate::process::{self, Process, free_address};

const REPLICA: &str = include_str!("../../peers/replica.yaml");
/// Clients that create records.
const CREATORS: usize = 4;

/// Everything ends with it.
#[derive(Debug)]
pub(super) struct House {
    /// The first to be dropped, and so the first to end.
    pub(super) replicas: Vec<Replica>,
    upstream: Process,
    upstream_address: SocketAddr,
    pub(super) redis: Redis,
    portcullis: PathBuf,
    folder: TempDir,
}

impl House {
    pub(super) fn start(portcullis: &Path, replicas: usize) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let redis = Redis::start(folder.path())?;
        let own = std::env::current_exe()?;
        let mut upstream = Process::start("upstream", &own, &["upstream"], folder.path())?;
        // The address is whole once its line is.
        let upstream_address = upstream
            .wait_until(|output| output.split_once('\n').and_then(|(line, _)| line.parse().ok()))?;
        let portcullis = portcullis.to_owned();
        let mut house =
            Self { replicas: Vec::new(), upstream, upstream_address, redis, portcullis, folder };
        for _ in 0..replicas {
            house.add()?;
        }
        Ok(house)
    }

    /// One more replica.
    pub(super) fn add(&mut self) -> io::Result<()> {
        let name = format!("replica-{}", self.replicas.len() + 1);
        let [address, admin, health] = [free_address()?, free_address()?, free_address()?];
        let values = [
            ("NAME", name.clone()),
            ("ADDRESS", address.to_string()),
            ("ADMIN", admin.to_string()),
            ("HEALTH", health.to_string()),
            ("TOKEN", admin::TOKEN.to_owned()),
            ("REDIS", self.redis.address.to_string()),
            ("UPSTREAM", self.upstream_address.to_string()),
        ];
        let text = values.iter().fold(REPLICA.to_owned(), |text, (name, value)| {
            text.replace(&format!("@{name}@"), value)
        });
        let file = format!("{name}.yaml");
        std::fs::write(self.folder.path().join(&file), text)?;
        let arguments = ["run", "--config", &file];
        let process = Process::start(&name, &self.portcullis, &arguments, self.folder.path())?;
        let mut replica = Replica { process, address, admin, health };
        replica.process.wait_until(|_| {
            let mut client = Client::connect(health).ok()?;
            matches!(client.call(&get("/ready")), Ok((200, _))).then_some(())
        })?;
        self.replicas.push(replica);
        Ok(())
    }

    pub(super) fn replica(&self, number: usize) -> io::Result<&Replica> {
        self.replicas.get(number).ok_or_else(|| io::Error::other("no such replica"))
    }

    /// Creates so many credentials, each as `body` says.
    pub(super) fn create(
        &self,
        count: usize,
        body: impl Fn(usize) -> Value + Sync,
    ) -> io::Result<Vec<Credential>> {
        let one = |client: &mut Client, number: usize| {
            let (status, answer) = admin::call(client, "POST", "/v1/credentials", &body(number))?;
            let text = |pointer: &str| answer.pointer(pointer)?.as_str().map(str::to_owned);
            let made = text("/credential/id").zip(text("/secret")).filter(|_| status == 201);
            made.map(|(id, secret)| Credential { id, secret })
                .ok_or_else(|| unexpected("a create", status, &answer))
        };
        self.in_parallel(count, one)
    }

    /// Writes so many records with PUT: `record` gives the path and the body.
    pub(super) fn put(
        &self,
        count: usize,
        record: impl Fn(usize) -> (String, Value) + Sync,
    ) -> io::Result<()> {
        let one = |client: &mut Client, number: usize| {
            let (path, body) = record(number);
            let (status, answer) = admin::call(client, "PUT", &path, &body)?;
            if status == 201 { Ok(()) } else { Err(unexpected("a PUT", status, &answer)) }
        };
        self.in_parallel(count, one).map(drop)
    }

    /// Calls `one` for each number, through the admin API of the first replica.
    fn in_parallel<T: Send>(
        &self,
        count: usize,
        one: impl Fn(&mut Client, usize) -> io::Result<T> + Sync,
    ) -> io::Result<Vec<T>> {
        let address = self.replica(0)?.admin;
        let some = |numbers: std::ops::Range<usize>| {
            let mut client = Client::connect(address)?;
            numbers.map(|number| one(&mut client, number)).collect::<io::Result<Vec<T>>>()
        };
        thread::scope(|scope| {
            let part = count.div_ceil(CREATORS).max(1);
            let parts = (0..count).step_by(part).map(|from| from..(from + part).min(count));
            let running: Vec<_> = parts.map(|numbers| scope.spawn(|| some(numbers))).collect();
            let mut all = Vec::with_capacity(count);
            for part in running {
                all.extend(part.join().map_err(|_| io::Error::other("a creator has panicked"))??);
            }
            Ok(all)
        })
    }

    /// To be told, at the end of a measurement, what else ran.
    pub(super) fn watch(&self) -> io::Result<Watch> {
        Ok(Watch { began: Instant::now(), everybody: process::everybody()?, ours: self.cpu()? })
    }

    /// Of `watch`: how many cores this run and everybody else used.
    pub(super) fn used(&self, watch: &Watch) -> io::Result<String> {
        let cores = |used: Duration| used.as_secs_f64() / watch.began.elapsed().as_secs_f64();
        let ours = self.cpu()?.saturating_sub(watch.ours);
        let everybody = process::everybody()?.saturating_sub(watch.everybody);
        let others = everybody.saturating_sub(ours);
        Ok(format!("{:.2} cores used by this run, {:.2} by others", cores(ours), cores(others)))
    }

    fn cpu(&self) -> io::Result<Duration> {
        let others = [&self.redis.process, &self.upstream].into_iter();
        others
            .chain(self.replicas.iter().map(|replica| &replica.process))
            .map(|process| process.cpu().map(process::Cpu::total))
            .try_fold(process::own_cpu()?.total(), |sum, one| one.map(|one| sum + one))
    }
}

/// When a measurement began, and what had been used by then.
#[derive(Debug)]
pub(super) struct Watch {
    began: Instant,
    everybody: Duration,
    ours: Duration,
}

#[derive(Debug)]
pub(super) struct Replica {
    pub(super) process: Process,
    pub(super) address: SocketAddr,
    pub(super) admin: SocketAddr,
    health: SocketAddr,
}

impl Replica {
    /// Look-ups that Redis has answered by now: credentials, subjects and resources.
    pub(super) fn look_ups(&self) -> io::Result<u64> {
        let (status, text) = Client::connect(self.health)?.call(&get("/metrics"))?;
        if status != 200 {
            return Err(io::Error::other(format!("/metrics is answered with {status}")));
        }
        Ok(look_ups(&String::from_utf8_lossy(&text)))
    }
}

fn look_ups(metrics: &str) -> u64 {
    let counts = metrics.lines().filter_map(|line| {
        let series = line.strip_prefix("portcullis_store_duration_seconds_count{")?;
        let (labels, count) = series.split_once("} ")?;
        let is_one = ["find", "subject", "resource"]
            .iter()
            .any(|name| labels.split(',').any(|label| label == format!("operation=\"{name}\"")));
        if is_one { count.parse::<u64>().ok() } else { None }
    });
    counts.sum()
}

/// A credential, and the secret that shows it.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    pub(super) id: String,
    pub(super) secret: String,
}

/// One of an organisation that it shares with a hundred, and a subject of its own.
pub(super) fn credential(number: usize) -> Value {
    json!({
        "api": "load", "scheme": "key", "lifetime": "never",
        "subject": format!("user_{number:08}"), "org": format!("org_{:06}", number / 100),
    })
}

pub(super) fn unexpected(what: &str, status: u16, answer: &Value) -> io::Error {
    io::Error::other(format!("{what} is answered with {status}: {answer}"))
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: health\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ups_are_of_three_kinds_and_whatever_came_of_them() {
        let series = |labels: &str, value: u64| {
            format!("portcullis_store_duration_seconds_count{{{labels}}} {value}\n")
        };
        let metrics = [
            series("operation=\"find\",result=\"ok\"", 5),
            series("operation=\"find\",result=\"unavailable\"", 1),
            series("operation=\"subject\",result=\"ok\"", 30),
            series("operation=\"resource\",result=\"ok\"", 200),
            series("operation=\"create\",result=\"ok\"", 1000),
        ];
        assert_eq!(look_ups(&metrics.concat()), 236);
    }
}
