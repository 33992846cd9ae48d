//! `schemes`: how an api's credentials are recognised, and where they sit.

use http::{HeaderName, HeaderValue};

use super::field::{Fields, List, at_most, given, items};
use super::form::{Form, Reason, boolean, free_header_name, name, word};
use super::issue::issue;
use super::names::Names;
use super::problem::{Judged, Place as At, Problems};
use super::snapshot::{OnRevoke, Place, Scheme};

/// The most schemes of one api: a route's `accept` has a bit for each.
const SCHEMES_MAX: usize = 64;
/// The most places of one scheme. Each request is searched in all of them.
const PLACES_MAX: usize = 16;
/// The most characters of a prefix.
const PREFIX_MAX: usize = 32;
/// The most characters of the name of a cookie or a parameter.
const PLACE_NAME_MAX: usize = 128;

/// What `schemes` says.
pub(super) struct Schemes {
    pub(super) names: Names,
    /// Those that could be read, and where they stand.
    pub(super) read: Vec<(Scheme, At)>,
    pub(super) places: Vec<Place>,
    /// The places that are header fields, and where that is said.
    pub(super) headers: Vec<(HeaderName, At)>,
    /// The fields in which a client chooses an organisation, and where that is said.
    choices: Vec<(HeaderName, At)>,
}

impl Schemes {
    pub(super) fn of(api: &mut Fields<'_>) -> Self {
        let names = Names::new("scheme");
        let mut schemes = Self {
            names,
            read: Vec::new(),
            places: Vec::new(),
            headers: Vec::new(),
            choices: Vec::new(),
        };
        let problems = api.problems;
        let Some(node) = api.node("schemes") else { return schemes };
        let nodes = match items(node, problems) {
            Ok(nodes) => nodes,
            Err(reported) => {
                schemes.names.give_up(reported);
                return schemes;
            }
        };
        for node in at_most(nodes, SCHEMES_MAX, &node.place, problems) {
            let scheme = Fields::of(node, problems, |fields| schemes.scheme(fields));
            schemes.read.extend(scheme.map(|scheme| (scheme, node.place.clone())));
        }
        schemes.judge_choices(problems);
        schemes
    }

    /// Reads one scheme and compares it with those before.
    fn scheme(&mut self, scheme: &mut Fields<'_>) -> Judged<Scheme> {
        let name = scheme.required("name", &name());
        let prefix = scheme.value("prefix", &prefix()).transpose();
        let from = scheme.filled_list("from", &place());
        scheme.value_or("verify", &verify(), ());
        let issue = scheme.block("issue", issue);
        let bound = scheme.value_or("bound", &boolean(), false);
        let on_revoke = scheme.value_or("on_revoke", &on_revoke(), OnRevoke::Tombstone);
        let cut_in_flight = scheme.value_or("cut_in_flight", &boolean(), true);
        let choose_org = scheme.value("choose_org", &choose_org());
        self.names.define(&given(&name), scheme.problems);
        let at = scheme.place()?;
        let from = self.places(from, at, scheme.problems);
        let choose_org =
            choose_org.and_then(Result::ok).map(|choice| (choice.value, choice.given.place));
        self.choices.extend(choose_org.clone());
        let prefix = prefix?.map(|prefix| prefix.value);
        self.compare(prefix.as_deref(), &from, at, scheme.problems);
        let name = name?.value;
        // A name is visible ASCII.
        let name_value = HeaderValue::from_str(&name);
        let name_value = name_value.unwrap_or_else(|_| HeaderValue::from_static(""));
        Ok(Scheme {
            name: name.into(),
            name_value,
            prefix,
            from,
            issue,
            bound,
            on_revoke,
            cut_in_flight,
            choose_org: choose_org.map(|(name, _)| name),
        })
    }

