//! `routes`: what an api does with a path and a method.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::action::action;
use super::addresses::addresses;
use super::dialect::{Dialects, Own};
use super::field::{Fields, Given, Located, filled, given, values};
use super::form::{
    DAY, Form, GIB, LABEL_RULE, MIB, MILLISECOND, boolean, duration, is_label, size, text, word,
};
use super::headers::headers;
use super::matching::{Asked, matching};
use super::names::Names;
use super::neighbours;
use super::problem::{Judged, Place};
use super::requirement::requirement;
use super::snapshot::{Auth, Rewrite, Route, Shadow};
use super::store::when_lapsed;
use crate::answer::Action;
use crate::path::{PathError, normalise};
use crate::route::{Methods, Pattern, RouteTable, host_is_valid};

/// What an api and its surroundings say for each of its routes.
pub(super) struct Frame<'f, 't> {
    pub(super) upstreams: &'f Names,
    pub(super) schemes: &'f Names,
    /// The api's own.
    pub(super) upstream: Option<Judged<usize>>,
    pub(super) forward_credential: bool,
    pub(super) limits: &'f Names,
    pub(super) dialects: &'f Dialects<'t>,
    /// The api's own.
    pub(super) errors: &'f Own,
    /// What the store says of routes that do not say it themselves.
    pub(super) serve: Duration,
}

/// What `routes` says.
pub(super) struct ReadRoutes {
    pub(super) table: RouteTable,
    /// Header fields that routes are chosen by, and where that is said.
    pub(super) asked: Vec<(HeaderName, Place)>,
    /// Header fields that routes edit or send, and where that is said.
    pub(super) said: Vec<(HeaderName, Place)>,
}

/// Reads `routes`.
pub(super) fn routes<'t>(api: &mut Fields<'t>, frame: &Frame<'_, 't>) -> ReadRoutes {
    let problems = api.problems;
    let mut routes = Routes::new(frame);
    let Some(node) = api.node("routes") else {
        let mut defaults = Fields::absent(api.place().cloned(), problems);
        let path = all_paths(&defaults);
        routes.add(&mut defaults, path);
        return routes.read;
    };
    let what = "one route, or no key at all for the one route `/**`";
    for node in filled(node, what, problems).unwrap_or_default() {
        Fields::of(node, problems, |route| {
            let path = route.required("path", &path());
            routes.add(route, path);
        });
    }
    neighbours::judge(&routes.read.table, &routes.matched, &routes.places, problems);
    routes.read
}

fn path() -> Form<Pattern> {
    Form::reasoned("a path such as `/v1/{board}/**`", Pattern::parse)
}

fn all_paths<'t>(route: &Fields<'t>) -> Judged<Located<'t, Pattern>> {
    const ALL: &str = "/**";
    let place = route.place()?.clone();
    let value = Pattern::parse(ALL).map_err(|reason| route.problems.error(&place, reason))?;
    Ok(Located { value, given: Given { text: ALL, written: ALL, place } })
}

/// The routes read so far.
struct Routes<'f, 't> {
    frame: &'f Frame<'f, 't>,
    names: Names,
    /// Paths that are names.
    default_names: HashSet<String>,
    read: ReadRoutes,
    /// Where each route of the table stands.
    places: Vec<Place>,
    /// Paths whose routes ask for fields.
    matched: BTreeSet<Pattern>,
}

impl<'f, 't> Routes<'f, 't> {
    fn new(frame: &'f Frame<'f, 't>) -> Self {
        Self {
            frame,
            names: Names::new("route"),
            default_names: HashSet::new(),
            read: ReadRoutes { table: RouteTable::default(), asked: Vec::new(), said: Vec::new() },
            places: Vec::new(),
            matched: BTreeSet::new(),
        }
    }

    fn add(&mut self, route: &mut Fields<'t>, path: Judged<Located<'t, Pattern>>) {
        let problems = route.problems;
        let methods = methods(route);
        let Ok((read, pattern, place)) = self.read(route, path, &methods) else { return };
        let Ok(methods) = methods else { return };
        let asks = read.matching.names().next().is_some();
        match self.read.table.insert(&pattern, methods, read) {
            Ok(_) => {
                self.places.push(place);
                if asks {
                    self.matched.insert(pattern);
                }
            }
            Err(other) => {
                let other = self.places.get(other).unwrap_or(&place);
                let other = problems.line_of(other);
                let message = format!(
                    "the route at {other} has this path, this `match` and a method in common"
                );
                problems.error(&place, message);
            }
        }
    }

