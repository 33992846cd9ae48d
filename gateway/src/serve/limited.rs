//! What limits have said of one request. Each is asked once, however often the question is asked anew.

use std::net::IpAddr;
use std::sync::Arc;

use decision::authenticate::{Authenticated, is_not_live};
use decision::authorize::Permit;
use decision::config::snapshot::{Api, Route};
use decision::decide::{Question, Refused, Step};
use decision::facts::Wanted;
use decision::outcome::Outcome;

use crate::generation::Generation;
use crate::limits::{Charged, Exceeded, Fields, stranger};

/// See the module. While it lives, the request holds its places.
#[derive(Debug, Default)]
pub(super) struct Limited {
    failures: Failures,
    charged: Option<Charged>,
}

/// What rules of `when: refused` have said.
#[derive(Debug, Default)]
enum Failures {
    #[default]
    NotAsked,
    Room,
    Exceeded(Exceeded),
}

/// What is known of a question: a permit, a record that is wanted, or a refusal.
pub(super) type Answer<'q> = Result<Step<Permit<'q>>, Refused<'q>>;

impl Limited {
    /// The stage limit. What was charged stays charged.
    pub(super) fn charge<'s>(
        &mut self,
        generation: &Generation,
        request: &Authenticated<'s>,
    ) -> Result<(), Refused<'s>> {
        let charged = self.charged.get_or_insert_with(|| generation.limits.charge(request));
        match &charged.exceeded {
            Some(exceeded) if !request.route().shadow.limit => {
                Err(told(request.refused(exceeded.outcome, exceeded.why), exceeded))
            }
            _ => Ok(()),
        }
    }

    /// The outcome with which the stage would have refused the request, were it not in shadow on `route`.
    pub(super) fn shadowed(&self, route: &Route) -> Option<Outcome> {
        let exceeded = self.charged.as_ref()?.exceeded.as_ref()?;
        route.shadow.limit.then_some(exceeded.outcome)
    }

    /// The name of the rule that refused, or would have.
    pub(super) fn limit(&self) -> Option<&str> {
        self.charged.as_ref()?.exceeded.as_ref().map(|exceeded| &*exceeded.limit)
    }

    /// Rules of `when: refused` answer in the stead of whatever is not cached as live, before it costs a look-up.
    pub(super) fn hold_back<'q>(
        &mut self,
        generation: &Generation,
        question: &Question<'q>,
        answer: Answer<'q>,
    ) -> Answer<'q> {
        match &answer {
            Ok(Step::Wants(Wanted::Credential { .. })) => {}
            Err(refused) if is_not_live(refused.outcome) => {}
            _ => return answer,
        }
        let (api, route) = (question.api(), question.route());
        if matches!(self.failures, Failures::NotAsked) {
            let who = stranger(question.client_ip(), route);
            let exceeded = generation.limits.held_back(api, route, &who);
            self.failures = exceeded.map_or(Failures::Room, Failures::Exceeded);
        }
        match &self.failures {
            Failures::Exceeded(exceeded) => {
                Err(told(question.refused(exceeded.outcome, exceeded.why), exceeded))
            }
            Failures::NotAsked | Failures::Room => answer,
        }
    }

    /// Adds to a refusal what its answer says of the limits.
    pub(super) fn shown<'q>(&self, refused: Refused<'q>, api: &Api) -> Refused<'q> {
        Refused { fields: self.fields(api).into_vec(), ..refused }
    }

    /// What the answer says of the limits.
    pub(super) fn fields(&self, api: &Api) -> Fields {
        self.charged.as_ref().map_or_else(Fields::new, |charged| charged.fields(api))
    }

    /// The response or the tunnel has ended.
    pub(super) fn leave(&mut self) {
        if let Some(charged) = &mut self.charged {
            charged.leave();
        }
    }
}

fn told<'q>(refused: Refused<'q>, exceeded: &Exceeded) -> Refused<'q> {
    let limit = Some(Arc::clone(&exceeded.limit));
    Refused { limit, ..refused.retrying_after(exceeded.retry_after) }
}

/// Counts a refusal with the rules of `when: refused`.
pub(super) fn count_failure(generation: &Generation, refused: &Refused<'_>, client_ip: IpAddr) {
    let places: (Option<&Api>, Option<&Route>) = (refused.api, refused.route);
    if let (Some(api), Some(route)) = places {
        let who = stranger(client_ip, route);
        generation.limits.count_failure(api, route, &who, refused.outcome);
    }
}
