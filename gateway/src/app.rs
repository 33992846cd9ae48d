//! The composition root: the only file that names every part. It builds them, in an order in which each can fail with a
//! clear message, and gives back what it bound.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use decision::config::snapshot::{Admin as AdminSettings, Configuration, Drain, Process, Snapshot};
use decision::config::{Compiled, Written};
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::accept::listener::{self, Bound, Door};
use crate::access_log::AccessLog;
use crate::admin::{self, Admin};
use crate::crowd::Crowd;
use crate::facts::Facts;
use crate::feed::Feed;
use crate::gate::Gate;
use crate::generation::{Generation, Generations};
use crate::health::{self, Health};
use crate::keep;
use crate::log;
use crate::metrics::Metrics;
use crate::reload::{self, Cause, Reloader};
use crate::service;
use crate::source::reading::Reading;
use crate::store::Store;
use crate::upstream::resolve;
use crate::uses::Uses;
use crate::worker::{self, Command, Worker};

mod membership;
mod opening;
mod outage;
mod room;

pub use membership::Membership;
use opening::Opened;

/// How long the start waits for the first answers of DNS.
const FIRST_NAMES: Duration = Duration::from_secs(2);
/// How often limits forget a part of their idle keys.
const FORGET: Duration = Duration::from_secs(1);
/// After `drain.delay`, how long connections without a request may stay, for one may be on its way.
const GRACE: Duration = Duration::from_secs(1);
/// How long a reader of the access log has to take the last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Why the gateway did not start: one line for people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    fn because(what: impl std::fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

/// A gateway that serves.
#[derive(Debug)]
pub struct Running {
    pub listeners: Vec<(Arc<str>, SocketAddr)>,
    pub admin: Option<SocketAddr>,
    pub health: SocketAddr,
    pub store: Arc<dyn Store>,
    pub feed: Arc<Feed>,
    pub replica: String,
    drain: Drain,
    /// Of the replicas that share the store.
    pub membership: Option<Membership>,
    status: Arc<Health>,
    workers: Vec<Worker>,
    access_log: std::thread::JoinHandle<()>,
    control: Runtime,
    signals: Signals,
}

/// The signals that end the process.
#[derive(Debug)]
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// From now on they are received, and no longer end the process at once.
    fn receive(control: &Runtime) -> io::Result<Self> {
        let _in_runtime = control.enter();
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! { _ = self.term.recv() => {}, _ = self.int.recv() => {} }
    }
}

/// Serves until SIGTERM or SIGINT, and drains.
pub fn run(compiled: Compiled, reading: Reading) -> Result<(), StartError> {
    start(compiled, reading)?.wait();
    Ok(())
}

