//! The routes of an api as a tree of segments, so that a look-up costs what the path is long and not what the api has.

use std::collections::HashMap;

use http::HeaderValue;

use super::Hasher;
use super::pattern::{Methods, Pattern, Segment};
use crate::config::snapshot::Route;
use crate::request::Field;

/// The routes of the one path that is best for a request.
#[derive(Clone, Copy, Debug)]
pub struct Junction<'t> {
    routes: &'t [Route],
    leaf: &'t Leaf,
}

/// What the routes of a path say of a request.
#[derive(Debug)]
pub enum Found<'t> {
    Route(&'t Route),
    /// No route of the path has the method; the value of `Allow`.
    MethodNotAllowed(&'t HeaderValue),
    /// There are routes with the method, and each asks for other fields.
    Unmatched,
}

/// The routes of an api.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    root: Node,
}

/// Where the segments so far lead.
#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, Node, Hasher>,
    parameter: Option<Box<Node>>,
    /// What ends here.
    here: Option<Leaf>,
    /// What goes on with `**`.
    rest: Option<Leaf>,
}

/// The routes of one path; those with a method in common ask for different fields.
#[derive(Debug)]
struct Leaf {
    /// Methods and position of each, in order of preference.
    routes: Vec<(Methods, usize)>,
    allow: HeaderValue,
}

impl RouteTable {
    /// Adds a route and gives it its position; `Err` is the position of one with an equal path, an equal match and a method in
    /// common.
    pub fn insert(
        &mut self,
        pattern: &Pattern,
        methods: Methods,
        mut route: Route,
    ) -> Result<usize, usize> {
        let position = self.routes.len();
        self.root.leaf(pattern.segments()).insert(&self.routes, methods, &route, position)?;
        route.index = position;
        self.routes.push(route);
        Ok(position)
    }

    /// The routes, each at its position.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    #[cfg(test)]
    pub(crate) fn into_routes(self) -> Vec<Route> {
        self.routes
    }

    /// The routes whose path is `pattern`.
    pub(crate) fn at(&self, pattern: &Pattern) -> Option<Junction<'_>> {
        let leaf = self.root.get(pattern.segments())?;
        Some(Junction { routes: &self.routes, leaf })
    }

    /// The routes of the best path that `path`, which is normalised, fits. It alone decides, and leaves no second choice: not for
    /// another method, nor for other fields.
    pub fn find(&self, path: &str) -> Option<Junction<'_>> {
        let leaf = self.root.best(path.strip_prefix('/'))?;
        Some(Junction { routes: &self.routes, leaf })
    }
}

impl<'t> Junction<'t> {
    /// In order of preference.
    pub fn routes(self) -> impl Iterator<Item = &'t Route> {
        self.leaf.routes.iter().filter_map(|&(_, position)| self.routes.get(position))
    }

    /// The route for a request: of those whose fields it has, the one that asks for most.
    pub fn choose(self, method: &str, fields: &[Field<'_>]) -> Found<'t> {
        let fits = |route: &&Route| route.matching.holds(fields);
        match self.with(method).find(fits).or_else(|| self.with(held_as(method)?).find(fits)) {
            Some(route) => Found::Route(route),
            None if self.has(method) => Found::Unmatched,
            None => Found::MethodNotAllowed(&self.leaf.allow),
        }
    }

    /// Each two routes with a method in common, the preferred one first.
    pub(crate) fn neighbours(self) -> impl Iterator<Item = (&'t Route, &'t Route)> {
        let all = self.leaf.routes.iter().enumerate();
        let pairs = all.flat_map(move |(index, (methods, position))| {
            let further = self.leaf.routes.iter().skip(index + 1);
            let common = further.filter(move |(others, _)| !methods.disjoint(others));
            common.map(move |(_, other)| (*position, *other))
        });
        pairs.filter_map(move |(one, other)| Some((self.routes.get(one)?, self.routes.get(other)?)))
    }

    /// The routes that name a method, or all methods.
    fn with(self, method: &str) -> impl Iterator<Item = &'t Route> {
        let named = self.leaf.routes.iter().filter(move |(methods, _)| methods.name(method));
        named.filter_map(move |&(_, position)| self.routes.get(position))
    }

    fn has(self, method: &str) -> bool {
        self.with(method).next().is_some()
            || held_as(method).is_some_and(|method| self.with(method).next().is_some())
    }
}