    /// Reads all of a route but its methods.
    fn read(
        &mut self,
        route: &mut Fields<'t>,
        path: Judged<Located<'t, Pattern>>,
        methods: &Judged<Methods>,
    ) -> Judged<(Route, Pattern, Place)> {
        let problems = route.problems;
        let name = self.name(route, &path);
        let asked = matching(route);
        let addresses = addresses(route);
        let action = action(route, self.frame.upstreams, self.frame.upstream, &mut self.read.said);
        let headers = headers(route, &mut self.read.said);
        let literals = path.as_ref().map(|path| path.value.literal_prefix()).ok();
        let rewrite = route.block("rewrite", |block| rewrite(block, literals.as_deref()));
        let answers = ["redirect", "respond"].iter().any(|key| route.node(key).is_some());
        let (auth, accept) = self.auth(route, &path, answers);
        let requirement = requirement(route, auth, &path, methods);
        let forward_credential = route.value("forward_credential", &boolean());
        if let Some(Ok(forward)) = &forward_credential
            && auth == Auth::None
        {
            let message = "on a route of `auth: none` every credential is forwarded anyway";
            problems.warning(&forward.given.place, message);
        }
        let timeout = duration(MILLISECOND..=DAY);
        let idle = duration(MILLISECOND..=30 * DAY);
        let timeout = route.value_or("timeout", &timeout, Duration::from_mins(1));
        let idle = route.value_or("idle", &idle, Duration::from_mins(5));
        let deadline = route.value("deadline", &duration(MILLISECOND..=30 * DAY));
        let deadline = deadline.and_then(Result::ok).map(|deadline| deadline.value);
        let body_limit = route.value_or("body_limit", &size(0..=1024 * GIB), 10 * MIB);
        let limits = route.filled_list("limits", &text()).unwrap_or_default();
        let rule =
            |name: Located<'_, String>| self.frame.limits.resolve(&name.given, problems).ok();
        let limits = limits.into_iter().filter_map(|name| rule(name.ok()?)).collect();
        let errors = self.frame.dialects.of_route(route, self.frame.schemes, self.frame.errors);
        let shadow = shadow(route, auth);
        let serve = serve(route, auth).unwrap_or(self.frame.serve);
        let upgrade = route.list("upgrade", &word(&[("websocket", ())])).unwrap_or_default();
        let Located { value: pattern, given: path } = path?;
        let Asked { matching, names } = asked?;
        self.read.asked.extend(names);
        let read = Route {
            name: name?.text.into(),
            index: 0,
            path: path.text.to_owned(),
            matching,
            addresses,
            // One that was refused still tells which others its route collides with.
            action: action.unwrap_or(Action::Forward(0)),
            rewrite,
            headers,
            auth,
            accept,
            requirement,
            forward_credential: forward_credential
                .map_or(self.frame.forward_credential, |forward| {
                    forward.is_ok_and(|forward| forward.value)
                }),
            timeout,
            idle,
            deadline,
            body_limit,
            websocket: values(upgrade).next().is_some(),
            limits,
            errors: errors.unwrap_or_default(),
            shadow,
            // Nobody's facts are asked for.
            serve: if auth == Auth::None { Duration::ZERO } else { serve },
        };
        Ok((read, pattern, path.place))
    }

    /// The name, by default the path, by which logs and metrics speak of the route.
    fn name(
        &mut self,
        route: &mut Fields<'t>,
        path: &Judged<Located<'t, Pattern>>,
    ) -> Judged<Given<'t>> {
        let label = Form::reasoned("a name", |text| is_label(text).then_some(()).ok_or(LABEL_RULE));
        let Some(name) = route.value("name", &label) else { return self.default_name(route, path) };
        let name = given(&name);
        self.names.define(&name, route.problems);
        name
    }

    /// The path. Routes of one path that differ by method or match may share it.
    fn default_name(
        &mut self,
        route: &Fields<'t>,
        path: &Judged<Located<'t, Pattern>>,
    ) -> Judged<Given<'t>> {
        let path = given(path)?;
        if !is_label(path.text) {
            let message = "the path is too long for a name; give the route a `name`";
            return Err(route.problems.error(&path.place, message));
        }
        if self.default_names.insert(path.text.to_owned()) {
            self.names.define(&Ok(path.clone()), route.problems);
        }
        Ok(path)
    }

    /// Who is let in: a bit for each scheme that is. A route that `answers` by itself asks nobody.
    fn auth(
        &self,
        route: &mut Fields<'_>,
        path: &Judged<Located<'_, Pattern>>,
        answers: bool,
    ) -> (Auth, u64) {
        let schemes = self.frame.schemes;
        let auth = route.value("auth", &auth());
        let accept_place = route.node("accept").map(|node| &node.place);
        let accept = route.filled_list("accept", &text());
        let place = match &auth {
            Some(auth) => given(auth),
            None => given(path),
        };
        let auth = match auth {
            Some(Err(_)) => return (Auth::Required, 0),
            Some(Ok(auth)) if answers && auth.value != Auth::None => {
                let message = "a route that answers by itself is `auth: none`";
                route.problems.error(&auth.given.place, message);
                Auth::None
            }
            Some(Ok(auth)) => auth.value,
            None if answers => Auth::None,
            None => Auth::Required,
        };
        if let (Auth::None, Some(place)) = (auth, accept_place) {
            route.problems.error(place, "a route of `auth: none` accepts no credential");
        }
        if auth != Auth::None
            && schemes.is_empty()
            && let Ok(place) = place
        {
            let message = "the route asks for a credential, and the api has no `schemes`; a public route is `auth: none`";
            route.problems.error(&place.place, message);
        }
        let accept = match accept {
            _ if auth == Auth::None => 0,
            Some(accept) => accept
                .into_iter()
                .filter_map(|name| schemes.resolve(&name.ok()?.given, route.problems).ok())
                .fold(0, |accept, scheme| accept | bit(scheme)),
            None => (0..schemes.count()).fold(0, |accept, scheme| accept | bit(scheme)),
        };
        (auth, accept)
    }
}

