use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use decision::config::snapshot::Snapshot;
use decision::config::{Fragment, load};
use decision::decide::{Step, ask};
use decision::facts::{
    Credential, Fact, Known, Lookup, Resource, Subject, SubjectKind, SubjectState,
};
use decision::request::{Field, Framing, Protocol, RequestHead};
use decision::secret::Pepper;

use super::*;
use crate::facts::key_of;
use crate::source::Surroundings;
use crate::store::conformance::{credential, digest, id};
use crate::store::{Change, ChangeKind, What};

const HOUR: i64 = 60 * 60 * 1000;

/// Whoever comes, this is the credential; of everything else there is no record.
struct One(Credential);

impl Known for One {
    fn credential(&self, _: &FactKey) -> Option<Lookup<Fact>> {
        Some(Lookup::Found(Arc::new(Fact::new(self.0.clone()))))
    }

    fn subject(&self, _: &FactKey) -> Option<Lookup<Subject>> {
        Some(Lookup::Unknown)
    }

    fn resource(&self, _: &FactKey) -> Option<Lookup<Resource>> {
        Some(Lookup::Unknown)
    }
}

fn snapshot() -> Snapshot {
    let text = "upstreams: { app: [127.0.0.1:9] }\n\
                apis: [{ name: app, upstream: app, schemes: [{ name: key, prefix: ak_ }] }]";
    load(&[Fragment::new("test.yaml", text)], &Surroundings).unwrap().configuration.snapshot
}

/// What a request with this credential is let in on.
pub(crate) fn standing(credential: Credential) -> Standing {
    let (snapshot, known) = (snapshot(), One(credential));
    let pepper = Pepper::new(&"x".repeat(32).into()).unwrap();
    let fields = [Field { name: "x-api-key", value: b"ak_1" }];
    let head = RequestHead {
        protocol: Protocol::Http11,
        method: "GET",
        path: "/",
        query: None,
        host: "app.test",
        fields: &fields,
        framing: Framing::None,
        listener: 0,
        peer: [127, 0, 0, 1].into(),
        trusted_proxies: &[],
    };
    let question = ask(&snapshot, &pepper.into(), &head).unwrap();
    let Step::Ready(authenticated) = question.authenticate(&known, clock::wall()).unwrap() else {
        panic!("something is wanted")
    };
    let Step::Ready(permit) = question.authorize(authenticated, &known).unwrap() else {
        panic!("something is wanted")
    };
    Standing::of(&permit).unwrap()
}

/// The credential `crd_1`, of a subject and an organisation, good for this long.
fn lasting(milliseconds: i64) -> Credential {
    Credential {
        org: Some(id("org_1")),
        expires_at: Some(Timestamp(clock::wall().0 + milliseconds)),
        ..credential("crd_1")
    }
}

fn disabled() -> Credential {
    Credential { disabled: true, ..lasting(HOUR) }
}

fn suspended() -> Arc<Subject> {
    Arc::new(Subject {
        id: id("user_1"),
        kind: SubjectKind::User,
        state: SubjectState::Suspended,
        admin: false,
        capabilities: std::collections::BTreeSet::new(),
        metadata: serde_json::Map::new(),
        version: 1,
    })
}

/// Tells of one record.
fn tell(position: u64, record: Record) {
    super::tell(&[Tidings { position: Position(position), record }]);
}

