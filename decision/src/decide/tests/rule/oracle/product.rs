//! The same world, given to the product.

use super::*;

fn name(thing: usize) -> String {
    format!("t_{thing}")
}

fn by_method_of<T: Clone, U>(map: &BTreeMap<&'static str, T>, of: impl Fn(&T) -> U) -> ByMethod<U> {
    let named = map.iter().filter(|(method, _)| **method != "*");
    ByMethod {
        named: named.map(|(method, value)| ((*method).to_owned(), of(value))).collect(),
        others: map.get("*").map(of),
    }
}

impl World {
    pub(super) fn decided(&self) -> Verdict {
        let mut api = api("a", Vec::new());
        let scheme = &mut api.schemes[0];
        scheme.issue.members_only = self.manner.members_only;
        scheme.issue.org_required = self.manner.org_required;
        scheme.bound = self.manner.bound;
        if self.manner.may_choose {
            scheme.choose_org = Some(http::HeaderName::from_static("x-org"));
        }
        let state = |name| self.states.get(name).copied();
        api.states = States {
            restricted: state("restricted"),
            locked: state("locked"),
            archived: state("archived"),
        };
        let route = Route { requirement: self.requirement(), ..route("/v1/{org}/{board}") };
        let pattern = crate::route::Pattern::parse(&route.path).unwrap();
        api.routes.insert(&pattern, crate::route::Methods::ALL, route).unwrap();
        let snapshot = snapshot(vec![(&["*"], api)]);
        let records = self.records();
        let question = self.request().with_head(|head| ask(&snapshot, &peppers(), head)).unwrap();
        match answer(&question, &records) {
            Ended::Refused(refused) => Verdict::Refused(refused.outcome.name()),
            Ended::Wants(_) => Verdict::MoreIsNeeded,
            Ended::Permitted(permit) => {
                let org = permit.principal().unwrap().org();
                let number = |id: &Id| id.as_str().trim_start_matches("t_").parse().unwrap();
                Verdict::Go { org: org.map(|org| number(org.id())), level: permit.level() }
            }
        }
    }

    fn requirement(&self) -> Requirement {
        let demands = &self.demands;
        let unknown =
            if demands.pass_unknown { UnknownResource::Pass } else { UnknownResource::Refuse };
        Requirement {
            resource: match demands.resource {
                Demanded::Nothing => None,
                Demanded::InPath => Some(from_path(unknown)),
                Demanded::Literal(number) => Some(literal(&name(number), unknown)),
            },
            org: demands.org.then_some(1),
            level: by_method_of(&demands.level, |level| *level),
            scopes: by_method_of(&demands.scopes, |scopes| {
                scopes.iter().map(|scope| id(scope)).collect()
            }),
            capabilities: if demands.capability { ids(&["api"]) } else { Vec::new() },
            audience: demands.audience.map(str::to_owned),
            subject_admin: demands.admin,
        }
    }

    fn request(&self) -> Request {
        let target = format!("/v1/{}/{}", name(self.path.0), name(self.path.1));
        let request = Request { method: self.method.to_owned(), ..with_key(&target) };
        match self.choice {
            Some(choice) => request.field("x-org", name(choice)),
            None => request,
        }
    }

    fn records(&self) -> Records {
        let mut records = Records::of(known(&self.pass, |pass| Fact::new(credential_of(pass))));
        records = records.subject_as(
            "a",
            "user_1",
            known(&self.person, |person| Subject {
                state: person.state,
                admin: person.admin,
                capabilities: if person.capable { ids(&["api"]) } else { BTreeSet::new() },
                ..subject("user_1")
            }),
        );
        for (number, said) in self.things.iter().enumerate() {
            let id = name(number);
            records = records.resource_as(
                "a",
                &id,
                known(said, |thing| Resource {
                    state: thing.state,
                    capabilities: if thing.capable { ids(&["api"]) } else { BTreeSet::new() },
                    members: thing.members.map(|(ours, other)| {
                        let ours = ours.map(|level| (super::id("user_1"), level));
                        let other = other.then(|| (super::id("user_2"), Level::Admin));
                        ours.into_iter().chain(other).collect()
                    }),
                    ..resource(&id, thing.parent.map(name).as_deref())
                }),
            );
        }
        records
    }
}

fn known<T, U>(said: &Said<T>, of: impl Fn(&T) -> U) -> Option<Lookup<U>> {
    match said {
        Said::Record(record) => Some(Lookup::Found(Arc::new(of(record)))),
        Said::NoSuch => Some(Lookup::Unknown),
        Said::NoAnswer => Some(Lookup::Unavailable),
        Said::NotAskedYet => None,
    }
}

fn credential_of(pass: &Pass) -> Credential {
    Credential {
        revoked_at: pass.revoked.then_some(NOW),
        disabled: pass.disabled,
        expires_at: pass.expires_in.map(|left| Timestamp(NOW.0 + left)),
        addresses: pass.from_here.map(|here| {
            vec![if here { "192.0.2.0/24" } else { "203.0.113.0/24" }.parse().unwrap()]
        }),
        audience: pass.audience.map(str::to_owned),
        org: pass.org.map(|org| id(&name(org))),
        ceiling: pass.ceiling,
        grants: pass.grants.as_ref().map(|grants| {
            grants.iter().map(|(thing, level)| (id(&name(*thing)), *level)).collect()
        }),
        scopes: pass.scopes.as_ref().map(|scopes| scopes.iter().map(|scope| id(scope)).collect()),
        ..credential("a", "ak")
    }
}
