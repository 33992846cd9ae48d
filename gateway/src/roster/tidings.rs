//! What has become of records, and who under way has to hear of it.

use std::collections::HashMap;
use std::sync::Arc;

use decision::facts::{Credential, FactKey, Resource, Subject};
use decision::name::Id;
use decision::standing::{News, Standing};

use super::{Entry, TABLE, Tenure};
use crate::clock;
use crate::store::{Change, Position, What};

/// Beyond so many, who has to hear of what is looked up and not tried.
const FEW: usize = 4;

/// A record as it was at a position.
#[derive(Clone, Debug)]
pub struct Tidings {
    pub key: FactKey,
    pub position: Position,
    pub record: Record,
}

/// `None`: there is none.
#[derive(Clone, Debug)]
pub enum Record {
    Credential(Option<Arc<Credential>>),
    Subject(Option<Arc<Subject>>),
    Resource(Option<Arc<Resource>>),
}

impl Tidings {
    /// `key` is that of the record that was changed.
    pub fn of(key: FactKey, change: &Change) -> Self {
        let record = match &change.what {
            What::Credential { now, .. } => Record::Credential(now.clone()),
            What::Subject { now, .. } => Record::Subject(now.clone()),
            What::Resource { now, .. } => Record::Resource(now.clone()),
        };
        Self { key, position: change.position, record }
    }

    fn news(&self) -> News<'_> {
        match &self.record {
            Record::Credential(now) => News::Credential(now.as_deref()),
            Record::Subject(now) => News::Subject(now.as_deref()),
            Record::Resource(now) => News::Org(now.as_deref()),
        }
    }
}

/// The records that requests under way were let in on, each once, with the api that it was for.
#[derive(Debug, Default)]
pub struct Basis {
    pub credentials: HashMap<FactKey, Id>,
    pub subjects: HashMap<FactKey, (String, Id)>,
    pub orgs: HashMap<FactKey, (String, Id)>,
}

impl Basis {
    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.credentials.extend(other.credentials);
        self.subjects.extend(other.subjects);
        self.orgs.extend(other.orgs);
        self
    }

    fn add(&mut self, standing: &Standing) {
        let credential = &standing.fact().credential;
        self.credentials.entry(*standing.credential()).or_insert_with(|| credential.id.clone());
        self.subjects
            .entry(*standing.subject())
            .or_insert_with(|| (credential.api.clone(), credential.subject.clone()));
        if let (Some(key), Some(id)) = (standing.org(), standing.org_id()) {
            self.orgs.entry(*key).or_insert_with(|| (credential.api.clone(), id.clone()));
        }
    }
}

/// Tells those under way what has become of records; those of one record in the order of what has become of it.
pub fn tell(tidings: &[Tidings]) {
    let now = clock::wall();
    let hear =
        |entry: &mut Entry, one: &Tidings| entry.hear(&one.key, one.position, one.news(), now);
    TABLE.with_borrow_mut(|table| {
        let busy = table.iter_mut().map(|(_, entry)| entry).filter(|entry| entry.busy);
        if tidings.len() <= FEW {
            busy.for_each(|entry| tidings.iter().for_each(|one| hear(entry, one)));
            return;
        }
        let mut by_key: HashMap<&FactKey, Vec<&Tidings>> = HashMap::new();
        tidings.iter().for_each(|one| by_key.entry(&one.key).or_default().push(one));
        for entry in busy {
            let Some(keys) = entry.tenure.as_ref().map(Tenure::keys) else { continue };
            let concerned = keys.iter().flatten().filter_map(|key| by_key.get(key)).flatten();
            concerned.for_each(|one| hear(entry, one));
        }
    });
}

/// Positions begin anew: whatever is told from now on is later than what those under way know. Gives what they rest on.
pub fn begin_anew() -> Basis {
    let mut basis = Basis::default();
    TABLE.with_borrow_mut(|table| {
        for tenure in table.iter_mut().filter_map(|(_, entry)| entry.tenure.as_mut()) {
            tenure.known = [Position(0); 3];
            basis.add(&tenure.standing);
        }
    });
    basis
}

impl Tenure {
    /// Those of the records that it rests on.
    fn keys(&self) -> [Option<FactKey>; 3] {
        let Self { standing, .. } = self;
        [Some(*standing.credential()), Some(*standing.subject()), standing.org().copied()]
    }
}
