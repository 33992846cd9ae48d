//! Whose subjects and resources a call is about.

use std::collections::BTreeSet;

use decision::config::snapshot::Snapshot;

use super::call::Call;
use super::fields::Fields;
use super::problem::Problem;
use super::propagation::Wait;

pub(super) struct Realm {
    pub(super) name: String,
    /// The apis that share it.
    pub(super) apis: Vec<String>,
}

impl Realm {
    /// `?realm=`, which may be left out while there is one. `None` when it was refused.
    pub(super) fn read(query: &mut Fields, snapshot: &Snapshot) -> Option<Self> {
        let realms: BTreeSet<&str> = snapshot.apis.iter().map(|api| &*api.realm).collect();
        let mut all = realms.iter();
        let name = match (query.has("realm"), all.next(), all.next()) {
            (false, Some(only), None) => (*only).to_owned(),
            _ => query.required("realm", |name| {
                let known = realms.contains(name).then(|| name.to_owned());
                known.ok_or_else(|| "is not configured".into())
            })?,
        };
        let apis = snapshot.apis.iter().filter(|api| *api.realm == *name);
        let apis = apis.map(|api| api.name.to_string()).collect();
        Some(Self { name, apis })
    }

    /// Of a call whose query says nothing else.
    pub(super) fn only(call: &mut Call) -> Result<Self, Problem> {
        let realm = Self::read(&mut call.query, &call.generation.snapshot);
        call.query_ends()?;
        realm.ok_or_else(Problem::internal) // what was refused has ended the query
    }

    /// Of a call that changes something.
    pub(super) fn and_wait(call: &mut Call) -> Result<(Self, Wait), Problem> {
        let wait = Wait::read(&mut call.query);
        Ok((Self::only(call)?, wait))
    }
}
