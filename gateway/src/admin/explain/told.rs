//! What a decision asks to know, noted.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use decision::config::snapshot::Api;
use decision::facts::{Fact, FactKey, Known, Lookup, Resource, Subject, Wanted};

use super::asked::StandIn;
use crate::admin::view::FactView;
use crate::clock;
use crate::facts::{Facts, View};

/// The facts as a request would see them, but for the credential that is stood in for.
pub(super) struct Told<'f> {
    view: View<'f>,
    stand_in: Option<(FactKey, Arc<Fact>)>,
    noted: RefCell<Vec<(FactKey, FactView)>>,
}

impl<'f> Told<'f> {
    pub(super) fn new(facts: &'f Facts, stand_in: Option<StandIn>) -> Self {
        let stand_in = stand_in.map(|stand_in| (stand_in.key, Arc::new(stand_in.fact)));
        Self { view: facts.view(clock::now()), stand_in, noted: RefCell::default() }
    }

    /// See [`View::serve`].
    pub(super) fn serve(&mut self, serve: Duration) {
        self.view.serve(serve);
    }

    /// See [`View::holds`].
    pub(super) fn holds(&mut self) -> bool {
        self.view.holds()
    }

    pub(super) async fn fetch(&mut self, api: &Api, wanted: Wanted) {
        if let Wanted::Subject { key, id } | Wanted::Resource { key, id } = &wanted {
            let mut noted = self.noted.borrow_mut();
            if let Some((_, fact)) = noted.iter_mut().find(|(known, _)| known == key) {
                fact.id = Some(id.to_string());
            }
        }
        self.view.fetch(&api.name, &api.realm, wanted, clock::now()).await;
    }

    pub(super) fn facts(self) -> Vec<FactView> {
        self.noted.into_inner().into_iter().map(|(_, fact)| fact).collect()
    }

    /// Notes what was asked for, how it was found at first, and as what at last.
    fn note<T>(
        &self,
        kind: &str,
        key: &FactKey,
        lookup: Option<Lookup<T>>,
        name: impl Fn(&T) -> (String, u64),
    ) -> Option<Lookup<T>> {
        let mut noted = self.noted.borrow_mut();
        let position = noted.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            let cache = if lookup.is_some() { "hit" } else { "miss" };
            let fact = FactView {
                kind: kind.to_owned(),
                id: None,
                version: None,
                cache: cache.to_owned(),
            };
            noted.push((*key, fact));
            noted.len() - 1
        });
        if let (Some(Lookup::Found(record)), Some((_, fact))) = (&lookup, noted.get_mut(position)) {
            let (id, version) = name(record);
            (fact.id, fact.version) = (Some(id), Some(version));
        }
        lookup
    }
}

impl Known for Told<'_> {
    fn credential(&self, key: &FactKey) -> Option<Lookup<Fact>> {
        let name = |fact: &Fact| (fact.credential.id.to_string(), fact.credential.version);
        if let Some((_, fact)) = self.stand_in.as_ref().filter(|(known, _)| known == key) {
            let lookup = self.note("credential", key, Some(Lookup::Found(Arc::clone(fact))), name);
            for (_, fact) in self.noted.borrow_mut().iter_mut().filter(|(known, _)| known == key) {
                "not_asked".clone_into(&mut fact.cache);
            }
            return lookup;
        }
        self.note("credential", key, self.view.credential(key), name)
    }

    fn subject(&self, key: &FactKey) -> Option<Lookup<Subject>> {
        let name = |subject: &Subject| (subject.id.to_string(), subject.version);
        self.note("subject", key, self.view.subject(key), name)
    }

    fn resource(&self, key: &FactKey) -> Option<Lookup<Resource>> {
        let name = |resource: &Resource| (resource.id.to_string(), resource.version);
        self.note("resource", key, self.view.resource(key), name)
    }
}
