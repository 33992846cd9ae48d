//! YAML text → a tree in which every key and every value knows its place.
//!
//! The YAML we read is a small one: one document of mappings with text keys, lists and scalars. Anchors, aliases, tags and
//! directives are refused, so a file cannot unfold into more than it is (docs/decisions/0002-yaml.md).

use std::cell::Cell;
use std::collections::HashMap;
use std::mem;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, options};

use super::problem::{Judged, Place, Problems, Reported, quote};
use super::variable::Substitution;

/// The most bytes one file may have. 20,000 routes fit.
const FILE_MAX: usize = 4 * 1024 * 1024;
/// The most mappings and lists inside each other, counted for each of YAML's two notations.
const DEPTH_MAX: usize = 32;
/// The most characters of a key.
const KEY_MAX: usize = 256;

pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
    /// Something that was refused, or is not known here.
    Unreadable(Reported),
}

pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key stands.
    pub(super) place: Place,
    pub(super) value: Node,
}

pub(super) struct Scalar {
    /// With its references in it.
    pub(super) written: String,
    /// With its references replaced.
    pub(super) text: String,
    /// Neither quoted nor a block: typed by what it looks like.
    pub(super) plain: bool,
    /// Whoever reads it holds it for a secret.
    pub(super) secret: Cell<bool>,
}