/// Starts everything; when this returns, connections are accepted. `reading` is what the configuration was made of.
pub fn start(compiled: Compiled, reading: Reading) -> Result<Running, StartError> {
    let Compiled { configuration: Configuration { process, snapshot }, written, warnings } =
        compiled;
    log::set_level(snapshot.log.level);
    reload::doubtful(&warnings);
    let metrics =
        Arc::new(Metrics::new().map_err(|error| StartError(format!("metrics: {error}")))?);
    let control = control_runtime().map_err(StartError::because("the control runtime"))?;
    let Opened { store, shared, keys } = opening::open(&process.store, &metrics, &control)?;
    // Before anybody is told that we are ready: who is told may send one at once.
    let signals =
        Signals::receive(&control).map_err(StartError::because("signals cannot be received"))?;
    let facts = Arc::new(Facts::new(
        store.clone(),
        &process.store.cache,
        process.store.timeout,
        control.handle().clone(),
        membership::lease(shared.is_some()),
    ));
    let generations = first_generation(snapshot, written, &metrics, &control);
    forget_idle_keys(&control, generations.clone());
    let reloader =
        Reloader::start(reading, generations.clone(), metrics.clone(), control.handle().clone())
            .map_err(StartError::because("the reload's thread"))?;
    reload_on_signal(&control, reloader.clone())?;
    let (access_log, writer) = AccessLog::start(metrics.log_lines_dropped.clone())
        .map_err(StartError::because("the access log"))?;

    let threads = process
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    // The system's soft limit is for programs that count descriptors in a word.
    let _what_there_is_will_do = rlimit::increase_nofile_limit(u64::MAX);
    let bound = bind_all(&process, threads)?;
    let listeners = bound.iter().map(|bound| (bound.name.clone(), bound.address)).collect();
    let channels: Vec<_> = (0..threads).map(|_| mpsc::unbounded_channel()).collect();
    let feed = Arc::new(Feed::new(
        facts.clone(),
        channels.iter().map(|(commands, _)| commands.clone()).collect(),
    ));
    let replica =
        process.replica.clone().unwrap_or_else(|| format!("portcullis-{:08x}", fastrand::u32(..)));
    let (uses, noted) = Uses::new();
    drop(control.spawn(noted.tell(store.clone())));
    let draining = Arc::new(AtomicBool::new(false));
    let gate = Arc::new(Gate {
        generations: generations.clone(),
        facts: facts.clone(),
        peppers: keys.peppers.clone(),
        uses,
        bounds: process.bounds.clone(),
        under_way: AtomicUsize::new(0),
        in_flight: room::in_flight(&process),
        crowd: Crowd::new(room::connections(&process), process.bounds.per_address),
        draining: draining.clone(),
        metrics: metrics.clone(),
        access_log: Arc::new(access_log),
        replica: replica.clone(),
    });
    let workers = start_workers(&gate, bound, channels)?;
    let lease = process.store.lease;
    let membership = shared.map(|shared| Membership::begin(shared, &feed, &gate, lease, &control));
    let status = Arc::new(Health {
        metrics,
        facts,
        generations: generations.clone(),
        ticked: workers.iter().map(|worker| worker.ticked.clone()).collect(),
        ready: AtomicBool::new(false),
        draining,
        store: store.clone(),
        serve: process.store.serve,
        unready_when_store_lost: process.unready_when_store_lost,
    });

    drop(control.spawn(keep::run(store.clone(), feed.clone(), generations.clone())));
    let health = serve_http(&control, "health", process.health, health::router(status.clone()))?;
    let admin = serve_admin(&control, process.admin.as_ref(), |token| admin::Parts {
        store: store.clone(),
        keys,
        feed: feed.clone(),
        generations,
        token,
        replica: replica.clone(),
        fleet: membership.as_ref().map(Membership::fleet),
        bounds: process.bounds.clone(),
        reloader: Some(reloader),
    })?;
    let running = Running {
        listeners,
        admin,
        health,
        store,
        feed,
        replica,
        drain: process.drain,
        membership,
        status,
        workers,
        access_log: writer,
        control,
        signals,
    };
    running.announce();
    Ok(running)
}

/// The admin API, where there is one.
fn serve_admin(
    control: &Runtime,
    settings: Option<&AdminSettings>,
    parts: impl FnOnce(SecretString) -> admin::Parts,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(settings) = settings else {
        log::warn("no admin API: server.admin.token is empty", |_| {});
        return Ok(None);
    };
    let admin = Arc::new(Admin::new(parts(settings.token.clone())));
    serve_http(control, "admin", settings.address, admin::router(admin)).map(Some)
}

/// Health, admin, names and look-ups run here, so that nothing of them waits for a worker, nor a worker for them.
fn control_runtime() -> io::Result<Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).thread_name("control").enable_all().build()
}

fn first_generation(
    snapshot: Snapshot,
    written: Written,
    metrics: &Metrics,
    control: &Runtime,
) -> Arc<Generations> {
    let generation = Generation::first(snapshot, written, metrics);
    control.block_on(resolve::start(&generation.upstreams, FIRST_NAMES));
    metrics.configuration.in_force(generation.number, generation.written.hash());
    Arc::new(Generations::new(generation))
}

/// Keys of limits are forgotten here, where no request waits for it.
fn forget_idle_keys(control: &Runtime, generations: Arc<Generations>) {
    drop(control.spawn(async move {
        let mut beat = tokio::time::interval(FORGET);
        for part in 0.. {
            beat.tick().await;
            generations.current().limits.forget_idle(part);
        }
    }));
}

/// SIGHUP is a reload from now on, and no end.
fn reload_on_signal(control: &Runtime, reloader: Reloader) -> Result<(), StartError> {
    let _in_runtime = control.enter();
    let mut hangup =
        signal(SignalKind::hangup()).map_err(StartError::because("SIGHUP cannot be received"))?;
    drop(control.spawn(async move {
        while hangup.recv().await.is_some() {
            // One that finds too many waiting is served by the last of them.
            let _what_became_of_it_is_in_the_log = reloader.reload(Cause::Signal).await;
        }
    }));
    Ok(())
}

