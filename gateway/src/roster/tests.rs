use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use decision::config::snapshot::Snapshot;
use decision::config::{Fragment, load};
use decision::decide::{Step, ask};
use decision::facts::{
    Credential, Fact, Known, Lookup, Resource, Subject, SubjectKind, SubjectState,
};
use decision::name::Id;
use decision::request::{Field, Framing, Protocol, RequestHead};
use decision::secret::Pepper;

use super::*;
use crate::source::Surroundings;
use crate::store::conformance::{credential, id};

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

fn suspended(name: &Id) -> Subject {
    Subject {
        id: name.clone(),
        kind: SubjectKind::User,
        state: SubjectState::Suspended,
        admin: false,
        capabilities: std::collections::BTreeSet::new(),
        metadata: serde_json::Map::new(),
        version: 1,
    }
}

/// Tells of one record.
fn tell(key: &FactKey, position: Position, news: News<'_>) {
    super::tell(&[tidings(key, position, news)]);
}

fn tidings(key: &FactKey, position: Position, news: News<'_>) -> Tidings {
    let record = match news {
        News::Credential(now) => Record::Credential(now.cloned().map(Arc::new)),
        News::Subject(now) => Record::Subject(now.cloned().map(Arc::new)),
        News::Org(now) => Record::Resource(now.cloned().map(Arc::new)),
    };
    Tidings { key: *key, position, record }
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

#[test]
fn news_of_each_record_that_a_request_was_let_in_on_wakes_it_with_the_outcome_of_a_new_one() {
    let subject = suspended(&id("user_1"));
    let bound = || Bound::new(lasting(HOUR));
    let own = bound().standing;
    let cases = [
        (own.credential(), News::Credential(None), Outcome::CredentialUnknown),
        (own.subject(), News::Subject(Some(&subject)), Outcome::SubjectSuspended),
    ];
    for (key, news, outcome) in cases {
        let bound = bound();
        tell(key, Position(11), news);
        assert_eq!((bound.woken(), bound.cut()), (1, Some(outcome)));
    }
}

#[test]
fn news_of_other_records_and_what_a_request_knew_already_are_none_of_its_business() {
    let bound = Bound::new(lasting(HOUR));
    let (own, gone) = (&bound.standing, News::Credential(None));
    let subject = suspended(&id("user_1"));
    tell(own.subject(), Position(11), gone);
    tell(own.credential(), Position(11), News::Subject(Some(&subject)));
    tell(&FactKey::subject(&[0; 32], &id("user_1")), Position(11), News::Subject(Some(&subject)));
    for old in [1, 9, 10] {
        tell(own.credential(), Position(old), gone);
        tell(own.subject(), Position(old), News::Subject(Some(&subject)));
    }
    assert_eq!((bound.woken(), bound.cut()), (0, None));
    tell(own.credential(), Position(11), gone);
    assert_eq!(bound.cut(), Some(Outcome::CredentialUnknown));
}

/// Two changes that are told in the wrong order: what came first is not what holds.
#[test]
fn an_older_change_that_is_told_later_ends_nothing() {
    let bound = Bound::new(lasting(HOUR));
    let key = bound.standing.credential();
    let (good, disabled) = (lasting(HOUR), Credential { disabled: true, ..lasting(HOUR) });
    tell(key, Position(12), News::Credential(Some(&good)));
    tell(key, Position(11), News::Credential(Some(&disabled)));
    assert_eq!(bound.cut(), None);
    tell(key, Position(13), News::Credential(Some(&disabled)));
    assert_eq!(bound.cut(), Some(Outcome::CredentialDisabled));
}

#[test]
fn a_request_that_is_over_hears_nothing_and_the_next_on_its_connection_begins_anew() {
    let bound = Bound::new(lasting(HOUR));
    bound.seat.vacate();
    tell(bound.standing.credential(), Position(11), News::Credential(None));
    assert_eq!((bound.cut(), bound.left()), (None, None));
    bound.seat.occupy();
    tell(bound.standing.credential(), Position(12), News::Credential(None));
    assert_eq!(bound.cut(), None, "nobody's yet");
    bound.seat.bind(bound.standing.clone(), |_| Position(10));
    tell(bound.standing.credential(), Position(11), News::Credential(None));
    assert_eq!(bound.cut(), Some(Outcome::CredentialUnknown));
}

#[test]
fn a_request_ends_when_its_credential_does_and_is_woken_when_that_moves() {
    let bound = Bound::new(lasting(HOUR));
    let left = bound.left().unwrap();
    assert!(left > Duration::from_mins(59) && left <= Duration::from_hours(1), "{left:?}");
    let sooner = lasting(HOUR / 2);
    tell(bound.standing.credential(), Position(11), News::Credential(Some(&sooner)));
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
    let bounds: Vec<_> = (0..3).map(|_| Bound::new(lasting(HOUR))).collect();
    let own = bounds[0].standing.clone();
    let (good, disabled) = (lasting(HOUR), Credential { disabled: true, ..lasting(HOUR) });
    let foreign = |number: u64| {
        let key = FactKey::subject(&[0; 32], &id(&format!("user_{number}")));
        tidings(&key, Position(11), News::Credential(None))
    };
    let of = |position, credential| {
        tidings(own.credential(), Position(position), News::Credential(Some(credential)))
    };
    let mut many: Vec<_> = (0..100).map(foreign).collect();
    many.push(of(11, &disabled));
    super::tell(&(0..100).map(foreign).collect::<Vec<_>>());
    assert!(bounds.iter().all(|bound| (bound.woken(), bound.cut()) == (0, None)));
    super::tell(&many);
    assert!(bounds.iter().all(|bound| bound.cut() == Some(Outcome::CredentialDisabled)));
    let late = Bound::new(lasting(HOUR));
    many.truncate(100);
    many.extend([of(12, &good), of(11, &disabled)]);
    super::tell(&many);
    assert_eq!(late.cut(), None, "what came first is not what holds");
}

#[test]
fn when_positions_begin_anew_lower_ones_are_heard_and_what_requests_rest_on_is_named_once() {
    let bounds: Vec<_> = (0..3).map(|_| Bound::new(lasting(HOUR))).collect();
    let own = bounds[0].standing.clone();
    tell(own.credential(), Position(3), News::Credential(None));
    assert!(bounds.iter().all(|bound| bound.cut().is_none()));
    let basis = begin_anew();
    let of_app = |name: &str| ("app".to_owned(), id(name));
    assert_eq!(basis.credentials, [(*own.credential(), id("crd_1"))].into());
    assert_eq!(basis.subjects, [(*own.subject(), of_app("user_1"))].into());
    assert_eq!(basis.orgs, [(*own.org().unwrap(), of_app("org_1"))].into());
    tell(own.credential(), Position(3), News::Credential(None));
    assert!(bounds.iter().all(|bound| bound.cut() == Some(Outcome::CredentialUnknown)));
}
