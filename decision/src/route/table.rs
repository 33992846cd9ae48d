//! The routes of an api as a tree of segments, so that a look-up costs what the path is long and not what the api has.

use std::collections::HashMap;

use http::HeaderValue;

use super::pattern::{Methods, Pattern, Segment};
use crate::config::snapshot::Route;

/// What the routes of an api say of a path and a method.
#[derive(Debug)]
pub enum Found<'t> {
    Route(&'t Route),
    /// The path is a route's and the method is not; the value of `Allow`.
    MethodNotAllowed(&'t HeaderValue),
    Unknown,
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
    literals: HashMap<Box<str>, Node>,
    parameter: Option<Box<Node>>,
    /// What ends here.
    here: Option<Leaf>,
    /// What goes on with `**`.
    rest: Option<Leaf>,
}

/// The routes of one path, with disjoint methods.
#[derive(Debug)]
struct Leaf {
    /// The positions of the routes.
    methods: Vec<(Methods, usize)>,
    allow: HeaderValue,
}

impl RouteTable {
    /// Adds a route and gives it its position; `Err` is the position of one with an equal path and a method in common.
    pub fn insert(
        &mut self,
        pattern: &Pattern,
        methods: Methods,
        mut route: Route,
    ) -> Result<usize, usize> {
        let position = self.routes.len();
        self.root.leaf(pattern.segments()).insert(methods, position)?;
        route.index = position;
        self.routes.push(route);
        Ok(position)
    }

    /// The routes, each at its position.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The best path decides, and then the method: a path whose method does not fit leaves no second choice.
    ///
    /// `path` is normalised.
    pub fn find(&self, path: &str, method: &str) -> Found<'_> {
        let Some(leaf) = self.root.best(path.strip_prefix('/')) else { return Found::Unknown };
        match leaf.position(method).and_then(|position| self.routes.get(position)) {
            Some(route) => Found::Route(route),
            None => Found::MethodNotAllowed(&leaf.allow),
        }
    }
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
        Self { methods: Vec::new(), allow: HeaderValue::from_static("") }
    }

    fn insert(&mut self, methods: Methods, position: usize) -> Result<(), usize> {
        if let Some(&(_, other)) = self.methods.iter().find(|(known, _)| !known.disjoint(&methods))
        {
            return Err(other);
        }
        self.methods.push((methods, position));
        let mut allowed: Vec<&str> = Vec::new();
        for name in self.methods.iter().flat_map(|(methods, _)| methods.names()) {
            let follows = if name == "GET" { Some("HEAD") } else { None };
            for name in [Some(name.as_str()), follows].into_iter().flatten() {
                if !allowed.contains(&name) {
                    allowed.push(name);
                }
            }
        }
        self.allow = HeaderValue::from_str(&allowed.join(", "))
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        Ok(())
    }

    /// The route for a method. HEAD is held as GET where no route of this path names it.
    fn position(&self, method: &str) -> Option<usize> {
        let named = |method: &str| self.methods.iter().find(|(methods, _)| methods.name(method));
        let found = named(method).or_else(|| if method == "HEAD" { named("GET") } else { None });
        found.map(|&(_, position)| position)
    }
}

#[cfg(test)]
mod tests;
