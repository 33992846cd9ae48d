//! A store with its log, in memory, whose every connection can fail.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use async_trait::async_trait;
use decision::facts::{Credential, Resource, Subject, SubjectKind, Timestamp};
use decision::name::Id;
use decision::secret::{Digests, Sealed};
use tokio::sync::mpsc;

use crate::clock;
use crate::store::calls::store_calls;
use crate::store::conformance::{credential, digest};
use crate::store::{
    AuditEntry, AuditFilter, Author, Begun, Change, ChangeError, ChangeKind, Changed, Changes,
    Filter, Followed, Keep, ListError, Listener, Mark, New, Page, Position, Read, Register,
    RepeatKey, Reply, Report, ResourceFilter, Rotated, SharedLog, Store, Told, Unavailable, What,
};

/// Credentials that there are.
pub(super) const CREDENTIALS: u64 = 4;

pub(super) struct World(Mutex<State>);

/// What a server holds.
#[derive(Clone)]
pub(super) struct Server {
    versions: Vec<u64>,
    head: Mark,
    log: Vec<Told>,
}

pub(super) struct State {
    server: Server,
    /// The last version that any record was given: each is one state of one record.
    newest: u64,
    /// As it was saved, perhaps.
    replica: Option<Server>,
    listeners: Vec<mpsc::UnboundedSender<Told>>,
    /// What is told as it is made is lost.
    pub(super) deaf: bool,
    /// No call is answered.
    pub(super) silent: bool,
    /// Every look into the log fails.
    pub(super) unreadable: bool,
    /// No record is found by its id.
    pub(super) gets_fail: bool,
    /// Reports that were begun.
    pub(super) reporting: usize,
    pub(super) reports: Vec<Report>,
    pub(super) follows: usize,
    pub(super) finds: usize,
    /// Records that were asked for by their id.
    pub(super) gets: usize,
    /// From when on which versions were true.
    pub(super) truth: Vec<(Instant, Vec<u64>)>,
}

