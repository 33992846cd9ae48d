//! The rule, naively: what is asked of a world in the contract's words, one after another.

use super::*;

type No<T> = Result<T, Verdict>;

fn no<T>(outcome: &'static str) -> No<T> {
    Err(Verdict::Refused(outcome))
}

fn heard<T>(said: &Said<T>) -> No<Option<&T>> {
    match said {
        Said::Record(record) => Ok(Some(record)),
        Said::NoSuch => Ok(None),
        Said::NoAnswer => no("store_unavailable"),
        Said::NotAskedYet => Err(Verdict::MoreIsNeeded),
    }
}

impl World {
    fn thing(&self, number: usize) -> No<Option<&Thing>> {
        self.things.get(number).map_or(Ok(None), heard)
    }

    /// The thing and all above it with their numbers; and the number at the top.
    fn up(&self, number: usize, steps: usize) -> No<(Vec<&Thing>, usize)> {
        let Some(thing) = self.thing(number)? else { return Ok((Vec::new(), number)) };
        let Some(parent) = thing.parent else { return Ok((vec![thing], number)) };
        if steps == 8 {
            return no("store_unavailable");
        }
        let (above, top) = self.up(parent, steps + 1)?;
        Ok(([vec![thing], above].concat(), top))
    }

    fn by_method<'w, T>(&self, map: &'w BTreeMap<&'static str, T>) -> Option<&'w T> {
        let names: &[&str] = match self.method {
            "HEAD" => &["HEAD", "GET", "*"],
            "GET" => &["GET", "*"],
            _ => &["POST", "*"],
        };
        names.iter().find_map(|name| map.get(name))
    }

    fn left(&self, state: ResourceState) -> usize {
        let name = match state {
            ResourceState::Ok => return 3,
            ResourceState::Restricted => "restricted",
            ResourceState::Locked => "locked",
            ResourceState::Archived => "archived",
        };
        self.states.get(name).map_or(0, |level| *level as usize + 1)
    }

    pub(super) fn named(&self) -> Option<usize> {
        match self.demands.resource {
            Demanded::Nothing => None,
            Demanded::InPath => Some(self.path.1),
            Demanded::Literal(number) => Some(number),
        }
    }

    pub(super) fn judge(&self) -> Verdict {
        self.all().map_or_else(|verdict| verdict, |(org, level)| Verdict::Go { org, level })
    }

    fn all(&self) -> No<(Option<usize>, Option<Level>)> {
        let Some(pass) = heard(&self.pass)? else { return no("credential_unknown") };
        let person = self.let_in(pass)?;
        let (org, given) = self.org(pass)?;
        let level = self.let_do(pass, person, org, given)?;
        Ok((org, level))
    }

    /// authenticate, as far as the person
    fn let_in(&self, pass: &Pass) -> No<Option<&Person>> {
        for (wrong, outcome) in [
            (pass.revoked, "credential_revoked"),
            (pass.disabled, "credential_disabled"),
            (pass.expires_in.is_some_and(|left| left <= 0), "credential_expired"),
            (pass.from_here == Some(false), "address_denied"),
            (
                pass.audience.is_some() && pass.audience != self.demands.audience,
                "audience_mismatch",
            ),
            (
                pass.audience.is_none() && self.demands.audience.is_some() && self.manner.bound,
                "audience_mismatch",
            ),
        ] {
            if wrong {
                return no(outcome);
            }
        }
        let person = heard(&self.person)?;
        match person.map(|person| person.state) {
            Some(SubjectState::Suspended) => no("subject_suspended"),
            Some(SubjectState::Inactive) => no("subject_inactive"),
            _ => Ok(person),
        }
    }

    /// The org, and whether the credential or the client gave it.
    fn org(&self, pass: &Pass) -> No<(Option<usize>, bool)> {
        let names = |thing: &Thing| matches!(thing.members, Some((Some(_), _)));
        let mut org = pass.org;
        if let (None, true, Some(chosen)) = (org, self.manner.may_choose, self.choice) {
            match self.thing(chosen)? {
                Some(thing) if thing.parent.is_none() && names(thing) => org = Some(chosen),
                _ => return no("org_not_member"),
            }
        }
        let given = org.is_some();
        if let (None, Some(named)) = (org, self.named()) {
            let (line, top) = self.up(named, 0)?;
            if line.last().is_some_and(|thing| thing.parent.is_none() && names(thing)) {
                org = Some(top);
            }
        }
        let org_thing = match org {
            Some(org) => self.thing(org)?,
            None => None,
        };
        if org.is_none() && (self.manner.org_required || self.manner.members_only) {
            return no("org_missing");
        }
        if self.manner.members_only && !org_thing.is_some_and(names) {
            return no("org_not_member");
        }
        Ok((org, given))
    }

    /// authorize
    fn let_do(
        &self,
        pass: &Pass,
        person: Option<&Person>,
        org: Option<usize>,
        given: bool,
    ) -> No<Option<Level>> {
        let org_thing = org.map(|org| self.thing(org)).transpose()?.flatten();
        let demanded = self.by_method(&self.demands.level).copied();
        let needed = demanded.map_or(1, |level| level as usize + 1);
        if org_thing.is_some_and(|thing| self.left(thing.state) < needed) {
            return no("resource_restricted");
        }
        if self.demands.org && org != Some(self.path.0) {
            return no("org_mismatch");
        }
        if self.demands.admin && !person.is_some_and(|person| person.admin) {
            return no("admin_required");
        }
        let line = self.named().map(|named| self.up(named, 0)).transpose()?;
        let (things, top) = line.unwrap_or_default();
        if things.last().is_some_and(|highest| highest.parent.is_some()) {
            return no("resource_unknown");
        }
        if self.named().is_some() && things.is_empty() && !self.demands.pass_unknown {
            return no("resource_unknown");
        }
        if !things.is_empty() && given && org != Some(top) {
            return no("resource_forbidden");
        }
        let mut holders = things.iter().copied().chain(org_thing).map(|thing| thing.capable);
        let held = holders.any(|capable| capable) || person.is_some_and(|person| person.capable);
        if self.demands.capability && !held {
            return no("capability_missing");
        }
        if things.iter().any(|thing| self.left(thing.state) < needed) {
            return no("resource_restricted");
        }
        let mut least = pass.ceiling.map_or(3, |ceiling| ceiling as usize + 1);
        if let Some(named) = self.named() {
            match pass.grants.as_ref().map(|grants| grants.get(&named)) {
                None => {}
                Some(None) => return no("resource_forbidden"),
                Some(Some(level)) => least = least.min(*level as usize + 1),
            }
            match things.iter().find_map(|thing| thing.members) {
                None => {}
                Some((None, _)) => return no("resource_forbidden"),
                Some((Some(level), _)) => least = least.min(level as usize + 1),
            }
        }
        if least < needed && (self.named().is_some() || demanded.is_some()) {
            return no("level_insufficient");
        }
        let scopes = self.by_method(&self.demands.scopes).cloned().unwrap_or_default();
        if pass.scopes.as_ref().is_some_and(|held| !scopes.is_subset(held)) {
            return no("scope_insufficient");
        }
        Ok(self.named().map(|_| Level::ALL[least - 1]))
    }
}