fn bind_all(process: &Process, threads: usize) -> Result<Vec<Bound>, StartError> {
    process
        .listeners
        .iter()
        .map(|listener| {
            listener::bind(listener, threads).map_err(StartError::because(format_args!(
                "cannot listen on {} (listener {})",
                listener.address, listener.name
            )))
        })
        .collect()
}

fn start_workers(
    gate: &Arc<Gate>,
    bound: Vec<Bound>,
    channels: Vec<(mpsc::UnboundedSender<Command>, mpsc::UnboundedReceiver<Command>)>,
) -> Result<Vec<Worker>, StartError> {
    let mut doors: Vec<Vec<_>> = channels.iter().map(|_| Vec::new()).collect();
    for (listener, bound) in bound.into_iter().enumerate() {
        let door = Door {
            listener,
            trusted_proxies: bound.trusted_proxies,
            http2: bound.http2,
            health_path: bound.health_path,
            name: bound.name.clone(),
            connections: gate.metrics.connections.with_label_values(&[&*bound.name]),
        };
        for (doors, socket) in doors.iter_mut().zip(bound.sockets) {
            doors.push((socket, door.clone()));
        }
    }
    let workers = doors.into_iter().zip(channels).enumerate();
    workers
        .map(|(index, (doors, channel))| worker::start(index, gate.clone(), doors, channel))
        .collect::<io::Result<_>>()
        .map_err(StartError::because("cannot start a worker"))
}

fn serve_http(
    control: &Runtime,
    name: &str,
    address: SocketAddr,
    router: axum::Router,
) -> Result<SocketAddr, StartError> {
    service::start(control, address, router)
        .map_err(StartError::because(format!("cannot listen on {address} ({name})")))
}

impl Running {
    fn announce(&self) {
        let say = |name: &str, address: SocketAddr| {
            log::info("listening", |line| {
                line.field("listener", name).field("address", address.to_string());
            });
        };
        self.listeners.iter().for_each(|(name, address)| say(name, *address));
        say("health", self.health);
        self.admin.iter().for_each(|address| say("admin", *address));
        self.status.ready.store(true, Ordering::Release);
        log::info("ready", |line| {
            line.field("threads", self.workers.len()).field("replica", self.replica.as_str());
            line.field("version", env!("CARGO_PKG_VERSION"));
        });
    }

    /// Serves until SIGTERM or SIGINT, then drains: not ready, and answers say `close` → `delay` → no new connections → what is
    /// under way finishes within `timeout`. Each further signal ends the wait that it finds.
    pub fn wait(mut self) {
        let (delay, timeout) = (self.drain.delay, self.drain.timeout);
        let commands: Vec<_> = self.workers.iter().map(|worker| worker.commands.clone()).collect();
        // A worker that has ended already needs no telling.
        let tell = |command: &dyn Fn() -> Command| {
            commands.iter().for_each(|worker| drop(worker.send(command())));
        };
        let grace = GRACE.min(timeout / 2);
        let status = self.status.clone();
        let workers = std::mem::take(&mut self.workers);
        let threads: Vec<_> = workers.into_iter().map(|worker| worker.thread).collect();
        let signals = &mut self.signals;
        self.control.block_on(async {
            signals.next().await;
            status.draining.store(true, Ordering::Release);
            status.metrics.draining.set(1);
            tell(&|| Command::Leave);
            log::info("draining", |_| {});
            tokio::select! { () = tokio::time::sleep(delay) => {}, () = signals.next() => {} }
            tell(&|| Command::Drain { grace });
            let gone = tokio::task::spawn_blocking(move || {
                // A worker that has panicked is gone, too.
                threads.into_iter().for_each(|thread| drop(thread.join()));
            });
            tokio::pin!(gone);
            tokio::select! {
                _ = &mut gone => return,
                () = tokio::time::sleep(timeout) => {}
                () = signals.next() => {}
            }
            tell(&|| Command::CutAll);
            let _either_way_they_are_gone = gone.await;
        });
        self.finish();
    }

    /// Leaves the other replicas, and lets the access log write its last lines: its last sender has gone with the workers.
    fn finish(self) {
        let Self { access_log, membership, control, .. } = self;
        control.block_on(async {
            if let Some(membership) = membership {
                membership.leave().await;
            }
            let written = tokio::task::spawn_blocking(move || access_log.join());
            if tokio::time::timeout(LAST_LINES, written).await.is_err() {
                log::warn("the last access log lines found no taker", |_| {});
            }
        });
        log::info("stopped", |_| {});
        control.shutdown_background();
    }
}
