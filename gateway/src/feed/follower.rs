//! Follows the log of a store that several replicas share, and keeps the lease.
//!
//! Changes are heard of as they are made, each with its predecessor: what does not follow on what is applied shows a gap, and
//! the log has what is missing. What is not even heard of is shown by the head that each report brings back. The lease runs
//! from before a report was sent whose head is applied here; so a connection that has gone silent can hide nothing for longer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

use super::ear::{self, Heard};
use super::history::History;
use super::pace::Pace;
use super::{Feed, Running, anew};
use crate::clock;
use crate::generation::Generations;
use crate::log;
use crate::metrics::FeedMetrics;
use crate::store::{Followed, Mark, Position, Report, SharedLog, Told, Unavailable};

/// Reports in the time of a lease.
const REPORTS: u32 = 5;
/// Of a lease: how long a report, or a look into the log, may take.
const ANSWER: u32 = 3;
/// Changes that are applied at once.
const BATCH: usize = 1000;
/// Changes that were heard of and wait to be applied.
const ROOM: usize = 1024;
/// After so many reports without an answer the store is taken to be down.
const FAILURES: u32 = 2;
/// The least time between two reports, however many changes there are.
const SPACING: Duration = Duration::from_millis(5);
/// How long a worker that is busy holds up the rest, once.
const BUSY: Duration = Duration::from_millis(20);
/// So many changes, or batches of them, may wait for a worker that hangs; then nothing more is applied until it has heard.
const UNTOLD: usize = 1024;
/// What is reported until everybody under way is told of an epoch.
const NOTHING: Mark = Mark { position: Position(0), link: 0 };

/// Who reports.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Of this start of the process.
    pub instance: String,
    /// Its name.
    pub replica: String,
}

/// See the module.
#[derive(Debug)]
pub struct Follower {
    pub log: Arc<dyn SharedLog>,
    pub feed: Arc<Feed>,
    pub generations: Arc<Generations>,
    pub metrics: FeedMetrics,
    pub identity: Identity,
    pub lease: Duration,
}

impl Follower {
    /// Follows for as long as it is polled.
    pub async fn run(self) {
        let (heard, inbox) = mpsc::channel(ROOM);
        let ear = ear::listen(self.log.clone(), heard);
        tokio::join!(ear, Following::new(self).run(inbox));
    }
}

struct Following {
    follower: Follower,
    /// `None`: nothing is known yet, and so nothing is old.
    history: Option<History>,
    reporting: Option<Running<Reported>>,
    /// Reports so far.
    reports: u64,
    /// Up to here everybody under way is told: this is what is reported.
    told: Mark,
    /// What they are still being told, in its order, and the mark up to which they are then. A worker that hangs hears nothing, and
    /// lets nobody in meanwhile: the others go on.
    telling: VecDeque<(Mark, Running<()>)>,
    /// When the last report was sent.
    sent_at: Instant,
    /// When the next one is due.
    due: Instant,
    failures: u32,
    pace: Pace,
    /// Since when changes are known of that are not applied here.
    behind: Option<Instant>,
}

/// A report, and what came back.
struct Reported {
    sent_at: Instant,
    /// What was applied when it was sent.
    applied: Option<Mark>,
    serve: Duration,
    head: Result<Mark, Unavailable>,
}

impl Following {
    fn new(follower: Follower) -> Self {
        let (now, most) = (clock::now(), follower.lease / REPORTS);
        Self {
            follower,
            history: None,
            reporting: None,
            reports: 0,
            told: NOTHING,
            telling: VecDeque::new(),
            sent_at: now,
            due: now,
            failures: 0,
            pace: Pace::new(most),
            behind: None,
        }
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Heard>) {
        loop {
            tokio::select! {
                Some(heard) = inbox.recv() => self.hear(heard, &mut inbox).await,
                reported = outcome(&mut self.reporting) => {
                    self.reporting = None;
                    self.settle(reported).await;
                }
                mark = next_told(&mut self.telling) => self.are_told(mark),
                () = self.follower.feed.changed.notified() => self.report_soon(),
                () = sleep_until(self.due.into()), if self.reporting.is_none() => self.report(),
            }
            let behind = self.behind.map(|since| clock::now().saturating_duration_since(since));
            self.follower.metrics.lag.set(behind.unwrap_or_default().as_secs_f64());
        }
    }

