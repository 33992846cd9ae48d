//! The record of a resource: what subjects have access to. An organisation is one without a parent.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Level;
use crate::name::Id;

/// A resource of a realm (contract, section 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    pub id: Id,
    /// `org`, `workspace`, `board`, …: a word of the product's own.
    pub kind: String,
    /// `None` = an organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Id>,
    pub state: ResourceState,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities: BTreeSet<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// `None` = those of the nearest resource above that has some; present, even empty, = only those named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<BTreeMap<Id, Level>>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Grows by one with each change of the record, from 1.
    pub version: u64,
}

impl Resource {
    /// The most steps from a resource to its organisation.
    pub const STEPS_MAX: usize = 8;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceState {
    Ok,
    Restricted,
    Locked,
    Archived,
}
