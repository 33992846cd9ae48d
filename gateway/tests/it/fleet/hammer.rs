//! Requests one after the other, and when the last of them was admitted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::{Client, Gateway, request};

/// Between two requests, so that others come to run.
const PAUSE: Duration = Duration::from_millis(1);

/// One answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    /// Of the secrets.
    pub(super) which: usize,
    pub(super) sent: Instant,
    pub(super) status: u16,
}

/// Sends requests of each secret in turn, on one connection, until it is stopped.
pub(super) struct Hammer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Answered>>,
}

impl Hammer {
    pub(super) fn start(gateway: &Gateway, target: &'static str, secrets: Vec<String>) -> Self {
        let (stop, address) = (Arc::new(AtomicBool::new(false)), gateway.address("public"));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut client = Client::connect(address);
            let mut answers = Vec::new();
            for which in (0..secrets.len()).cycle() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let head = request("GET", target, &[("x-api-key", &secrets[which])], "");
                let sent = Instant::now();
                let status = client.send(head).response().status;
                answers.push(Answered { which, sent, status });
                thread::sleep(PAUSE);
            }
            answers
        });
        Self { stop, thread }
    }

    pub(super) fn stop(self) -> Vec<Answered> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// The time from `since` to the last request that was admitted.
pub(super) fn last_admission(answers: &[Answered], since: Instant) -> Duration {
    let admitted = answers.iter().filter(|answer| answer.status == 200);
    let last = admitted.map(|answer| answer.sent.saturating_duration_since(since)).max();
    last.unwrap_or_default()
}