/// What has become of the credential of every request here.
fn own(now: Option<Credential>) -> Record {
    Record::Credential(id("crd_1"), now.map(Arc::new))
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A seat whose request was let in at position 10, and a count of how often it was woken.
struct Bound {
    seat: Seat,
    standing: Standing,
    woken: Arc<Woken>,
}

impl Bound {
    fn new(credential: Credential) -> Self {
        let (seat, standing) = (Seat::new(), standing(credential));
        seat.occupy();
        seat.bind(standing.clone(), |_| Position(10));
        let bound = Self { seat, standing, woken: Arc::default() };
        assert_eq!(bound.cut(), None);
        bound
    }

    /// What the request finds that looks, and is woken from then on.
    fn cut(&self) -> Option<Outcome> {
        let waker = Waker::from(self.woken.clone());
        match self.seat.poll_cut(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }

    fn woken(&self) -> usize {
        self.woken.0.load(Ordering::SeqCst)
    }

    fn left(&self) -> Option<Duration> {
        let now = clock::now();
        self.seat.ends_at(now).map(|at| at.saturating_duration_since(now))
    }
}

/// One whose credential is good for an hour.
fn bound() -> Bound {
    Bound::new(lasting(HOUR))
}

#[test]
fn news_of_each_record_that_a_request_was_let_in_on_wakes_it_with_the_outcome_of_a_new_one() {
    let suspended = Record::Subject(*bound().standing.subject(), Some(suspended()));
    let cases = [(own(None), Outcome::CredentialUnknown), (suspended, Outcome::SubjectSuspended)];
    for (record, outcome) in cases {
        let bound = bound();
        tell(11, record);
        assert_eq!((bound.woken(), bound.cut()), (1, Some(outcome)));
    }
}

/// Replicas whose peppers are not the same yet find a credential by different digests.
#[test]
fn a_change_of_the_credential_ends_a_request_whatever_it_is_found_by() {
    let change = |digest| {
        let name = id("crd_1");
        let what = What::Credential { api: "app".into(), id: name, digest, now: None };
        let change = Change { position: Position(11), kind: ChangeKind::Deleted, what };
        Tidings::of(key_of(&change.what), &change)
    };
    let bound = bound();
    super::tell(&[change(digest(7))]);
    assert_eq!(bound.cut(), Some(Outcome::CredentialUnknown));
}

#[test]
fn news_of_other_records_and_what_a_request_knew_already_are_none_of_its_business() {
    let bound = bound();
    let subject = *bound.standing.subject();
    let of_subject = |key| Record::Subject(key, Some(suspended()));
    tell(11, Record::Credential(id("crd_2"), None));
    tell(11, of_subject(FactKey::subject(&[0; 32], &id("user_1"))));
    tell(11, of_subject(*bound.standing.credential()));
    for old in [1, 9, 10] {
        tell(old, own(None));
        tell(old, of_subject(subject));
    }
    assert_eq!((bound.woken(), bound.cut()), (0, None));
    tell(11, own(None));
    assert_eq!(bound.cut(), Some(Outcome::CredentialUnknown));
}

/// Two changes that are told in the wrong order: what came first is not what holds.
#[test]
fn an_older_change_that_is_told_later_ends_nothing() {
    let bound = bound();
    tell(12, own(Some(lasting(HOUR))));
    tell(11, own(Some(disabled())));
    assert_eq!(bound.cut(), None);
    tell(13, own(Some(disabled())));
    assert_eq!(bound.cut(), Some(Outcome::CredentialDisabled));
}

#[test]
fn a_request_that_is_over_hears_nothing_and_the_next_on_its_connection_begins_anew() {
    let bound = bound();
    bound.seat.vacate();
    tell(11, own(None));
    assert_eq!((bound.cut(), bound.left()), (None, None));
    bound.seat.occupy();
    tell(12, own(None));
    assert_eq!(bound.cut(), None, "nobody's yet");
    bound.seat.bind(bound.standing.clone(), |_| Position(10));
    tell(11, own(None));
    assert_eq!(bound.cut(), Some(Outcome::CredentialUnknown));
}

#[test]
fn a_request_ends_when_its_credential_does_and_is_woken_when_that_moves() {
    let bound = bound();
    let left = bound.left().unwrap();
    assert!(left > Duration::from_mins(59) && left <= Duration::from_hours(1), "{left:?}");
    tell(11, own(Some(lasting(HOUR / 2))));
    assert_eq!((bound.woken(), bound.cut()), (1, None));
    assert!(bound.left().unwrap() <= Duration::from_mins(30));
    assert!(!bound.seat.has_expired(clock::now()));
    assert!(Bound::new(Credential { expires_at: None, ..lasting(0) }).left().is_none());
}

/// Sets when the timers of this thread's one request run out.
fn set_timer(at: Instant) {
    TABLE.with_borrow_mut(|table| {
        let mut tenures = table.iter_mut().filter_map(|(_, entry)| entry.tenure.as_mut());
        tenures.next().unwrap().ends_at = Some(at);
    });
}

#[test]
fn the_wall_clock_has_the_last_word() {
    let bound = Bound::new(lasting(HOUR));
    // A timer that runs out before its time: the clock was set back meanwhile.
    set_timer(clock::now());
    assert!(!bound.seat.has_expired(clock::now()));
    assert!(bound.left().unwrap() > Duration::from_mins(59));
    look_at_the_clock();
    assert_eq!(bound.woken(), 0);
}

#[test]
fn a_request_whose_timer_did_not_run_out_is_found_by_who_looks_at_the_clock() {
    let bound = Bound::new(lasting(2000));
    let later = clock::now() + Duration::from_hours(1);
    set_timer(later);
    // Now and then, as a worker does.
    while bound.woken() == 0 {
        look_at_the_clock();
        std::thread::yield_now();
    }
    assert!(bound.seat.has_expired(clock::now()));
}

#[test]
fn of_many_tidings_a_request_hears_its_own_in_their_order() {
    let bounds: Vec<_> = (0..3).map(|_| bound()).collect();
    let foreign = |number: u64| Tidings {
        position: Position(11),
        record: Record::Credential(id(&format!("crd_foreign_{number}")), None),
    };
    let of = |position, credential| Tidings {
        position: Position(position),
        record: own(Some(credential)),
    };
    let mut many: Vec<_> = (0..100).map(foreign).collect();
    many.push(of(11, disabled()));
    super::tell(&(0..100).map(foreign).collect::<Vec<_>>());
    assert!(bounds.iter().all(|bound| (bound.woken(), bound.cut()) == (0, None)));
    super::tell(&many);
    assert!(bounds.iter().all(|bound| bound.cut() == Some(Outcome::CredentialDisabled)));
    let late = bound();
    many.truncate(100);
    many.extend([of(12, lasting(HOUR)), of(11, disabled())]);
    super::tell(&many);
    assert_eq!(late.cut(), None, "what came first is not what holds");
    let subject = Record::Subject(*late.standing.subject(), Some(suspended()));
    many.push(Tidings { position: Position(11), record: subject });
    super::tell(&many);
    assert_eq!(late.cut(), Some(Outcome::SubjectSuspended));
}

#[test]
fn when_positions_begin_anew_lower_ones_are_heard_and_what_requests_rest_on_is_named_once() {
    let bounds: Vec<_> = (0..3).map(|_| bound()).collect();
    let standing = bounds[0].standing.clone();
    tell(3, own(None));
    assert!(bounds.iter().all(|bound| bound.cut().is_none()));
    let basis = begin_anew();
    let of_app = |name: &str| ("app".to_owned(), id(name));
    assert_eq!(basis.credentials, [id("crd_1")].into());
    assert_eq!(basis.subjects, [(*standing.subject(), of_app("user_1"))].into());
    assert_eq!(basis.orgs, [(*standing.org().unwrap(), of_app("org_1"))].into());
    // A log that is empty says what there is at no position.
    tell(0, own(None));
    assert!(bounds.iter().all(|bound| bound.cut() == Some(Outcome::CredentialUnknown)));
}
