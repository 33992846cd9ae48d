//! What a route asks of who is let in: `resource`, `org`, `level`, `scopes`, `capabilities`, `audience`, `subject_admin`; and what
//! the `states` of an api leave of it.

use super::field::{Fields, Located, entries, filled_set, scalar, unexpected, values};
use super::form::{Form, boolean, text, word};
use super::problem::{Judged, Place, Problems, quote, suggestion};
use super::snapshot::{
    Auth, ByMethod, Requirement, ResourceSource, RouteResource, States, UnknownResource,
};
use super::tree::{Entry, Node, Value};
use crate::audience;
use crate::facts::Level;
use crate::name::{ID_RULE, Id};
use crate::route::{Methods, Pattern, parameters};

/// The most characters of an audience.
const AUDIENCE_MAX: usize = 2048;

/// The keys that ask something of whoever is known. They mean nothing where nobody has to be.
const OF_THE_KNOWN: [&str; 7] =
    ["resource", "unknown_resource", "org", "level", "scopes", "capabilities", "subject_admin"];

/// Reads what a route asks, on `path` and for `methods`, as far as these could be read.
pub(super) fn requirement(
    route: &mut Fields<'_>,
    auth: Auth,
    path: &Judged<Located<'_, Pattern>>,
    methods: &Judged<Methods>,
) -> Requirement {
    let problems = route.problems;
    judge_auth(route, auth);
    let path = path.as_ref().ok().map(|path| path.given.text);
    let resource = resource(route, path);
    let org = route.value("org", &text()).and_then(|org| segment(&org.ok()?, path, problems));
    let level = route.node("level").and_then(|node| {
        let levels = by_method(node, methods, problems, |node| {
            scalar(node, &level(), problems).map(|level| level.value)
        });
        let levels = levels.ok()?;
        judge_all_named(&levels, methods, &node.place, problems);
        Some(levels)
    });
    let scopes = route.node("scopes").and_then(|node| {
        let read =
            |node| filled_set(node, &id(), problems).into_iter().map(|id| Ok(id?.value)).collect();
        by_method(node, methods, problems, read).ok()
    });
    let capabilities = route.filled_list("capabilities", &id()).unwrap_or_default();
    Requirement {
        resource,
        org,
        level: level.unwrap_or_default(),
        scopes: scopes.unwrap_or_default(),
        capabilities: values(capabilities).collect(),
        audience: route.value_or("audience", &audience(), None),
        subject_admin: route.value_or("subject_admin", &boolean(), false),
    }
}

