//! Configuration: YAML text → a tree that knows every place → compiled block by block, every problem at once → `snapshot`
//! (nothing left to parse or to fail).
//!
//! A block of the file is a file here, and one function reads it: it asks for its keys, judges them, and makes the part of
//! the snapshot that they mean. Whoever gives up holds a `Reported`, so nothing is dropped in silence.

mod action;
mod addresses;
mod api;
mod cors;
mod dialect;
mod endpoints;
mod field;
mod form;
mod headers;
mod identity;
mod issue;
mod limits;
mod matching;
mod names;
mod neighbours;
mod problem;
mod redis;
mod requirement;
mod route;
mod schema;
mod scheme;
mod server;
mod shape;
pub mod snapshot;
mod store;
mod telemetry;
mod tree;
mod upstream;
mod variable;
mod written;

use std::io;
use std::path::Path;
use std::time::Duration;

use self::api::{Apis, Shared, apis};
use self::dialect::Dialects;
use self::field::{Fields, mapping};
pub use self::form::parse_duration;
use self::names::Names;
pub use self::problem::Problem;
use self::problem::{Judged, Missing, Place, Problems, Reported, quote};
pub use self::schema::schema;
use self::server::{Server, server};
use self::snapshot::{Configuration, Process, Snapshot, StoreSettings};
use self::store::store;
use self::telemetry::telemetry;
use self::tree::Node;
use self::variable::Substitution;
pub use self::written::Written;
use self::written::is_within;

/// One file of a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// As the user gave it.
    pub name: &'a str,
    /// What is in it, or why it cannot be read.
    pub text: Result<&'a str, &'a str>,
    /// Where relative paths in the file start; by default in the folder that the name says.
    pub folder: Option<&'a Path>,
}

impl<'a> Fragment<'a> {
    pub const fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text: Ok(text), folder: None }
    }
}

/// Where `${NAME}` and `${file:PATH}` come from.
pub trait Variables {
    fn variable(&self, name: &str) -> Option<String>;
    fn file(&self, path: &str) -> io::Result<String>;
}

/// A configuration that can be run.
#[derive(Debug)]
pub struct Compiled {
    pub configuration: Configuration,
    pub written: Written,
    pub warnings: Vec<Problem>,
}

/// Why there is no configuration.
#[derive(Debug)]
pub struct Refusal {
    /// At least one, in the order of the files.
    pub errors: Vec<Problem>,
    pub warnings: Vec<Problem>,
    written: Option<Written>,
}

impl Refusal {
    /// What of it, once it is good, the process that runs `running` could only take at its next start. What is in error is not
    /// compared.
    pub fn needs_restart(&self, running: &Written) -> Vec<Problem> {
        let changed = self.written.iter().flat_map(|written| written.needs_restart(running));
        let in_error = |problem: &Problem| {
            let mut parts = self.errors.iter().map(|error| error.path.as_str());
            parts.any(|part| !part.is_empty() && is_within(&problem.path, part))
        };
        changed.filter(|problem| !in_error(problem)).collect()
    }
}

