//! `routes`: what an api does with a path and a method.

use std::time::Duration;

use http::HeaderValue;

use super::dialect::{Dialects, Own};
use super::field::{Fields, Given, Located, filled, given, values};
use super::form::{
    DAY, Form, GIB, LABEL_RULE, MIB, MILLISECOND, boolean, duration, is_label, size, text, word,
};
use super::names::Names;
use super::problem::{Judged, Place};
use super::requirement::requirement;
use super::snapshot::{Auth, Rewrite, Route};
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
}

/// Reads `routes`.
pub(super) fn routes<'t>(api: &mut Fields<'t>, frame: &Frame<'_, 't>) -> RouteTable {
    let problems = api.problems;
    let mut routes = Routes::new(frame);
    let Some(node) = api.node("routes") else {
        let mut defaults = Fields::absent(api.place().cloned(), problems);
        let path = all_paths(&defaults);
        routes.add(&mut defaults, path);
        return routes.table;
    };
    let what = "one route, or no key at all for the one route `/**`";
    for node in filled(node, what, problems).unwrap_or_default() {
        Fields::of(node, problems, |route| {
            let path = route.required("path", &path());
            routes.add(route, path);
        });
    }
    routes.table
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
    table: RouteTable,
    /// Where each route of the table stands.
    places: Vec<Place>,
}

impl<'f, 't> Routes<'f, 't> {
    fn new(frame: &'f Frame<'f, 't>) -> Self {
        let names = Names::new("route");
        Self { frame, names, table: RouteTable::default(), places: Vec::new() }
    }

    fn add(&mut self, route: &mut Fields<'t>, path: Judged<Located<'t, Pattern>>) {
        let problems = route.problems;
        let methods = methods(route);
        let Ok((read, pattern, place)) = self.read(route, path, &methods) else { return };
        let Ok(methods) = methods else { return };
        match self.table.insert(&pattern, methods, read) {
            Ok(_) => self.places.push(place),
            Err(other) => {
                let other = self.places.get(other).unwrap_or(&place);
                let other = problems.line_of(other);
                let message = format!("the route at {other} has this path, and a method in common");
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
        let upstream = self.upstream(route);
        let literals = path.as_ref().map(|path| path.value.literal_prefix()).ok();
        let rewrite = route.block("rewrite", |block| rewrite(block, literals.as_deref()));
        let (auth, accept) = self.auth(route, &path);
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
        let body_limit = route.value_or("body_limit", &size(0..=1024 * GIB), 10 * MIB);
        let limits = route.filled_list("limits", &text()).unwrap_or_default();
        let rule =
            |name: Located<'_, String>| self.frame.limits.resolve(&name.given, problems).ok();
        let limits = limits.into_iter().filter_map(|name| rule(name.ok()?)).collect();
        let errors = self.frame.dialects.of_route(route, self.frame.schemes, self.frame.errors);
        let upgrade = route.list("upgrade", &word(&[("websocket", ())])).unwrap_or_default();
        let Located { value: pattern, given: path } = path?;
        let read = Route {
            name: name?.text.into(),
            index: 0,
            path: path.text.to_owned(),
            // One that was refused still tells which others its route collides with.
            upstream: upstream.unwrap_or_default(),
            rewrite,
            auth,
            accept,
            requirement,
            forward_credential: forward_credential
                .map_or(self.frame.forward_credential, |forward| {
                    forward.is_ok_and(|forward| forward.value)
                }),
            timeout,
            idle,
            body_limit,
            websocket: values(upgrade).next().is_some(),
            limits,
            errors: errors.unwrap_or_default(),
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
        let name = match route.value("name", &label) {
            Some(name) => given(&name),
            None => given(path).and_then(|path| {
                if is_label(path.text) {
                    return Ok(path);
                }
                let message = "the path is too long for a name; give the route a `name`";
                Err(route.problems.error(&path.place, message))
            }),
        };
        self.names.define(&name, route.problems);
        name
    }

    fn upstream(&self, route: &mut Fields<'_>) -> Judged<usize> {
        match (route.value("upstream", &text()), self.frame.upstream) {
            (Some(upstream), _) => self.frame.upstreams.resolve(&upstream?.given, route.problems),
            (None, Some(upstream)) => upstream,
            (None, None) => Err(route.missing("upstream")),
        }
    }

    /// Who is let in: a bit for each scheme that is.
    fn auth(&self, route: &mut Fields<'_>, path: &Judged<Located<'_, Pattern>>) -> (Auth, u64) {
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
            Some(Ok(auth)) => auth.value,
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
