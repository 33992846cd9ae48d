//! The configuration's life: it is read anew when a file changes, on SIGHUP, or when the admin API asks; judged whole; and put
//! in force in one step, or refused with everything that is wrong. Then what was in force stays.
//!
//! One thread does all of it, one thing after the other, so that a large configuration delays no request, no look-up and no probe.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use decision::config::{Compiled, Problem, Refusal, load};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::generation::{Generation, Generations};
use crate::metrics::Metrics;
use crate::source::Files;
use crate::source::reading::{Reader, Reading};
use crate::source::watch::{POLL, Watch};
use crate::upstream::resolve;
use crate::{clock, log};

/// Questions that wait for the thread.
const QUEUE: usize = 16;
/// How long new names may keep a good configuration waiting for their first addresses.
const FIRST_NAMES: Duration = Duration::from_secs(2);

/// Who wants a reload.
#[derive(Clone, Copy, Debug)]
pub enum Cause {
    File,
    Signal,
    Admin,
}

impl Cause {
    const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Signal => "signal",
            Self::Admin => "admin",
        }
    }
}

/// What became of a reload. `Ok` has the generation that is in force.
pub type Reloaded = Result<InForce, Refused>;

#[derive(Debug)]
pub struct InForce {
    pub generation: u64,
    /// It was not before.
    pub changed: bool,
    pub warnings: Vec<Problem>,
}

/// Why a configuration is not put in force.
#[derive(Debug)]
pub struct Refused {
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// What of it only a restart can change. Without a problem there is at least one.
    pub restart: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

impl Refused {
    pub const fn reason(&self) -> Reason {
        if self.problems.is_empty() { Reason::RestartRequired } else { Reason::Invalid }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Invalid,
    /// It is good, and changes what is read once, at start.
    RestartRequired,
}

impl Reason {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::RestartRequired => "restart_required",
        }
    }
}

/// How a configuration compares with the one in force.
#[derive(Debug)]
pub struct Checked {
    /// The generation that it was compared with.
    pub generation: u64,
    /// It says something else than the one in force.
    pub changed: bool,
    pub verdict: Result<(), Refused>,
    pub warnings: Vec<Problem>,
}

/// What the thread is asked.
enum Question {
    Reload {
        cause: Cause,
        answer: oneshot::Sender<Reloaded>,
    },
    /// Of these files, as if they stood where those in force do; or of the files themselves.
    Check {
        files: Option<Vec<(String, String)>>,
        answer: oneshot::Sender<Checked>,
    },
}

/// A handle to the thread.
#[derive(Clone, Debug)]
pub struct Reloader {
    questions: SyncSender<Question>,
    root: Arc<Path>,
}

/// Too many questions wait.
#[derive(Clone, Copy, Debug)]
pub struct Busy;

impl Reloader {
    /// Starts the thread. It ends when every handle is gone.
    ///
    /// `reading`: what the generation in force was made of.
    pub fn start(
        reading: Reading,
        generations: Arc<Generations>,
        metrics: Arc<Metrics>,
        runtime: Handle,
    ) -> std::io::Result<Self> {
        let (questions, inbox) = sync_channel(QUEUE);
        let root = reading.root().into();
        let watch = Watch::new(reading.clone(), clock::now());
        let life = Life { in_force: reading, watch, generations, metrics, runtime };
        std::thread::Builder::new().name("reload".to_owned()).spawn(move || life.run(&inbox))?;
        Ok(Self { questions, root })
    }

    /// Where the configuration is: a file or a folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub async fn reload(&self, cause: Cause) -> Result<Reloaded, Busy> {
        let (answer, answered) = oneshot::channel();
        self.ask(Question::Reload { cause, answer })?;
        answered.await.map_err(|_| Busy)
    }

    /// Judges `files`, or else those that a reload would read.
    pub async fn check(&self, files: Option<Vec<(String, String)>>) -> Result<Checked, Busy> {
        let (answer, answered) = oneshot::channel();
        self.ask(Question::Check { files, answer })?;
        answered.await.map_err(|_| Busy)
    }

    fn ask(&self, question: Question) -> Result<(), Busy> {
        self.questions.try_send(question).map_err(|_| Busy)
    }
}

/// What the thread holds.
struct Life {
    /// What the generation in force was made of.
    in_force: Reading,
    /// Over the files that were read last, good or not.
    watch: Watch,
    generations: Arc<Generations>,
    metrics: Arc<Metrics>,
    runtime: Handle,
}