/// HEAD is held as GET where no route that fits names it.
fn held_as(method: &str) -> Option<&'static str> {
    (method == "HEAD").then_some("GET")
}

impl Node {
    /// The place of the routes of this path, made if there is none.
    fn leaf(&mut self, segments: &[Segment]) -> &mut Leaf {
        let Some((first, further)) = segments.split_first() else {
            return self.here.get_or_insert_with(Leaf::new);
        };
        match first {
            Segment::Literal(text) => self.literals.entry(text.clone()).or_default().leaf(further),
            Segment::Parameter => self.parameter.get_or_insert_default().leaf(further),
            Segment::Rest => self.rest.get_or_insert_with(Leaf::new),
        }
    }

    /// The place of the routes of this path, if there is one.
    fn get(&self, segments: &[Segment]) -> Option<&Leaf> {
        let Some((first, further)) = segments.split_first() else { return self.here.as_ref() };
        match first {
            Segment::Literal(text) => self.literals.get(text)?.get(further),
            Segment::Parameter => self.parameter.as_ref()?.get(further),
            Segment::Rest => self.rest.as_ref(),
        }
    }

    /// The most specific path that `path` fits: from the left, segment by segment, a literal before a parameter before the
    /// rest. A path that ends here is as good as a literal: `/a` is before `/a/**`, which takes it only where no other does.
    ///
    /// `path` is what follows the last slash, `None` where nothing does. A node is looked at once at most, because it has one
    /// depth; so a look-up is bounded by the tree, whatever the path.
    fn best(&self, path: Option<&str>) -> Option<&Leaf> {
        let Some(path) = path else { return self.here.as_ref().or(self.rest.as_ref()) };
        let (segment, further) = match path.split_once('/') {
            Some((segment, further)) => (segment, Some(further)),
            None => (path, None),
        };
        let literal = self.literals.get(segment).and_then(|node| node.best(further));
        let parameter = || self.parameter.as_ref().filter(|_| !segment.is_empty());
        literal.or_else(|| parameter()?.best(further)).or(self.rest.as_ref())
    }
}

impl Leaf {
    fn new() -> Self {
        Self { routes: Vec::new(), allow: HeaderValue::from_static("") }
    }

    /// `all`: the routes so far, by position.
    fn insert(
        &mut self,
        all: &[Route],
        methods: Methods,
        route: &Route,
        position: usize,
    ) -> Result<(), usize> {
        let matching = |position: usize| all.get(position).map(|route| &route.matching);
        let collides = |(known, position): &&(Methods, usize)| {
            matching(*position) == Some(&route.matching) && !known.disjoint(&methods)
        };
        if let Some(&(_, other)) = self.routes.iter().find(collides) {
            return Err(other);
        }
        let is_preferred = |&(_, known): &(Methods, usize)| {
            matching(known).is_some_and(|known| known.preference(&route.matching).is_le())
        };
        let place = self.routes.partition_point(is_preferred);
        self.routes.insert(place, (methods, position));
        let mut by_position: Vec<_> = self.routes.iter().collect();
        by_position.sort_by_key(|(_, position)| *position);
        let mut allowed: Vec<&str> = Vec::new();
        for name in by_position.iter().flat_map(|(methods, _)| methods.names()) {
            for name in
                [Some(name.as_str()), (name == "GET").then_some("HEAD")].into_iter().flatten()
            {
                if !allowed.contains(&name) {
                    allowed.push(name);
                }
            }
        }
        self.allow = HeaderValue::from_str(&allowed.join(", "))
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