impl Scalar {
    /// Whether it is *written* as nothing. What a variable brings is text, `~` and `null` too.
    pub(super) fn is_null(&self) -> bool {
        self.plain && matches!(self.written.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// The tree of the fragment at position `source`.
pub(super) fn read(source: usize, text: &str, substitution: &Substitution<'_>) -> Judged<Node> {
    let start = Place::start(source);
    let problems = substitution.problems;
    if text.len() > FILE_MAX {
        let message = format!("the file is larger than {} MiB", FILE_MAX / (1024 * 1024));
        return Err(problems.error(&start, message));
    }
    let options = options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let events = Parser::new_from_str_with_options(text, options);
    Reader { events, start, substitution, problems }.document()
}

/// Adds a further file to a configuration: `apis` and `upstreams` join, any other key is in one file alone. Both are mappings.
pub(super) fn join(whole: &mut Node, further: Node, problems: &Problems) {
    let (Value::Mapping(known), Value::Mapping(further)) = (&mut whole.value, further.value) else {
        return;
    };
    for entry in further {
        let Some(known) = known.iter_mut().find(|known| known.key == entry.key) else {
            known.push(entry);
            continue;
        };
        match (entry.key.as_str(), &mut known.value.value, entry.value.value) {
            ("apis", Value::List(known), Value::List(further)) => known.extend(further),
            ("upstreams", Value::Mapping(known), Value::Mapping(further)) => {
                let mut all = Entries::of(mem::take(known));
                for upstream in further {
                    all.push(upstream, problems);
                }
                *known = all.list;
            }
            _ => Entries::report_twice(&entry.key, &entry.place, &known.place, problems),
        }
    }
}

/// Of those of `keys` that are not there it is not known what they hold.
pub(super) fn lack(whole: &mut Node, keys: &[&str], reported: Reported) {
    let place = whole.place.clone();
    let Value::Mapping(known) = &mut whole.value else { return };
    for key in keys {
        if !known.iter().any(|entry| entry.key == *key) {
            let place = place.key(key);
            let value = Node { place: place.clone(), value: Value::Unreadable(reported) };
            known.push(Entry { key: (*key).to_owned(), place, value });
        }
    }
}

/// The entries of one mapping, each key once.
#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    seen: HashMap<String, Place>,
}

impl Entries {
    fn of(list: Vec<Entry>) -> Self {
        let seen = list.iter().map(|entry| (entry.key.clone(), entry.place.clone())).collect();
        Self { list, seen }
    }

    fn push(&mut self, entry: Entry, problems: &Problems) {
        if let Some(first) = self.seen.get(&entry.key) {
            Self::report_twice(&entry.key, &entry.place, first, problems);
        } else {
            self.seen.insert(entry.key.clone(), entry.place.clone());
            self.list.push(entry);
        }
    }

    fn report_twice(key: &str, place: &Place, first: &Place, problems: &Problems) {
        let (key, first) = (quote(key), problems.line_of(first));
        problems.error(place, format!("the key {key} is given twice, first at {first}"));
    }
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    start: Place,
    substitution: &'a Substitution<'a>,
    problems: &'a Problems,
}

impl<'a> Reader<'a> {
    /// The next event and its point, seen from `place`. After an error of syntax nothing more can be read, and nobody knows
    /// what it is part of.
    fn next(&mut self, place: &Place) -> Judged<(Event<'a>, Span, Place)> {
        match self.events.next() {
            Some(Ok((event, span))) => {
                let place = place.at(span.start.line(), span.start.col() + 1);
                Ok((event, span, place))
            }
            Some(Err(error)) => {
                let place = self.start.at(error.marker().line(), error.marker().col() + 1);
                Err(self.problems.error(&place, format!("invalid YAML: {}", error.info())))
            }
            None => Err(self.problems.error(&self.start, "invalid YAML: the file ends too early")),
        }
    }

    fn document(&mut self) -> Judged<Node> {
        let start = self.start.clone();
        let (_stream_start, ..) = self.next(&start)?;
        let (event, ..) = self.next(&start)?;
        if event == Event::StreamEnd {
            return Err(self.problems.error(&start, "the file is empty"));
        }
        let (event, span, place) = self.next(&start)?;
        let root = self.node(event, &span, place)?;
        let (_document_end, ..) = self.next(&start)?;
        match self.next(&start)? {
            (Event::StreamEnd, ..) => Ok(root),
            (_, _, place) => {
                Err(self.problems.error(&place, "a second YAML document; expected one"))
            }
        }
    }

    /// The node that `event` begins.
    fn node(&mut self, event: Event<'a>, span: &Span, place: Place) -> Judged<Node> {
        let refused = self.refuse(&event, span, &place);
        let value = match event {
            Event::Scalar(text, style, ..) => self.scalar(&text, style, &place),
            Event::SequenceStart(..) => Value::List(self.list(&place)?),
            Event::MappingStart(..) => Value::Mapping(self.mapping(&place)?),
            _ => Value::Unreadable(
                self.problems.error(&place, "aliases are not supported; write the value out"),
            ),
        };
        Ok(Node { value: refused.map_or_else(Value::Unreadable, |()| value), place })
    }

    /// Refuses what may stand before a node.
    fn refuse(&self, event: &Event<'_>, span: &Span, place: &Place) -> Judged<()> {
        if let Some(tag) = span.tag_start() {
            let place = place.at(tag.line(), tag.col() + 1);
            return Err(self.problems.error(&place, "tags are not supported"));
        }
        if !matches!(event, Event::Alias(_)) && event.anchor_id().is_some() {
            return Err(self
                .problems
                .error(place, "anchors are not supported; write the value out"));
        }
        Ok(())
    }

    fn scalar(&self, written: &str, style: ScalarStyle, place: &Place) -> Value {
        match self.substitution.replace(written, place) {
            Ok(text) => Value::Scalar(Scalar {
                written: written.to_owned(),
                text,
                plain: style == ScalarStyle::Plain,
                secret: Cell::new(false),
            }),
            Err(reported) => Value::Unreadable(reported),
        }
    }

    fn list(&mut self, list: &Place) -> Judged<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            let (event, span, place) = self.next(&list.item(items.len()))?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, &span, place)?);
        }
    }

    fn mapping(&mut self, mapping: &Place) -> Judged<Vec<Entry>> {
        let mut entries = Entries::default();
        loop {
            let (event, span, place) = self.next(mapping)?;
            if event == Event::MappingEnd {
                return Ok(entries.list);
            }
            let key = self.key(event, &span, place)?;
            let under = key.as_ref().map_or_else(|_| mapping.clone(), |(_, place)| place.clone());
            let (event, span, place) = self.next(&under)?;
            let value = self.node(event, &span, place)?;
            if let Ok((key, place)) = key {
                entries.push(Entry { key, place, value }, self.problems);
            }
        }
    }

    /// The key that `event` begins, and its place. The outer error ends the reading, the inner one only this entry.
    fn key(
        &mut self,
        event: Event<'a>,
        span: &Span,
        place: Place,
    ) -> Judged<Judged<(String, Place)>> {
        let refused = self.refuse(&event, span, &place);
        let Event::Scalar(text, ..) = event else {
            let reported = self.problems.error(&place, "expected a key of text");
            self.node(event, span, place)?;
            return Ok(Err(reported));
        };
        if text.chars().count() > KEY_MAX {
            let message = format!("a key of more than {KEY_MAX} characters");
            return Ok(Err(self.problems.error(&place, message)));
        }
        let place = place.key(&text);
        Ok(refused.map(|()| (text.into_owned(), place)))
    }
}
