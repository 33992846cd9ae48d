//! Worker threads: one current-thread runtime per core, with its own listeners, connections, pool and roster.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::accept::listener::{Door, accept};
use crate::clock;
use crate::gate::Gate;
use crate::roster::{self, Basis, Connected, Tidings};
use crate::upstream::pool;

/// How often a worker tells that it lives, sweeps its pool, and looks at the wall clock.
const TICK: Duration = Duration::from_secs(1);
/// How often a leaving worker looks whether its last connection has gone.
const DRAIN_TICK: Duration = Duration::from_millis(20);
/// After the drain's time is up: how long answers that were cut have to reach their clients.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a worker is told.
#[derive(Debug)]
pub enum Command {
    /// Tells the requests under way what has become of records.
    Tell { tidings: Arc<[Tidings]>, done: oneshot::Sender<()> },
    /// Positions begin anew: what do the requests under way rest on?
    BeginAnew { basis: oneshot::Sender<Basis> },
    /// What do the requests under way rest on?
    Basis { basis: oneshot::Sender<Basis> },
    /// The process is about to leave: clients are told.
    Leave,
    /// No new connections; those without a request leave after so long.
    Drain { grace: Duration },
    /// The drain's time is up.
    CutAll,
}

/// A handle to a worker.
#[derive(Debug)]
pub struct Worker {
    pub commands: mpsc::UnboundedSender<Command>,
    /// [`clock::ticks`] at the last tick.
    pub ticked: Arc<AtomicU64>,
    pub thread: JoinHandle<()>,
}

/// Starts a worker on sockets that are bound already.
pub fn start(
    index: usize,
    gate: Arc<Gate>,
    doors: Vec<(std::net::TcpListener, Door)>,
    (commands, inbox): (mpsc::UnboundedSender<Command>, mpsc::UnboundedReceiver<Command>),
) -> io::Result<Worker> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ticked = Arc::new(AtomicU64::new(clock::ticks()));
    let heart = ticked.clone();
    let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        runtime.block_on(work(&gate, doors, inbox, &heart));
        pool::clear();
        // What is still under way leaves its record.
        drop(runtime);
        gate.access_log.flush();
    })?;
    Ok(Worker { commands, ticked, thread })
}

async fn work(
    gate: &Arc<Gate>,
    doors: Vec<(std::net::TcpListener, Door)>,
    mut inbox: mpsc::UnboundedReceiver<Command>,
    ticked: &AtomicU64,
) {
    for (socket, door) in doors {
        match TcpListener::from_std(socket) {
            Ok(socket) => {
                // Until it is closed it may bring connections, for which a leaving worker waits.
                drop(tokio::spawn(accept(gate.clone(), socket, door, Connected::new())));
            }
            Err(error) => crate::log::error("a listener cannot be watched", |line| {
                line.field("error", error.to_string());
            }),
        }
    }
    let mut beat = tokio::time::interval(TICK);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_words = None;
    loop {
        tokio::select! {
            command = inbox.recv() => match command {
                // Whoever asks may have stopped waiting.
                Some(Command::Tell { tidings, done }) => {
                    roster::tell(&tidings);
                    let _ = done.send(());
                }
                Some(Command::BeginAnew { basis }) => {
                    drop(basis.send(roster::begin_anew()));
                }
                Some(Command::Basis { basis }) => drop(basis.send(roster::basis())),
                Some(Command::Leave) => roster::announce_leaving(),
                Some(Command::Drain { grace }) => {
                    roster::start_draining(clock::now() + grace);
                    pool::clear();
                    beat = tokio::time::interval(DRAIN_TICK);
                }
                Some(Command::CutAll) => {
                    roster::cut_all();
                    last_words = Some(clock::now() + LAST_WORDS);
                }
                None => return,
            },
            _ = beat.tick() => {
                ticked.store(clock::ticks(), Ordering::Relaxed);
                pool::sweep(clock::now());
                roster::look_at_the_clock();
                let over = last_words.is_some_and(|until| clock::now() >= until);
                if over || (roster::is_draining() && roster::connections() == 0) {
                    return;
                }
            }
        }
    }
}