impl Life {
    fn run(mut self, inbox: &Receiver<Question>) {
        loop {
            match inbox.recv_timeout(POLL) {
                // Whoever asked may have stopped waiting.
                Ok(Question::Reload { cause, answer }) => drop(answer.send(self.reload(cause))),
                Ok(Question::Check { files, answer }) => drop(answer.send(self.check(files))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.watch.look(clock::now()) {
                let _what_became_of_it_is_in_the_log = self.reload(Cause::File);
            }
        }
    }

    fn reload(&mut self, cause: Cause) -> Reloaded {
        let reader = self.in_force.reader();
        let before = self.generations.current();
        let judged = judge(&reader.files(), &reader, &before);
        let reading = reader.finish();
        self.watch.follow(reading.clone(), clock::now());
        let outcome = match judged {
            Ok(_) if reading.is_same(&self.in_force) => {
                self.metrics.configuration.found_good();
                Ok(InForce { generation: before.number, changed: false, warnings: Vec::new() })
            }
            Ok(compiled) => {
                self.in_force = reading;
                Ok(self.put_in_force(&before, compiled))
            }
            Err(refused) => Err(refused),
        };
        self.report(cause, &before, &outcome);
        outcome
    }

    fn put_in_force(&self, before: &Generation, compiled: Compiled) -> InForce {
        let Compiled { configuration, written, warnings } = compiled;
        let next = before.next(configuration.snapshot, written, &self.metrics);
        self.runtime.block_on(resolve::start(&next.upstreams, FIRST_NAMES));
        let generation = next.number;
        log::set_level(next.snapshot.log.level);
        self.metrics.configuration.in_force(generation, next.written.hash());
        self.generations.swap(next);
        let next = self.generations.current();
        self.metrics.forget_others(&next.snapshot, &next.meters);
        InForce { generation, changed: true, warnings }
    }

    /// Counts a reload, and logs everything that is to be said of it.
    fn report(&self, cause: Cause, before: &Generation, outcome: &Reloaded) {
        let reloads = &self.metrics.configuration.reloads;
        match outcome {
            Ok(InForce { changed: false, .. }) => {
                reloads.unchanged.inc();
                log::info("the configuration has not changed", |line| {
                    line.field("cause", cause.name()).field("generation", before.number);
                });
            }
            Ok(InForce { generation, warnings, .. }) => {
                reloads.applied.inc();
                doubtful(warnings);
                log::info("a new configuration is in force", |line| {
                    line.field("cause", cause.name()).field("generation", *generation);
                });
            }
            Err(refused) => {
                let reason = refused.reason();
                match reason {
                    Reason::Invalid => reloads.invalid.inc(),
                    Reason::RestartRequired => reloads.restart_required.inc(),
                }
                for problem in refused.problems.iter().chain(&refused.restart) {
                    log::error("a new configuration is refused", |line| {
                        line.field("cause", cause.name())
                            .field("reason", reason.name())
                            .field("problem", problem.to_string())
                            .field("generation", before.number);
                    });
                }
            }
        }
    }

    fn check(&self, given: Option<Vec<(String, String)>>) -> Checked {
        let current = self.generations.current();
        let reader = self.in_force.reader();
        let sent = given.is_some();
        let files = match given {
            Some(given) => Files::given(given, folder(self.in_force.root())),
            None => reader.files(),
        };
        let generation = current.number;
        match judge(&files, &reader, &current) {
            Ok(compiled) => {
                let changed = if sent {
                    !compiled.written.is_same(&current.written)
                } else {
                    !reader.finish().is_same(&self.in_force)
                };
                Checked { generation, changed, verdict: Ok(()), warnings: compiled.warnings }
            }
            Err(Refused { problems, restart, warnings }) => {
                let refused = Refused { problems, restart, warnings: Vec::new() };
                Checked { generation, changed: true, verdict: Err(refused), warnings }
            }
        }
    }
}

/// Compiles `files`, and compares them with what cannot change any more.
fn judge(files: &Files, reader: &Reader, running: &Generation) -> Result<Compiled, Refused> {
    match load(&files.fragments(), reader) {
        Err(refusal) => {
            let restart = refusal.needs_restart(&running.written);
            let Refusal { errors: problems, warnings, .. } = refusal;
            Err(Refused { problems, restart, warnings })
        }
        Ok(compiled) => match compiled.written.needs_restart(&running.written) {
            restart if restart.is_empty() => Ok(compiled),
            restart => Err(Refused { problems: Vec::new(), restart, warnings: compiled.warnings }),
        },
    }
}

/// Says what is doubtful about a configuration that is in force.
pub fn doubtful(warnings: &[Problem]) {
    for warning in warnings {
        log::warn("the configuration is doubtful", |line| {
            line.field("problem", warning.to_string());
        });
    }
}

/// The folder that a configuration's relative paths start at.
fn folder(root: &Path) -> PathBuf {
    if root.is_dir() {
        root.to_owned()
    } else {
        root.parent().map(Path::to_owned).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
