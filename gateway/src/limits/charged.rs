//! What became of a request at the stage limit, for its answer, its record and its end.

use std::sync::Arc;

use decision::config::snapshot::Api;
use decision::limit::Standing;
use decision::limit::fields::{self, Shown};
use http::{HeaderName, HeaderValue};
use smallvec::SmallVec;

use super::Exceeded;
use super::counters::{Counters, Key};

/// See the module. While it lives, the request holds its places.
#[derive(Debug, Default)]
pub struct Charged {
    /// Of the rules that are announced, in their order.
    pub(super) applied: SmallVec<[Applied; 4]>,
    /// `RateLimit-Policy`, where it need not be made for this request alone.
    pub(super) policy: Option<HeaderValue>,
    pub(super) places: SmallVec<[Place; 1]>,
    /// `None`: it was admitted by every rule.
    pub exceeded: Option<Exceeded>,
}

/// A rule as it applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applied {
    pub(super) position: usize,
    pub(super) max: u64,
    pub(super) standing: Standing,
}

/// A place of a concurrency rule, held while this lives.
#[derive(Debug)]
pub(super) struct Place {
    counters: Arc<Counters>,
    key: Key,
}

/// Fields of an answer.
pub type Fields = SmallVec<[(HeaderName, HeaderValue); 5]>;

impl Charged {
    pub(super) fn refused(exceeded: Exceeded) -> Self {
        Self { exceeded: Some(exceeded), ..Self::default() }
    }

    /// The response ends, or a tunnel: its places are free.
    pub fn leave(&mut self) {
        self.places.clear();
    }

    /// What the answer says of the rules.
    pub fn fields(&self, api: &Api) -> Fields {
        let mut list = Fields::new();
        if self.applied.is_empty() {
            return list;
        }
        let shown = || {
            self.applied.iter().filter_map(|&Applied { position, max, standing }| {
                Some(Shown { rule: api.limits.rules.get(position)?, max, standing })
            })
        };
        let policy = self.policy.clone();
        let policy =
            policy.or_else(|| fields::policy(shown().map(|shown| (shown.rule, shown.max))));
        list.extend(policy.map(|policy| (fields::POLICY, policy)));
        list.extend(fields::rate_limit(shown()).map(|value| (fields::RATE_LIMIT, value)));
        if api.limits.legacy_fields {
            list.extend(fields::legacy(shown()).into_iter().flatten());
        }
        list
    }
}

impl Place {
    pub(super) const fn new(counters: Arc<Counters>, key: Key) -> Self {
        Self { counters, key }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counters.release(self.key);
    }
}