impl World {
    pub(super) fn new() -> Arc<Self> {
        let versions = vec![1; CREDENTIALS as usize];
        let server = Server { versions: versions.clone(), head: mark(10), log: Vec::new() };
        Arc::new(Self(Mutex::new(State {
            server,
            newest: 1,
            replica: None,
            listeners: Vec::new(),
            deaf: false,
            silent: false,
            unreadable: false,
            gets_fail: false,
            reporting: 0,
            reports: Vec::new(),
            follows: 0,
            finds: 0,
            gets: 0,
            truth: vec![(clock::now(), versions)],
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Waits for as long as no call is answered.
    async fn answers(&self) {
        while self.state().silent {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

fn mark(position: u64) -> Mark {
    Mark { position: Position(position), link: fastrand::u64(1..) }
}

/// The credential at a version.
pub(super) fn at_version(number: u64, version: u64) -> Credential {
    Credential { version, ..credential(&format!("crd_{number}")) }
}

impl State {
    pub(super) fn version(&self, number: u64) -> u64 {
        self.server.versions[number as usize]
    }

    pub(super) fn head(&self) -> Mark {
        self.server.head
    }

    pub(super) fn listeners(&mut self) -> usize {
        self.listeners.retain(|listener| !listener.is_closed());
        self.listeners.len()
    }

    /// A change, made by some replica.
    pub(super) fn change(&mut self, number: u64) -> Change {
        self.newest += 1;
        let version = self.newest;
        self.server.versions[number as usize] = version;
        let before = self.server.head;
        self.server.head = mark(before.position.0 + 1);
        let record = at_version(number, version);
        let what = What::Credential {
            api: record.api.clone(),
            id: record.id.clone(),
            digest: digest(number),
            now: Some(Arc::new(record)),
        };
        let position = self.server.head.position;
        let change = Change { position, kind: ChangeKind::Updated, what };
        let told = Told { before, mark: self.server.head, change: change.clone() };
        self.server.log.push(told.clone());
        if !self.deaf {
            self.listeners.retain(|listener| listener.send(told.clone()).is_ok());
        }
        self.note();
        change
    }

    fn note(&mut self) {
        self.truth.push((clock::now(), self.server.versions.clone()));
    }

    /// Every connection that hears of changes is lost.
    pub(super) fn cut(&mut self) {
        self.listeners.clear();
    }

    /// The log forgets everything.
    pub(super) fn trim(&mut self) {
        self.server.log.clear();
    }

    /// Another log begins, in which nothing was changed yet.
    pub(super) fn begin_at_nothing(&mut self) {
        self.server.head = Mark { position: Position(0), link: 0 };
        self.server.log.clear();
    }

    /// The log has the last change but one no more.
    pub(super) fn make_a_hole(&mut self) {
        let before_last = self.server.log.len() - 2;
        self.server.log.remove(before_last);
    }

    /// A replica has everything up to now.
    pub(super) fn replicate(&mut self) {
        self.replica = Some(self.server.clone());
    }

    /// The replica takes over, with what it has; later changes are lost, and others take their places.
    pub(super) fn fail_over(&mut self) {
        if let Some(replica) = &self.replica {
            self.server = replica.clone();
            self.note();
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

struct Ear(mpsc::UnboundedReceiver<Told>);

#[async_trait]
impl Listener for Ear {
    async fn next(&mut self) -> Result<Told, Unavailable> {
        self.0.recv().await.ok_or_else(nobody)
    }
}

#[async_trait]
impl SharedLog for World {
    async fn report(&self, report: &Report) -> Result<Mark, Unavailable> {
        self.state().reporting += 1;
        self.answers().await;
        let mut state = self.state();
        state.reports.push(report.clone());
        Ok(state.head())
    }

    async fn leave(&self, _instance: &str) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn follow(&self, after: Mark, limit: usize) -> Result<Followed, Unavailable> {
        self.answers().await;
        let mut state = self.state();
        state.follows += 1;
        if state.unreadable {
            return Err(nobody());
        }
        let (head, log) = (state.head(), &state.server.log);
        let from = match log.iter().position(|told| told.mark == after) {
            Some(at) => at + 1,
            None if after == head => log.len(),
            None if log.first().is_some_and(|first| first.before == after) => 0,
            None => return Ok(Followed::Broken { head }),
        };
        let items = log[from..].iter().take(limit).cloned().collect();
        Ok(Followed::Entries { items, head })
    }

    async fn listen(&self) -> Result<Box<dyn Listener>, Unavailable> {
        self.answers().await;
        let (teller, told) = mpsc::unbounded_channel();
        self.state().listeners.push(teller);
        Ok(Box::new(Ear(told)))
    }

    async fn register(&self) -> Result<Register, Unavailable> {
        Err(nobody())
    }
}

impl World {
    async fn find_now(&self, digests: &Digests) -> Result<Read<Option<Credential>>, Unavailable> {
        self.answers().await;
        let mut state = self.state();
        state.finds += 1;
        let number = (0..CREDENTIALS).find(|number| digests.current == digest(*number));
        let value = number.map(|number| at_version(number, state.version(number)));
        Ok(Read { value, position: state.head().position })
    }

    async fn get_now(&self, id: &Id) -> Result<Option<Credential>, Unavailable> {
        self.answers().await;
        let mut state = self.state();
        state.gets += 1;
        if state.gets_fail {
            return Err(nobody());
        }
        let credentials = (0..CREDENTIALS).map(|number| at_version(number, state.version(number)));
        Ok(credentials.into_iter().find(|credential| credential.id == *id))
    }

    /// There are neither subjects nor resources.
    async fn none_now<T>(&self) -> Result<Read<Option<T>>, Unavailable> {
        self.answers().await;
        Ok(Read { value: None, position: self.state().head().position })
    }
}

fn nobody() -> Unavailable {
    Unavailable { reason: "nobody is there".into() }
}

macro_rules! one {
    (find, $world:ident, $api:ident $digests:ident) => {{
        let _unused = $api;
        $world.find_now($digests).await
    }};
    (get, $world:ident, $id:ident) => {
        $world.get_now($id).await
    };
    (subject, $world:ident, $realm:ident $id:ident) => {{
        let _unused = ($realm, $id);
        $world.none_now().await
    }};
    (resource, $world:ident, $realm:ident $id:ident) => {{
        let _unused = ($realm, $id);
        $world.none_now().await
    }};
    ($other:ident, $world:ident, $($argument:ident)*) => {{
        let _unused = ($world, $($argument,)*);
        Err(nobody().into())
    }};
}

macro_rules! world {
    ($($call:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Store for World {
            $(async fn $call(&self, $($argument: $type),*) -> $answer {
                let world = self;
                one!($call, world, $($argument)*)
            })*
        }
    };
}
store_calls!(world);
