//! The connections to the server that takes changes, and what puts others in their place when they are lost.
//!
//! There are two: one for what requests wait for, reports and the log; one for changes and lists. Where changes must be
//! acknowledged there is a third, on which replicas are waited for and nobody else stands behind. All are of one *generation*:
//! of one server, and together in their fate. An answer that a former generation gives late is none, so that nobody hears from
//! a server that was left.
//!
//! Every call ends: with an answer, when the generation is over, or when its time is.

use std::fmt;
use std::time::Duration;

use decision::config::snapshot::Address;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, ServerErrorKind, Value};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::notes;
use super::scripts::Call;
use super::server::Servers;
use crate::log;
use crate::store::Unavailable;

/// What requests wait for is asked with deadlines of their own; this one is for all else.
pub(super) const ANSWER: Duration = Duration::from_secs(1);
/// Changes and lists; and replicas, that may be waited for a second.
pub(super) const ANSWER_SLOW: Duration = Duration::from_secs(3);
/// To find the server, to connect to it and to look what it is.
const CONNECT: Duration = Duration::from_secs(1);
/// How often each connection is pinged; it has as long to answer.
const PING: Duration = Duration::from_millis(500);
/// The longest wait between two attempts to connect.
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// A generation that has lasted so long was a good one.
const LASTING: Duration = Duration::from_secs(5);
/// How long a call waits for the first attempt to put lost connections in place.
const PATIENCE: Duration = Duration::from_secs(1);

/// Connections to one server.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) generation: u64,
    pub(super) address: Address,
    pub(super) lookups: MultiplexedConnection,
    pub(super) changes: MultiplexedConnection,
    /// `None`: replicas are not waited for.
    pub(super) waits: Option<MultiplexedConnection>,
    pub(super) client: redis::Client,
}

/// Why there is no connection; shows no secret.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) reason: String,
    /// It does not pass by itself: the configuration is wrong.
    pub(super) is_lasting: bool,
}

impl Trouble {
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_lasting: false }
    }

    pub(super) fn other_pepper() -> Self {
        let reason =
            "the store was made with another pepper; every credential in it would be refused";
        Self { reason: reason.to_owned(), is_lasting: true }
    }

    /// Names the server.
    pub(super) fn at(self, address: &Address) -> Self {
        Self { reason: format!("{address}: {}", self.reason), ..self }
    }
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        let is_lasting = error.kind() == redis::ErrorKind::AuthenticationFailed
            || matches!(error.code(), Some("NOAUTH" | "NOPERM"));
        Self { reason: told(&error), is_lasting }
    }
}

#[derive(Clone)]
enum State {
    /// Nobody has tried yet since they were lost.
    Connecting,
    /// The last attempt has failed.
    Down(Trouble),
    Up(Box<Live>),
}

impl State {
    fn is_up(&self, generation: u64) -> bool {
        matches!(self, Self::Up(live) if live.generation == generation)
    }
}

/// See the module.
pub(super) struct Link {
    state: watch::Receiver<State>,
    lost: mpsc::Sender<Lost>,
    keeper: JoinHandle<()>,
}