    // --- what is heard -------------------------------------------------------------------------------------------------

    /// Takes in all that was heard by now.
    async fn hear(&mut self, heard: Heard, inbox: &mut mpsc::Receiver<Heard>) {
        let mut told = Vec::new();
        let mut next = Some(heard);
        while let Some(heard) = next {
            match heard {
                Heard::Listening => {}
                Heard::Told(one) => told.push(one),
            }
            next = if told.len() < BATCH { inbox.try_recv().ok() } else { None };
        }
        // What was told while nobody listened shows in the next report's head.
        self.report_soon();
        self.follow_on(told).await;
    }

    /// Applies what follows on what is applied; for the rest, the log is asked.
    async fn follow_on(&mut self, told: Vec<Told>) {
        let Some(history) = &self.history else { return };
        let (mut chain, mut last, mut missed) = (Vec::new(), history.applied(), None);
        for told in told {
            if missed.is_some() || told.before != last {
                let known = history.has(told.mark)
                    || chain.iter().any(|known: &Told| known.mark == told.mark);
                missed = if known { missed } else { Some(told.mark) };
            } else {
                last = told.mark;
                chain.push(told);
            }
        }
        self.apply(chain).await;
        if let Some(mark) = missed {
            self.follower.metrics.gaps.inc();
            self.catch_up(mark).await;
        }
    }

    // --- the log -------------------------------------------------------------------------------------------------------

    /// Applies changes that follow on what is applied.
    async fn apply(&mut self, chain: Vec<Told>) {
        let (Some(history), Some(last)) = (&mut self.history, chain.last()) else { return };
        let telling = self.follower.feed.apply_all(chain.iter().map(|told| &told.change));
        self.telling.push_back((last.mark, telling));
        chain.iter().for_each(|told| history.advance(told.mark));
        // Most often they hear at once, and it is reported with what was applied.
        let patience = match self.telling.len() {
            1 => BUSY,
            UNTOLD.. => Duration::MAX,
            _ => return,
        };
        if let Ok(mark) = timeout(patience, next_told(&mut self.telling)).await {
            self.are_told(mark);
        }
    }

    fn are_told(&mut self, mark: Mark) {
        self.telling.pop_front();
        self.told = mark;
        self.report_soon();
    }