/// Compiles a configuration to run it. A variable or file that is missing is an error.
pub fn load(fragments: &[Fragment<'_>], variables: &dyn Variables) -> Result<Compiled, Refusal> {
    let (read, errors, warnings) = compile(fragments, variables, Missing::Error);
    match read {
        Ok((Ok(configuration), written)) if errors.is_empty() => {
            Ok(Compiled { configuration, written, warnings })
        }
        read => {
            let written = read.ok().map(|(_, written)| written);
            Err(Refusal { errors, warnings, written })
        }
    }
}

/// Judges a configuration, perhaps on another machine than the one it is for: a variable or file that is missing is a
/// warning, and what depends on it is not judged. `Ok` has the warnings.
pub fn check(
    fragments: &[Fragment<'_>],
    variables: &dyn Variables,
) -> Result<Vec<Problem>, Refusal> {
    let (_, errors, warnings) = compile(fragments, variables, Missing::Warning);
    if errors.is_empty() { Ok(warnings) } else { Err(Refusal { errors, warnings, written: None }) }
}

/// What has been read, which is worth something only without errors; errors; warnings.
fn compile(
    fragments: &[Fragment<'_>],
    variables: &dyn Variables,
    missing: Missing,
) -> (Judged<Read>, Vec<Problem>, Vec<Problem>) {
    let problems = Problems::new(fragments, missing);
    let read = read_whole(fragments, variables, &problems);
    let (errors, warnings) = problems.into_lists();
    (read, errors, warnings)
}

/// What a tree means, and what is written in it.
type Read = (Judged<Configuration>, Written);

/// Reads all there is; what is wrong is in `problems`.
fn read_whole(
    fragments: &[Fragment<'_>],
    variables: &dyn Variables,
    problems: &Problems,
) -> Judged<Read> {
    let (tree, lost) = tree(fragments, variables, problems)?;
    let configuration = Fields::of(&tree, problems, |top| configuration(top, lost, variables));
    Ok((configuration, Written::of(&tree, problems)))
}

/// The trees of all fragments that can be read, as one; and whether there are others, which may have what these have not.
fn tree(
    fragments: &[Fragment<'_>],
    variables: &dyn Variables,
    problems: &Problems,
) -> Judged<(Node, Option<Reported>)> {
    let substitution = Substitution { variables, problems };
    let read = |(source, fragment): (usize, &Fragment<'_>)| {
        let text = fragment.text.map_err(|reason| problems.error(&Place::start(source), reason))?;
        let tree = tree::read(source, text, &substitution)?;
        mapping(&tree, problems)?;
        Ok(tree)
    };
    let (mut trees, mut lost) = (Vec::new(), None);
    for tree in fragments.iter().enumerate().map(read) {
        match tree {
            Ok(tree) => trees.push(tree),
            Err(reported) => lost = Some(reported),
        }
    }
    let mut trees = trees.into_iter();
    let none = || lost.unwrap_or_else(|| problems.error(&Place::start(0), "there is no file"));
    let mut whole = trees.next().ok_or_else(none)?;
    for further in trees {
        tree::join(&mut whole, further, problems);
    }
    if let Some(reported) = lost {
        tree::lack(&mut whole, &BLOCKS, reported);
    }
    Ok((whole, lost))
}

/// What a configuration consists of.
const BLOCKS: [&str; 6] = ["server", "store", "telemetry", "upstreams", "dialects", "apis"];

/// `lost`: there are files that cannot be read, and there may be upstreams and apis in them.
fn configuration(
    top: &mut Fields<'_>,
    lost: Option<Reported>,
    variables: &dyn Variables,
) -> Judged<Configuration> {
    let problems = top.problems;
    let mut listeners = Names::new("listener");
    let mut upstreams = Names::new("upstream");
    let server = top.block("server", |block| server(block, &mut listeners, variables));
    let store = top.block("store", |block| store(block, variables));
    let (log, metrics_routes) = top.block("telemetry", telemetry);
    let specs = match top.node("upstreams") {
        Some(node) => upstream::upstreams(node, &mut upstreams, problems),
        None => Ok(Vec::new()),
    };
    let mut dialects = Dialects::of(top);
    if let Some(reported) = lost {
        upstreams.give_up(reported);
        // Which schemes there are is not known.
        dialects.schemes.clear();
    }
    let serve = store.as_ref().map_or(Duration::ZERO, |store| store.serve);
    let shared =
        Shared { listeners: &listeners, upstreams: &upstreams, dialects: &dialects, serve };
    let apis = apis(top, &shared);
    if problems.clean() {
        for (name, place) in upstreams.unused() {
            problems.warning(place, format!("no route leads to the upstream {}", quote(name)));
        }
        for (name, place) in dialects.unused() {
            problems.warning(place, format!("no api speaks the dialect {}", quote(name)));
        }
    }
    if let (Ok(apis), Ok(store)) = (&apis, &store) {
        judge_revealable(apis, store, top);
    }
    let Server {
        listeners,
        bounds,
        admin,
        health,
        unready_when_store_lost,
        threads,
        drain,
        replica,
    } = server?;
    let Apis { list: apis, hosts, identity_names } = apis?;
    let store = store?;
    let process = Process {
        listeners,
        bounds,
        admin,
        health,
        unready_when_store_lost,
        threads,
        drain,
        replica,
        store,
    };
    let upstreams = specs?;
    let serves = apis.iter().flat_map(|api| api.routes.routes()).map(|route| route.serve);
    let longest_serve = serves.max().unwrap_or(Duration::ZERO);
    let snapshot =
        Snapshot { apis, upstreams, hosts, identity_names, log, metrics_routes, longest_serve };
    Ok(Configuration { process, snapshot })
}

/// A secret that is to be shown again is sealed under a key, which the variables of whoever runs it may hold.
fn judge_revealable(apis: &Apis, store: &StoreSettings, top: &mut Fields<'_>) {
    let schemes = apis.list.iter().flat_map(|api| api.schemes.iter().map(move |one| (api, one)));
    let mut revealable = schemes.filter(|(_, scheme)| scheme.issue.revealable);
    if store.sealing_key.is_none()
        && let Some((api, scheme)) = revealable.next()
        && let Ok(place) = store_place(top)
    {
        let (api, scheme) = (quote(&api.name), quote(&scheme.name));
        top.problems.missing(
            &place.key("sealing_key"),
            format!("the key is missing: the scheme {scheme} of the api {api} is revealable"),
        );
    }
}

fn store_place(top: &mut Fields<'_>) -> Judged<Place> {
    match top.node("store") {
        Some(node) => Ok(node.place.clone()),
        None => top.place().map(|place| place.key("store")),
    }
}

#[cfg(test)]
mod tests;