/// An api has 64 schemes at most.
fn bit(scheme: usize) -> u64 {
    1_u64.checked_shl(scheme as u32).unwrap_or_default()
}

/// Which stages only look on.
fn shadow(route: &mut Fields<'_>, auth: Auth) -> Shadow {
    const LIMIT: Shadow = Shadow { limit: true, authorize: false };
    const AUTHORIZE: Shadow = Shadow { limit: false, authorize: true };
    let stages = route.list("shadow", &word(&[("limit", LIMIT), ("authorize", AUTHORIZE)]));
    let mut shadow = Shadow::default();
    for stage in stages.into_iter().flatten().flatten() {
        if auth == Auth::None && stage.value.authorize {
            let message = "a route of `auth: none` has no stage authorize that could refuse";
            route.problems.warning(&stage.given.place, message);
        }
        shadow.limit |= stage.value.limit;
        shadow.authorize |= stage.value.authorize;
    }
    shadow
}

/// `failure.store`: what is done when the store is out of contact.
fn serve(route: &mut Fields<'_>, auth: Auth) -> Option<Duration> {
    let problems = route.problems;
    let node = route.node("failure")?;
    if auth == Auth::None {
        problems.error(&node.place, "a route of `auth: none` asks the store nothing");
    }
    Fields::of(node, problems, |failure| {
        let serve = when_lapsed(failure.node("store")?, problems);
        serve.ok()
    })
}

fn auth() -> Form<Auth> {
    word(&[("required", Auth::Required), ("optional", Auth::Optional), ("none", Auth::None)])
}

fn methods(route: &mut Fields<'_>) -> Judged<Methods> {
    let form = Form::reasoned("a method such as `GET`", |text| match text {
        "TRACE" => Err("TRACE would show what the gateway has set"),
        _ => Methods::named([text]).map(|_| text.to_owned()),
    });
    let Some(named) = route.filled_list("methods", &form) else { return Ok(Methods::ALL) };
    let named: Vec<_> = named.into_iter().collect::<Judged<_>>()?;
    // Each has been judged, and there is one.
    Ok(Methods::named(named.iter().map(|method| &method.value)).unwrap_or(Methods::ALL))
}

/// `literals`: the leading segments of the route's path that are literals, if it could be read.
fn rewrite(rewrite: &mut Fields<'_>, literals: Option<&str>) -> Rewrite {
    let strip = rewrite.value("strip_prefix", &prefix());
    let strip = strip.and_then(Result::ok).map_or(0, |strip| {
        let rest = literals.and_then(|literals| literals.strip_prefix(strip.value.as_str()));
        if literals.is_some() && !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        {
            let message =
                "`strip_prefix` must be whole literal segments that the route's path begins with";
            rewrite.problems.error(&strip.given.place, message);
        }
        strip.value.len()
    });
    let add = rewrite.value_or("add_prefix", &prefix(), String::new());
    let host = Form::reasoned("a host, perhaps with a port", |text| {
        let value = HeaderValue::from_str(text).ok().filter(|_| host_is_valid(text));
        value.map(Some).ok_or("expected a host, perhaps with a port")
    });
    Rewrite { strip, add, host: rewrite.value_or("host", &host, None) }
}

/// A path of whole segments.
fn prefix() -> Form<String> {
    Form::reasoned("a path", |text| {
        let path = normalise(text).map_err(PathError::reason)?;
        if path.ends_with('/') {
            return Err("a prefix ends with a segment, not with a slash");
        }
        Ok(path.into_owned())
    })
}
