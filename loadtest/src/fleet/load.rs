//! Clients that ask for many credentials in turn, at a rate.
//!
//! Each request has a time at which it is due. A client that is free waits for that time; where all are busy the request is
//! sent late, and its latency counts from when it was due: a gateway that stands still is not asked less, and nothing is hidden.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::Client;
use crate::scenario::head;

/// One answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// Which request it was.
    pub(super) which: usize,
    pub(super) due: Instant,
    pub(super) sent: Instant,
    pub(super) received: Instant,
    pub(super) status: u16,
}

impl Answer {
    pub(super) fn latency(&self) -> Duration {
        self.received.saturating_duration_since(self.due)
    }
}

/// A request that shows this secret.
pub(super) fn request(secret: &str) -> Vec<u8> {
    head("GET", "/v1/boards", &format!("Authorization: Bearer {secret}\r\n")).into_bytes()
}

/// Sends one request now.
pub(super) fn ask(client: &mut Client, requests: &[Vec<u8>], which: usize) -> io::Result<Answer> {
    let request = requests.get(which).ok_or_else(|| io::Error::other("no request to send"))?;
    let sent = Instant::now();
    let (status, _) = client.call(request)?;
    Ok(Answer { which, due: sent, sent, received: Instant::now(), status })
}

/// How a load is put on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) connections: usize,
    /// Requests a second, of all connections together. 0: each as soon as the one before is answered.
    pub(super) rate: u32,
    /// So many, and no more. `None`: in turn until it is stopped.
    pub(super) requests: Option<usize>,
}

/// A load that is put on until it is stopped.
#[derive(Debug)]
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<io::Result<Vec<Answer>>>>,
}

impl Load {
    pub(super) fn start(
        address: SocketAddr,
        requests: &Arc<[Vec<u8>]>,
        pace: Pace,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (turn, begin) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let clients = (0..pace.connections)
            .map(|_| {
                let mut client = Client::connect(address)?;
                let (stop, turn, requests) = (stop.clone(), turn.clone(), requests.clone());
                Ok(thread::spawn(move || {
                    let mut answers = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let turn = turn.fetch_add(1, Ordering::Relaxed);
                        let number = usize::try_from(turn).map_err(io::Error::other)?;
                        if pace.requests.is_some_and(|requests| number >= requests) {
                            break;
                        }
                        let due = due(begin, turn, pace.rate);
                        if !wait_until(due, &stop) {
                            break;
                        }
                        let which = number.checked_rem(requests.len()).unwrap_or_default();
                        let answer = ask(&mut client, &requests, which)?;
                        answers.push(Answer { due: due.unwrap_or(answer.sent), ..answer });
                    }
                    Ok(answers)
                }))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { stop, clients })
    }

    /// All answers that came.
    pub(super) fn stop(self) -> io::Result<Vec<Answer>> {
        self.stop.store(true, Ordering::Relaxed);
        self.finish()
    }

    /// All answers, once so many requests were sent as were wanted.
    pub(super) fn finish(self) -> io::Result<Vec<Answer>> {
        let mut all = Vec::new();
        for client in self.clients {
            all.extend(client.join().map_err(|_| io::Error::other("a client has panicked"))??);
        }
        Ok(all)
    }
}

/// `None`: now.
fn due(begin: Instant, turn: u64, rate: u32) -> Option<Instant> {
    (rate > 0).then(|| begin + Duration::from_secs_f64(turn as f64 / f64::from(rate)))
}

/// Whether it has come, and the load was not stopped before.
fn wait_until(due: Option<Instant>, stop: &AtomicBool) -> bool {
    /// The longest sleep before somebody asks whether to stop.
    const NAP: Duration = Duration::from_millis(100);
    while let Some(left) = due.and_then(|due| due.checked_duration_since(Instant::now())) {
        if left.is_zero() || stop.load(Ordering::Relaxed) {
            break;
        }
        thread::sleep(left.min(NAP));
    }
    !stop.load(Ordering::Relaxed)
}