/// A generation is over.
struct Lost {
    generation: u64,
    reason: String,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Link {
    /// Connects in the background, on the runtime of the caller.
    pub(super) fn start(servers: Servers) -> Self {
        let (states, state) = watch::channel(State::Connecting);
        // Whoever finds it full tells nothing new: somebody has told that this generation is over.
        let (lost, told) = mpsc::channel(16);
        let keeper = tokio::spawn(keep(servers, states, told));
        Self { state, lost, keeper }
    }

    /// The generation in force.
    pub(super) async fn live(&self) -> Result<Live, Unavailable> {
        let mut state = self.state.clone();
        let tried = state.wait_for(|state| !matches!(state, State::Connecting));
        match timeout(PATIENCE, tried).await {
            Ok(Ok(state)) => match &*state {
                State::Up(live) => Ok(live.as_ref().clone()),
                State::Down(trouble) => Err(Unavailable { reason: trouble.reason.clone() }),
                State::Connecting => Err(not_in_time("connecting")),
            },
            Ok(Err(_)) => Err(Unavailable { reason: "the store was closed".to_owned() }),
            Err(_) => Err(not_in_time("connecting")),
        }
    }

    /// Waits for the first connection, if the first attempt does not say that there will be none.
    pub(super) async fn first(&self, patience: Duration) -> Result<(), Trouble> {
        let mut state = self.state.clone();
        let decided = state.wait_for(|state| match state {
            State::Up(_) => true,
            State::Down(trouble) => trouble.is_lasting,
            State::Connecting => false,
        });
        if let Ok(Ok(state)) = timeout(patience, decided).await
            && let State::Up(_) = &*state
        {
            return Ok(());
        }
        match &*self.state.borrow() {
            State::Up(_) => Ok(()),
            State::Down(trouble) => Err(trouble.clone()),
            State::Connecting => Err(Trouble::passing("no connection in time")),
        }
    }

    /// Asks what a request waits for.
    pub(super) async fn look_up(&self, call: &Call) -> Result<Value, Unavailable> {
        let mut live = self.live().await?;
        let answer = timeout(ANSWER, call.ask(&mut live.lookups)).await;
        self.judge(&live, answer)
    }

    /// As [`Self::look_up`], for one command.
    pub(super) async fn command(&self, command: &Cmd) -> Result<Value, Unavailable> {
        let mut live = self.live().await?;
        let answer = timeout(ANSWER, command.query_async(&mut live.lookups)).await;
        self.judge(&live, answer)
    }

    /// Makes a change, or asks what may take a while.
    pub(super) async fn change(&self, call: &Call) -> Result<Value, Unavailable> {
        let mut live = self.live().await?;
        let answer = timeout(ANSWER_SLOW, call.ask(&mut live.changes)).await;
        self.judge(&live, answer)
    }

    /// The generation in force, if there is one.
    pub(super) async fn generation(&self) -> Result<u64, Unavailable> {
        Ok(self.live().await?.generation)
    }

    /// As [`Self::change`], for commands one after the other.
    pub(super) async fn commands(&self, commands: &[Cmd]) -> Result<Vec<Value>, Unavailable> {
        let live = self.live().await?;
        self.pipelined(&live, live.changes.clone(), commands).await
    }

    /// As [`Self::commands`], for those that wait for replicas; gives the generation that has answered.
    pub(super) async fn wait(&self, commands: &[Cmd]) -> Result<(u64, Vec<Value>), Unavailable> {
        let live = self.live().await?;
        let waits = live.waits.clone().unwrap_or_else(|| live.changes.clone());
        let answers = self.pipelined(&live, waits, commands).await?;
        Ok((live.generation, answers))
    }

    async fn pipelined(
        &self,
        live: &Live,
        mut connection: MultiplexedConnection,
        commands: &[Cmd],
    ) -> Result<Vec<Value>, Unavailable> {
        let mut pipeline = redis::pipe();
        for command in commands {
            pipeline.add_command(command.clone());
        }
        let answer = timeout(ANSWER_SLOW, pipeline.query_async(&mut connection)).await;
        self.judge(live, answer)
    }

    /// Ends when the generation is over.
    pub(super) fn left(&self, generation: u64) -> impl Future<Output = ()> + Send + 'static {
        let mut state = self.state.clone();
        async move {
            let is_over = |state: &State| !state.is_up(generation);
            // Nobody keeps it any more: then it is over, too.
            drop(state.wait_for(is_over).await);
        }
    }

    fn judge<T>(
        &self,
        live: &Live,
        answer: Result<Result<T, RedisError>, tokio::time::error::Elapsed>,
    ) -> Result<T, Unavailable> {
        let error = match answer {
            Ok(Ok(answer)) => return self.is_in_force(live).map(|()| answer),
            Ok(Err(error)) => error,
            Err(_) => {
                self.lose(live, "has not answered in time".to_owned());
                return Err(not_in_time(&live.address.to_string()));
            }
        };
        let reason = told(&error);
        if is_lost(&error) {
            self.lose(live, reason.clone());
        }
        Err(Unavailable { reason: format!("{}: {reason}", live.address) })
    }

    /// What a server that was left has answered may be of another history.
    fn is_in_force(&self, live: &Live) -> Result<(), Unavailable> {
        if self.state.borrow().is_up(live.generation) {
            return Ok(());
        }
        let reason = format!("{} was left before it answered", live.address);
        Err(Unavailable { reason })
    }