    /// The positions of a scheme's places. A new one is added to those of the api.
    fn places(
        &mut self,
        from: Option<List<'_, Place>>,
        scheme: &At,
        problems: &Problems,
    ) -> Vec<usize> {
        const DEFAULT: HeaderName = HeaderName::from_static("x-api-key");
        let from: Vec<_> = match from {
            Some(from) => {
                from.into_iter().flatten().map(|item| (item.value, item.given.place)).collect()
            }
            None => [Place::Bearer, Place::Header(DEFAULT)].map(|at| (at, scheme.clone())).into(),
        };
        let mut position = |(place, at): &(Place, At)| {
            if let Place::Header(name) = place {
                self.headers.push((name.clone(), at.clone()));
            }
            self.places.iter().position(|known| known == place).unwrap_or_else(|| {
                self.places.push(place.clone());
                self.places.len() - 1
            })
        };
        let from = at_most(&from, PLACES_MAX, &scheme.key("from"), problems);
        from.iter().map(&mut position).collect()
    }

    /// Where a credential is read, nothing else is said.
    fn judge_choices(&self, problems: &Problems) {
        for (name, place) in &self.choices {
            if let Some((_, scheme)) = self.headers.iter().find(|(known, _)| known == name) {
                let scheme = problems.line_of(scheme);
                let message = format!("the scheme at {scheme} reads credentials in `{name}`");
                problems.error(place, message);
            }
        }
    }

    /// A value belongs to one scheme alone.
    fn compare(&self, prefix: Option<&str>, from: &[usize], at: &At, problems: &Problems) {
        let rival = self.read.iter().find(|(other, _)| {
            other.prefix.as_deref() == prefix && other.from.iter().any(|place| from.contains(place))
        });
        let Some((_, first)) = rival else { return };
        let first = problems.line_of(first);
        if prefix.is_some() {
            let message =
                format!("the scheme at {first} has this prefix too, and a place in common");
            problems.error(at, message);
        } else {
            let message = format!(
                "where this scheme and the one at {first} read the same place, that one takes every value: neither has a prefix"
            );
            problems.warning(at, message);
        }
    }
}

fn on_revoke() -> Form<OnRevoke> {
    word(&[("tombstone", OnRevoke::Tombstone), ("delete", OnRevoke::Delete)])
}

fn choose_org() -> Form<HeaderName> {
    Form::reasoned("`header:NAME`", |text| match text.split_once(':') {
        Some(("header", name)) => free_header_name(name),
        _ => Err("an organisation is chosen in a header field: expected `header:NAME`"),
    })
}

fn verify() -> Form<()> {
    Form::reasoned("`registered`", |word| match word {
        "registered" => Ok(()),
        _ => Err("only `registered` is supported yet"),
    })
}

fn prefix() -> Form<String> {
    Form::new("a prefix of 1 to 32 visible ASCII characters without `,`", |scalar| {
        let fits = (1..=PREFIX_MAX).contains(&scalar.text.len())
            && scalar.text.bytes().all(|b| b.is_ascii_graphic() && b != b',');
        fits.then(|| scalar.text.clone())
    })
}

fn place() -> Form<Place> {
    Form::reasoned("`bearer`, `header:NAME`, `cookie:NAME` or `query:NAME`", |text| {
        match text.split_once(':') {
            None if text == "bearer" => Ok(Place::Bearer),
            Some(("header", name)) => free_header_name(name).map(Place::Header),
            Some(("cookie", name)) => cookie_name(name).map(Place::Cookie),
            Some(("query", name)) => query_name(name).map(Place::Query),
            _ => Err("expected `bearer`, `header:NAME`, `cookie:NAME` or `query:NAME`"),
        }
    })
}

/// A token (RFC 9110, section 5.6.2), as RFC 6265 has it.
fn cookie_name(name: &str) -> Result<String, Reason> {
    let special = "!#$%&'*+-.^_`|~";
    let token = name.chars().all(|c| c.is_ascii_alphanumeric() || special.contains(c));
    let fits = token && (1..=PLACE_NAME_MAX).contains(&name.len());
    fits.then(|| name.to_owned()).ok_or("a cookie's name is a token of 1 to 128 characters")
}

/// Characters that mean themselves in a query, escaped or not.
fn query_name(name: &str) -> Result<String, Reason> {
    let plain =
        name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
    let fits = plain && (1..=PLACE_NAME_MAX).contains(&name.len());
    fits.then(|| name.to_owned())
        .ok_or("a parameter's name is 1 to 128 letters, digits, `-`, `.`, `_` and `~`")
}