/// Where nobody has to be known, nothing can be asked of who is.
fn judge_auth(route: &mut Fields<'_>, auth: Auth) {
    let (word, keys): (_, &[&[&'static str]]) = match auth {
        Auth::Required => return,
        Auth::Optional => ("optional", &[&OF_THE_KNOWN]),
        Auth::None => ("none", &[&OF_THE_KNOWN, &["audience"]]),
    };
    for key in keys.iter().flat_map(|keys| keys.iter()) {
        if let Some(node) = route.node(key) {
            let message = format!("a route of `auth: {word}` cannot ask for this");
            route.problems.error(&node.place, message);
        }
    }
}

fn resource(route: &mut Fields<'_>, path: Option<&str>) -> Option<RouteResource> {
    let problems = route.problems;
    let unknown = word(&[("refuse", UnknownResource::Refuse), ("pass", UnknownResource::Pass)]);
    let unknown = route.value("unknown_resource", &unknown);
    let Some(node) = route.node("resource") else {
        if let Some(Ok(unknown)) = &unknown {
            let message = "the route names no `resource` that could be unknown";
            problems.error(&unknown.given.place, message);
        }
        return None;
    };
    let (source, default) = match &node.value {
        Value::Mapping(_) => {
            let literal = Fields::of(node, problems, |block| block.required("literal", &id()));
            (ResourceSource::Literal(literal.ok()?.value), UnknownResource::Pass)
        }
        Value::List(_) => {
            unexpected("a parameter of the path, or `{ literal: ID }`", node, problems);
            return None;
        }
        Value::Scalar(_) | Value::Unreadable(_) => {
            let name = scalar(node, &text(), problems).ok()?;
            let segment = segment(&name, path, problems)?;
            (ResourceSource::Segment(segment), UnknownResource::Refuse)
        }
    };
    let unknown = unknown.and_then(Result::ok).map_or(default, |unknown| unknown.value);
    Some(RouteResource { source, unknown })
}

/// The segment of a path that a parameter stands for.
fn segment(name: &Located<'_, String>, path: Option<&str>, problems: &Problems) -> Option<usize> {
    let mut known = Vec::new();
    for (parameter, position) in parameters(path?) {
        if parameter == name.value {
            return Some(position);
        }
        known.push(parameter);
    }
    let (written, hint) = (quote(name.given.written), suggestion(name.given.written, known));
    let message = format!("the route's path has no parameter {written}{hint}");
    problems.error(&name.given.place, message);
    None
}

/// Reads a mapping of methods, or `*`, to values.
fn by_method<'t, T>(
    node: &'t Node,
    methods: &Judged<Methods>,
    problems: &Problems,
    read: impl Fn(&'t Node) -> Judged<T>,
) -> Judged<ByMethod<T>> {
    let mut all = Ok(ByMethod::default());
    for Entry { key, place, value } in entries(node, problems)? {
        let value = read(value);
        let named = if key == "*" { Ok(None) } else { method(key, place, methods, problems) };
        match (&mut all, named, value) {
            (Ok(all), Ok(None), Ok(value)) => all.others = Some(value),
            (Ok(all), Ok(Some(method)), Ok(value)) => all.named.push((method, value)),
            (_, Err(reported), _) | (_, _, Err(reported)) => all = Err(reported),
            (Err(_), ..) => {}
        }
    }
    all
}

/// A method that is spoken of. That it is none of the route's does no harm, and is hardly meant.
fn method(
    key: &str,
    place: &Place,
    methods: &Judged<Methods>,
    problems: &Problems,
) -> Judged<Option<String>> {
    if let Err(reason) = Methods::named([key]) {
        return Err(problems.error(place, format!("{}: {reason}", quote(key))));
    }
    if let Ok(methods) = methods
        && !methods.name(key)
        && !(key == "HEAD" && methods.name("GET"))
    {
        problems.warning(place, format!("the route has no method {}", quote(key)));
    }
    Ok(Some(key.to_owned()))
}

/// A method for which no level is named would be one for which nobody has thought of it.
fn judge_all_named(
    levels: &ByMethod<Level>,
    methods: &Judged<Methods>,
    place: &Place,
    problems: &Problems,
) {
    let (Ok(methods), None) = (methods, levels.others) else { return };
    if methods.names().is_empty() {
        let message = "the route has all methods: `\"*\"` must say the level of those not named";
        problems.error(place, message);
    }
    for method in methods.names().iter().filter(|method| levels.get(method).is_none()) {
        let message =
            format!("no level for the route's method {}; name it, or `\"*\"`", quote(method));
        problems.error(place, message);
    }
}

/// Reads `states` of an api.
pub(super) fn states(states: &mut Fields<'_>) -> States {
    let level = level();
    let mut left = |state| states.value(state, &level).and_then(Result::ok).map(|left| left.value);
    States { restricted: left("restricted"), locked: left("locked"), archived: left("archived") }
}

fn level() -> Form<Level> {
    word(&[("read", Level::Read), ("edit", Level::Edit), ("admin", Level::Admin)])
}

fn id() -> Form<Id> {
    Form::reasoned("an id", |text| Id::new(text).ok_or(ID_RULE))
}

fn audience() -> Form<Option<String>> {
    Form::new("a URI of 1 to 2048 visible ASCII characters", |scalar| {
        let text = &scalar.text;
        let fits = (1..=AUDIENCE_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Some(audience::normalise(text)))
    })
}
