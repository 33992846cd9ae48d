//! The rule of credentials, subjects, resources and levels (contract, section 4).

use super::*;
use crate::config::snapshot::{
    Api, ByMethod, Requirement, ResourceSource, RouteResource, Scheme, States, UnknownResource,
};
use crate::facts::{Credential, Level, Resource, ResourceState, Subject, SubjectState};
use crate::name::Id;
use crate::test_support::{members, resource, subject};

mod authenticating;
mod authorizing;
mod oracle;
mod order;
mod orgs;
mod realms;
mod steps;
mod told;

/// One request on one route, `/v1/{org}/{board}/**`, of an api in the realm `a`, with one credential of the scheme `ak`.
pub(super) struct Case {
    api: Api,
    route: Route,
    credential: Credential,
    records: Records,
    request: Request,
}

/// A good one that the route asks nothing of.
fn case() -> Case {
    let records = |records: Records| records.resource("a", resource("board_1", Some("org_1")));
    Case {
        api: api("a", Vec::new()),
        route: route("/v1/{org}/{board}/**"),
        credential: credential("a", "ak"),
        records: records(Records::of(None)),
        request: with_key("/v1/org_1/board_1"),
    }
}

/// One whose route names the resource `board_1`, which `user_1` may edit in `org_1`.
fn on_a_board() -> Case {
    case()
        .asking(|requirement| requirement.resource = Some(from_path(UnknownResource::Refuse)))
        .org("org_1", |org| org.members = Some(members(&[("user_1", Level::Admin)])))
        .board(|board| board.members = Some(members(&[("user_1", Level::Edit)])))
}

fn from_path(unknown: UnknownResource) -> RouteResource {
    RouteResource { source: ResourceSource::Segment(2), unknown }
}

fn literal(id: &str, unknown: UnknownResource) -> RouteResource {
    RouteResource { source: ResourceSource::Literal(self::id(id)), unknown }
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn ids<T: FromIterator<Id>>(texts: &[&str]) -> T {
    texts.iter().map(|text| id(text)).collect()
}

/// A level, or whatever it is, for all methods alike.
fn always<T>(value: T) -> ByMethod<T> {
    ByMethod { named: Vec::new(), others: Some(value) }
}

impl Case {
    fn asking(mut self, change: impl FnOnce(&mut Requirement)) -> Self {
        change(&mut self.route.requirement);
        self
    }

    fn scheme(mut self, change: impl FnOnce(&mut Scheme)) -> Self {
        change(&mut self.api.schemes[0]);
        self
    }

    fn states(mut self, states: States) -> Self {
        self.api.states = states;
        self
    }

    fn credential(mut self, change: impl FnOnce(&mut Credential)) -> Self {
        change(&mut self.credential);
        self
    }

    fn subject(self, change: impl FnOnce(&mut Subject)) -> Self {
        let mut subject = subject("user_1");
        change(&mut subject);
        self.records(|records| records.subject("a", subject))
    }

    fn org(self, id: &str, change: impl FnOnce(&mut Resource)) -> Self {
        let mut org = resource(id, None);
        change(&mut org);
        self.records(|records| records.resource("a", org))
    }

    fn board(self, change: impl FnOnce(&mut Resource)) -> Self {
        let mut board = resource("board_1", Some("org_1"));
        change(&mut board);
        self.records(|records| records.resource("a", board))
    }

    fn records(mut self, change: impl FnOnce(Records) -> Records) -> Self {
        self.records = change(self.records);
        self
    }

    fn request(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.request = change(self.request);
        self
    }

    fn method(self, method: &str) -> Self {
        self.request(|request| Request { method: method.to_owned(), ..request })
    }

    fn path(self, path: &str) -> Self {
        self.request(|request| Request { target: path.to_owned(), ..request })
    }

    /// Gives the decision to `look`; `Err` where the head alone is refused.
    fn decided<T>(self, look: impl FnOnce(Ended<'_>, &Records) -> T) -> Result<T, Outcome> {
        let Self { mut api, route, credential, mut records, request } = self;
        let pattern = crate::route::Pattern::parse(&route.path).unwrap();
        api.routes.insert(&pattern, crate::route::Methods::ALL, route).unwrap();
        let snapshot = snapshot(vec![(&["*"], api)]);
        records.credential = Some(Lookup::Found(Arc::new(Fact::new(credential))));
        let question = request
            .with_head(|head| ask(&snapshot, &peppers(), head))
            .map_err(|refused| refused.outcome)?;
        Ok(look(answer(&question, &records), &records))
    }

    fn outcome(self) -> Outcome {
        let outcome = self.decided(|ended, _| match ended {
            Ended::Permitted(_) => Outcome::Forwarded,
            Ended::Refused(refused) => refused.outcome,
            Ended::Wants(wanted) => panic!("{wanted:?}"),
        });
        outcome.unwrap_or_else(|outcome| outcome)
    }

    /// What is told of a refusal: the outcome, the resource, and what is needed.
    fn refused(self) -> (Outcome, Option<String>, Option<String>) {
        let refused = self.decided(|ended, _| match ended {
            Ended::Refused(refused) => (
                refused.outcome,
                refused.resource.map(|resource| resource.to_string()),
                refused.needed.map(|needed| needed.to_string()),
            ),
            ended => panic!("{ended:?}"),
        });
        refused.unwrap()
    }

    /// The value of a field that the upstream gets.
    fn told(self, name: &str) -> Option<String> {
        let request = self.request.clone();
        let told = self.decided(|ended, _| match ended {
            Ended::Permitted(permit) => {
                let sent = request.sent(&permit, "req_ours");
                let values = sent.values(name);
                assert!(values.len() <= 1, "{values:?}");
                values.first().map(|value| (*value).to_owned())
            }
            ended => panic!("{ended:?}"),
        });
        told.unwrap()
    }
}