    /// Applies what the log has, until `mark` is applied, or a new epoch has begun, or there is no answer: then the next report
    /// shows what is still missing.
    async fn catch_up(&mut self, mark: Mark) {
        self.behind.get_or_insert_with(clock::now);
        while let Some(history) = &self.history {
            let after = history.applied();
            let follow = self.follower.log.follow(after, BATCH);
            match timeout(self.follower.lease / ANSWER, follow).await {
                Ok(Ok(Followed::Entries { items, .. })) if items.is_empty() => return,
                Ok(Ok(Followed::Entries { items, head })) => {
                    let mut last = after;
                    let leads_on = items
                        .iter()
                        .all(|told| std::mem::replace(&mut last, told.mark) == told.before);
                    if !leads_on {
                        return self.begin_anew(head);
                    }
                    self.apply(items).await;
                    if self.history.as_ref().is_some_and(|history| history.has(mark)) {
                        return;
                    }
                }
                Ok(Ok(Followed::Broken { head })) => return self.begin_anew(head),
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// Nobody can say what was changed: everything known is old, and everybody under way is told how his records are now.
    fn begin_anew(&mut self, head: Mark) {
        if self.history.is_some() {
            log::warn("the log does not lead on: everything known is asked for anew", |line| {
                line.field("head", head.position.0);
            });
            self.follower.feed.has_lost_track();
        }
        let Follower { feed, generations, .. } = &self.follower;
        let basis = feed.begin_anew();
        let telling = anew::ask_again(feed.clone(), generations.clone(), basis, head);
        // Whoever was still being told is told by this.
        self.telling = VecDeque::from([(head, Box::pin(telling) as Running<()>)]);
        self.told = NOTHING;
        self.history = Some(History::from(head));
        self.report_soon();
    }

    // --- the lease -----------------------------------------------------------------------------------------------------

    fn report_soon(&mut self) {
        self.due = self.due.min(self.sent_at + SPACING);
    }

    fn report(&mut self) {
        self.reports += 1;
        let Follower { log, feed, generations, identity, lease, .. } = &self.follower;
        let generation = generations.current();
        let serve = generation.snapshot.longest_serve;
        feed.facts().lease().shorten(serve);
        let applied = self.history.as_ref().map(History::applied);
        let report = Report {
            instance: identity.instance.clone(),
            replica: identity.replica.clone(),
            number: self.reports,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            applied: self.told,
            lease: *lease,
            bound: lease.saturating_add(serve),
            generation: generation.number,
        };
        let (log, deadline) = (log.clone(), *lease / ANSWER);
        let sent_at = clock::now();
        self.sent_at = sent_at;
        // Whatever is applied from now on, this report does not tell of: it makes the next one due sooner.
        self.due = sent_at + *lease / REPORTS;
        self.reporting = Some(Box::pin(async move {
            let head = match timeout(deadline, log.report(&report)).await {
                Ok(head) => head,
                Err(_) => Err(Unavailable { reason: "a report had no answer in time".into() }),
            };
            Reported { sent_at, applied, serve, head }
        }));
    }

    async fn settle(&mut self, Reported { sent_at, applied, serve, head }: Reported) {
        let lease = self.follower.lease;
        let head = match head {
            Ok(head) => head,
            Err(error) => return self.has_no_answer(&error),
        };
        self.has_an_answer();
        // A head before what was applied when it was asked for: the log moved backwards. One after that may be behind what was
        // heard of meanwhile.
        let leads_on = |history: &History| {
            history.has(head) && applied.is_some_and(|applied| applied.position <= head.position)
        };
        match &self.history {
            None => self.begin_anew(head),
            Some(history) if leads_on(history) => {}
            Some(_) => self.catch_up(head).await,
        }
        if self
            .history
            .as_ref()
            .is_some_and(|history| history.applied() == head || leads_on(history))
        {
            self.behind = None;
            self.pace.reset();
            self.follower.feed.facts().lease().renew(sent_at, lease, serve);
        } else {
            self.due = clock::now() + self.pace.wait();
        }
    }

    fn has_an_answer(&mut self) {
        let Follower { feed, metrics, .. } = &self.follower;
        if std::mem::take(&mut self.failures) >= FAILURES {
            log::info("in contact with the store again", |_| {});
        }
        metrics.store_up.set(1);
        feed.facts().set_out_of_contact(false);
    }

    fn has_no_answer(&mut self, error: &Unavailable) {
        let Follower { feed, metrics, .. } = &self.follower;
        self.failures = self.failures.saturating_add(1);
        if self.failures == FAILURES {
            log::warn("out of contact with the store", |line| {
                line.field("error", error.reason.as_str());
            });
        }
        if self.failures >= FAILURES {
            metrics.store_up.set(0);
            feed.facts().set_out_of_contact(true);
        }
        self.due = clock::now() + self.pace.wait();
    }
}

/// The mark up to which everybody is told, as soon as that is so.
async fn next_told(telling: &mut VecDeque<(Mark, Running<()>)>) -> Mark {
    match telling.front_mut() {
        Some((mark, telling)) => {
            telling.await;
            *mark
        }
        None => std::future::pending().await,
    }
}

/// What comes of it; never, if there is none.
async fn outcome<T>(running: &mut Option<Running<T>>) -> T {
    match running {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}
