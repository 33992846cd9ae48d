//! What a decision asks of whoever keeps facts.

use super::{Fact, FactKey, Lookup, Resource, Subject};
use crate::name::Id;
use crate::secret::Digests;

/// What this process knows of records at one moment. Asking never waits. `None`: it is not known here, has to be fetched, and
/// then the whole question is asked anew, so that a decision rests on records of one moment.
pub trait Known {
    fn credential(&self, key: &FactKey) -> Option<Lookup<Fact>>;
    fn subject(&self, key: &FactKey) -> Option<Lookup<Subject>>;
    fn resource(&self, key: &FactKey) -> Option<Lookup<Resource>>;
}

/// A record that a decision rests on and that is not known here. The realm, or of a credential the api, is that of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Credential { key: FactKey, digests: Digests },
    Subject { key: FactKey, id: Id },
    Resource { key: FactKey, id: Id },
}
