//! The records that a request's realm has, as far as they are known.

use std::sync::Arc;

use super::Refused;
use super::step::Stop;
use crate::config::snapshot::Api;
use crate::facts::{Fact, FactKey, Known, Level, Lookup, Resource, Subject, Wanted};
use crate::name::Id;
use crate::outcome::Outcome;

/// A realm, seen at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Realm<'k> {
    known: &'k dyn Known,
    mask: &'k [u8; 32],
}

impl<'k> Realm<'k> {
    pub(crate) fn of(api: &'k Api, known: &'k dyn Known) -> Self {
        Self { known, mask: &api.realm_mask }
    }

    /// The record of a credential's subject; `None` = there is none.
    pub(crate) fn subject<'s>(self, fact: &Fact) -> Result<Option<Arc<Subject>>, Stop<'s>> {
        let key = fact.subject_key(self.mask);
        let wanted = || Wanted::Subject { key, id: fact.credential.subject.clone() };
        record(self.known.subject(&key), wanted)
    }

    /// The record of a credential's own organisation. `None`: it names none, or there is no record of it.
    pub(crate) fn org<'s>(self, fact: &Fact) -> Result<Option<Arc<Resource>>, Stop<'s>> {
        match (&fact.credential.org, fact.org_key(self.mask)) {
            (Some(org), Some(key)) => self.resource_by(key, org),
            _ => Ok(None),
        }
    }

    /// The record of a resource; `None` = there is none.
    pub(crate) fn resource<'s>(self, id: &Id) -> Result<Option<Arc<Resource>>, Stop<'s>> {
        self.resource_by(FactKey::resource(self.mask, id), id)
    }

    fn resource_by<'s>(self, key: FactKey, id: &Id) -> Result<Option<Arc<Resource>>, Stop<'s>> {
        record(self.known.resource(&key), || Wanted::Resource { key, id: id.clone() })
    }

    /// A resource and all above it; `None` = there is no record of it.
    ///
    /// The store lets no chain of parents be longer than [`Resource::STEPS_MAX`], nor be a circle. One that is breaks the rule
    /// that the rest of this judgement stands on, so it is not known what the resource is part of: that is no *no*.
    pub(crate) fn lineage<'s>(self, id: &Id) -> Result<Option<Lineage>, Stop<'s>> {
        let Some(mut link) = self.resource(id)? else { return Ok(None) };
        let (mut links, mut root) = ([const { None }; LINKS_MAX], id.clone());
        for (step, place) in links.iter_mut().enumerate() {
            let parent = place.insert(link).parent.clone();
            let Some(parent) = parent else { return Ok(Some(Lineage { links, root: Some(root) })) };
            if step == Resource::STEPS_MAX {
                break;
            }
            let above = self.resource(&parent)?;
            root = parent;
            match above {
                Some(above) => link = above,
                None => return Ok(Some(Lineage { links, root: None })),
            }
        }
        let why = "the resource's parents have no end";
        Err(Refused::of(Outcome::StoreUnavailable, why).into())
    }
}

fn record<'s, T>(
    lookup: Option<Lookup<T>>,
    wanted: impl FnOnce() -> Wanted,
) -> Result<Option<Arc<T>>, Stop<'s>> {
    match lookup {
        None => Err(Stop::Wants(wanted())),
        Some(Lookup::Found(record)) => Ok(Some(record)),
        Some(Lookup::Unknown) => Ok(None),
        Some(Lookup::Unavailable) => {
            let why = "nobody could say what the store knows of a subject or a resource";
            Err(Refused::of(Outcome::StoreUnavailable, why).into())
        }
    }
}

/// A resource and those above it.
const LINKS_MAX: usize = Resource::STEPS_MAX + 1;

/// A resource and all above it.
#[derive(Debug)]
pub(crate) struct Lineage {
    /// From the resource up; those that are, before those that are not.
    links: [Option<Arc<Resource>>; LINKS_MAX],
    /// `None`: one above it was deleted.
    root: Option<Id>,
}

impl Lineage {
    pub(crate) fn links(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.links.iter().flatten()
    }

    /// The organisation that it is part of. `None`: a resource above it has no record any more, so nobody can say whose it is,
    /// nor who is a member of it.
    pub(crate) const fn root(&self) -> Option<&Id> {
        self.root.as_ref()
    }

    /// The record of the root, if the line leads to one.
    pub(crate) fn root_record(&self) -> Option<&Arc<Resource>> {
        self.links().last().filter(|_| self.root.is_some())
    }

    /// What the nearest members from the resource up say of a subject.
    pub(crate) fn membership(&self, subject: &Id) -> Membership {
        match self.links().find_map(|link| link.members.as_ref()) {
            None => Membership::Anyone,
            Some(members) => members
                .get(subject)
                .map_or(Membership::Stranger, |level| Membership::Member(*level)),
        }
    }
}

/// What members say of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// No members are recorded: nobody is kept out.
    Anyone,
    Member(Level),
    /// There are members, and it is none of them.
    Stranger,
}
