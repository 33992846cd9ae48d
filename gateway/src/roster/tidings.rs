//! What has become of records, and who under way has to hear of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use decision::facts::{Credential, FactKey, Resource, Subject};
use decision::name::Id;
use decision::standing::{News, Standing};

use super::{TABLE, Tenure};
use crate::clock;
use crate::store::{Change, Position, What};

/// Beyond so many, who has to hear of what is looked up and not tried.
const FEW: usize = 4;

/// A record as it was at a position.
#[derive(Clone, Debug)]
pub struct Tidings {
    pub position: Position,
    pub record: Record,
}

/// Which record, and what it is now. `None`: there is none.
#[derive(Clone, Debug)]
pub enum Record {
    /// By its id: what it is found by changes with the pepper, and replicas that do not have the same one name it differently.
    Credential(Id, Option<Arc<Credential>>),
    Subject(FactKey, Option<Arc<Subject>>),
    Resource(FactKey, Option<Arc<Resource>>),
}

/// What tells a record from every other.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Name {
    Credential(Id),
    Other(FactKey),
}

impl Tidings {
    /// `key` is that of the fact that was changed.
    pub fn of(key: FactKey, change: &Change) -> Self {
        let record = match &change.what {
            What::Credential { id, now, .. } => Record::Credential(id.clone(), now.clone()),
            What::Subject { now, .. } => Record::Subject(key, now.clone()),
            What::Resource { now, .. } => Record::Resource(key, now.clone()),
        };
        Self { position: change.position, record }
    }

    pub(super) fn name(&self) -> Name {
        match &self.record {
            Record::Credential(id, _) => Name::Credential(id.clone()),
            Record::Subject(key, _) | Record::Resource(key, _) => Name::Other(*key),
        }
    }

    pub(super) fn news(&self) -> News<'_> {
        match &self.record {
            Record::Credential(_, now) => News::Credential(now.as_deref()),
            Record::Subject(_, now) => News::Subject(now.as_deref()),
            Record::Resource(_, now) => News::Org(now.as_deref()),
        }
    }
}

/// The records that requests under way were let in on, each once, with the api that it was for.
#[derive(Debug, Default)]
pub struct Basis {
    pub credentials: HashSet<Id>,
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
        self.credentials.insert(credential.id.clone());
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
    TABLE.with_borrow_mut(|table| {
        let busy = table.iter_mut().map(|(_, entry)| entry).filter(|entry| entry.busy);
        if tidings.len() <= FEW {
            busy.for_each(|entry| tidings.iter().for_each(|one| entry.hear(one, now)));
            return;
        }
        let mut by_name: HashMap<Name, Vec<&Tidings>> = HashMap::new();
        tidings.iter().for_each(|one| by_name.entry(one.name()).or_default().push(one));
        for entry in busy {
            let Some(names) = entry.tenure.as_ref().map(Tenure::names) else { continue };
            let concerned = names.iter().flatten().filter_map(|name| by_name.get(name)).flatten();
            concerned.for_each(|one| entry.hear(one, now));
        }
    });
}

/// Positions begin anew: whatever is told from now on is later than what those under way know. Gives what they rest on.
pub fn begin_anew() -> Basis {
    TABLE.with_borrow_mut(|table| {
        for tenure in table.iter_mut().filter_map(|(_, entry)| entry.tenure.as_mut()) {
            tenure.known = [None; 3];
        }
    });
    basis()
}

/// What the requests under way rest on.
pub fn basis() -> Basis {
    let mut basis = Basis::default();
    TABLE.with_borrow(|table| {
        for tenure in table.iter().filter_map(|(_, entry)| entry.tenure.as_ref()) {
            basis.add(&tenure.standing);
        }
    });
    basis
}

impl Tenure {
    /// Those of the records that it rests on.
    fn names(&self) -> [Option<Name>; 3] {
        let Self { standing, .. } = self;
        let credential = Name::Credential(standing.fact().credential.id.clone());
        let [subject, org] = [Some(standing.subject()), standing.org()];
        [Some(credential), subject.copied().map(Name::Other), org.copied().map(Name::Other)]
    }
}