    fn lose(&self, live: &Live, reason: String) {
        let lost = Lost { generation: live.generation, reason };
        let _full_is_told_already = self.lost.try_send(lost);
    }
}

/// For as long as the store is open.
async fn keep(servers: Servers, states: watch::Sender<State>, mut lost: mpsc::Receiver<Lost>) {
    let mut failures = 0;
    let mut known_as_down = false;
    let mut notes = Vec::new();
    for generation in 0.. {
        match timeout(CONNECT, servers.connect(generation)).await {
            Ok(Ok(live)) => {
                log::info("connected to the store", |line| {
                    line.field("server", live.address.to_string());
                });
                known_as_down = false;
                let (began, address) = (Instant::now(), live.address.clone());
                states.send_replace(State::Up(Box::new(live.clone())));
                let telling = notes::tell(live.changes.clone(), servers.expected(), &mut notes);
                let reason = tokio::select! {
                    reason = servers.replaced(&address) => reason,
                    reason = over(live, &mut lost) => reason,
                    never = async { telling.await; std::future::pending().await } => never,
                };
                log::warn("the connection to the store is lost", |line| {
                    line.field("server", address.to_string()).field("error", reason);
                });
                states.send_replace(State::Connecting);
                failures = if began.elapsed() < LASTING { failures + 1 } else { 0 };
            }
            Ok(Err(trouble)) => {
                down(&states, trouble, &mut known_as_down);
                failures += 1;
            }
            Err(_) => {
                let trouble = Trouble::passing(format!("{servers}: no connection in time"));
                down(&states, trouble, &mut known_as_down);
                failures += 1;
            }
        }
        sleep(backoff(failures)).await;
    }
}

/// One line for as long as it lasts.
fn down(states: &watch::Sender<State>, trouble: Trouble, known: &mut bool) {
    if !std::mem::replace(known, true) {
        log::error("the store cannot be reached", |line| {
            line.field("error", trouble.reason.clone());
        });
    }
    states.send_replace(State::Down(trouble));
}

/// At once after the first failure; then longer and longer, and not all replicas at the same time.
fn backoff(failures: u32) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let most = Duration::from_millis(25).saturating_mul(1 << failures.min(10)).min(BACKOFF_MAX);
    most.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Waits until a generation is over, and says why. A connection that is cut off on the way is found by a ping.
async fn over(live: Live, lost: &mut mpsc::Receiver<Lost>) -> String {
    let Live { generation, lookups, changes, waits, .. } = live;
    let told = async {
        loop {
            match lost.recv().await {
                Some(lost) if lost.generation == generation => return lost.reason,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        reason = told => reason,
        reason = silent(lookups, PING) => reason,
        reason = silent(changes, PING) => reason,
        reason = silent_waits(waits) => reason,
    }
}

async fn silent_waits(connection: Option<MultiplexedConnection>) -> String {
    match connection {
        // A ping stands behind those who wait for replicas.
        Some(connection) => silent(connection, ANSWER_SLOW).await,
        None => std::future::pending().await,
    }
}

/// Ends when a ping was not answered.
async fn silent(mut connection: MultiplexedConnection, patience: Duration) -> String {
    let mut beat = interval(PING);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        match timeout(patience, redis::cmd("PING").query_async::<Value>(&mut connection)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return told(&error),
            Err(_) => return "a ping was not answered".to_owned(),
        }
    }
}

/// Whether another connection, perhaps to another server, is needed.
fn is_lost(error: &RedisError) -> bool {
    let left = [
        ServerErrorKind::ReadOnly,
        ServerErrorKind::MasterDown,
        ServerErrorKind::BusyLoading,
        ServerErrorKind::Moved,
        ServerErrorKind::Ask,
        ServerErrorKind::ClusterDown,
    ];
    let is_left = left.into_iter().any(|kind| error.kind() == redis::ErrorKind::Server(kind));
    is_left || error.is_io_error() || error.is_unrecoverable_error() || error.is_timeout()
}

/// No error of a server holds a password; those of the parser of URLs, which might, do not occur here.
pub(super) fn told(error: &RedisError) -> String {
    error.to_string()
}

fn not_in_time(what: &str) -> Unavailable {
    Unavailable { reason: format!("{what}: no answer in time") }
}
