//! What is asked of a configuration, written down while it is read: which keys there may be, and of what type a value may be.

use std::collections::BTreeMap;

use super::problem::Place;

/// What JSON Schema can say of a scalar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Whatever it looks like.
    Text,
    /// A text that nothing shows.
    Secret,
    Boolean,
    Word(Vec<&'static str>),
    Whole,
    /// 0 to 1.
    Share,
    Duration,
    Size,
    /// `auto`, or that.
    Auto(Box<Self>),
}

/// Everything that is asked.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) whole: Shape,
    /// What may stand in several places, by name.
    pub(super) shared: BTreeMap<&'static str, Shape>,
}

/// What may stand in one part of a configuration.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// A mapping of these keys.
    pub(super) keys: Option<BTreeMap<&'static str, Key>>,
    /// How many such mappings were read.
    pub(super) mappings: usize,
    /// A mapping of names that the configuration itself gives, each to this.
    pub(super) names: Option<Box<Self>>,
    /// A list of these.
    pub(super) items: Option<Box<Self>>,
    pub(super) scalars: Vec<Kind>,
    /// Whatever there is but nothing.
    pub(super) anything: bool,
    /// What may stand in several places, and is written down once.
    pub(super) shared: Option<&'static str>,
}

/// A key that is asked for.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) shape: Shape,
    /// How many mappings were told that they need it. Where one is enough without, it is not required.
    pub(super) required: usize,
    /// Where it was first given.
    pub(super) line: Option<usize>,
}

impl Asked {
    /// The part at `place`; where that is shared, what is shared if it is a mapping that is asked for.
    pub(super) fn at(&mut self, place: &Place, mapping: bool) -> &mut Shape {
        let steps = place.steps();
        let (shared, from) = self.shared_on_the_way(&steps, mapping);
        let mut shape = match shared {
            Some(name) => self.shared.entry(name).or_default(),
            None => &mut self.whole,
        };
        for step in steps.into_iter().skip(from) {
            shape = shape.inner(step);
        }
        shape
    }

    /// The last shared part that the steps lead through, and after how many of them.
    fn shared_on_the_way(
        &self,
        steps: &[Option<&str>],
        mapping: bool,
    ) -> (Option<&'static str>, usize) {
        let mut found = (None, 0);
        let mut shape = &self.whole;
        for taken in 0..=steps.len() {
            let Some(step) = steps.get(taken) else {
                return if mapping && shape.shared.is_some() {
                    (shape.shared, taken)
                } else {
                    found
                };
            };
            if let Some((name, shared)) =
                shape.shared.and_then(|name| Some((name, self.shared.get(name)?)))
            {
                found = (Some(name), taken);
                shape = shared;
            }
            match shape.known_inner(*step) {
                Some(inner) => shape = inner,
                None => return found,
            }
        }
        found
    }
}

impl Shape {
    fn inner(&mut self, step: Option<&str>) -> &mut Self {
        let Some(key) = step else { return self.items.get_or_insert_default() };
        match self.keys.as_mut().and_then(|keys| keys.get_mut(key)) {
            Some(key) => &mut key.shape,
            None => self.names.get_or_insert_default(),
        }
    }

    fn known_inner(&self, step: Option<&str>) -> Option<&Self> {
        let Some(key) = step else { return self.items.as_deref() };
        let known = self.keys.as_ref().and_then(|keys| keys.get(key));
        known.map(|key| &key.shape).or(self.names.as_deref())
    }

    /// What stands here may stand in other places, too.
    pub(super) fn share(&mut self, name: &'static str) {
        self.shared = Some(name);
    }

    pub(super) fn anything(&mut self) {
        self.anything = true;
    }

    pub(super) fn mapping(&mut self) {
        self.keys.get_or_insert_default();
        self.mappings += 1;
    }

    pub(super) fn names(&mut self) {
        self.names.get_or_insert_default();
    }

    pub(super) fn items(&mut self) {
        self.items.get_or_insert_default();
    }

    pub(super) fn scalar(&mut self, kind: &Kind) {
        if !self.scalars.contains(kind) {
            self.scalars.push(kind.clone());
        }
    }

    /// `key` is asked for, and given at this line, if it is.
    pub(super) fn key(&mut self, key: &'static str, line: Option<usize>) {
        let key = self.keys.get_or_insert_default().entry(key).or_default();
        key.line = key.line.or(line);
    }

    pub(super) fn require(&mut self, key: &'static str) {
        self.keys.get_or_insert_default().entry(key).or_default().required += 1;
    }
}

#[cfg(test)]
impl Asked {
    /// Everything that is asked, a line each: where, and what may be there.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.parts().for_each(|(name, part)| part.write(name, &mut lines));
        lines
    }

    /// The keys of whose values nothing is asked.
    pub(super) fn silent(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.parts().for_each(|(name, part)| {
            part.each(name, &mut |path, key| {
                if key.shape.is_empty() {
                    found.push(path.to_owned());
                }
            });
        });
        found
    }

    /// The keys that are asked for, and the lines of those that are given.
    pub(super) fn keys(&self) -> Vec<(String, Option<usize>)> {
        let mut found = Vec::new();
        self.parts().for_each(|(name, part)| {
            part.each(name, &mut |path, key| found.push((path.to_owned(), key.line)));
        });
        found
    }

    fn parts(&self) -> impl Iterator<Item = (&str, &Shape)> {
        let shared = self.shared.iter().map(|(name, shape)| (*name, shape));
        std::iter::once(("", &self.whole)).chain(shared)
    }
}

#[cfg(test)]
impl Shape {
    fn write(&self, path: &str, lines: &mut Vec<String>) {
        if self.anything {
            lines.push(format!("{path}: anything"));
        }
        if let Some(shared) = self.shared {
            lines.push(format!("{path}: a {shared}"));
        }
        lines.extend(self.scalars.iter().map(|kind| format!("{path}: {kind:?}")));
        if let Some(items) = &self.items {
            lines.push(format!("{path}: a list"));
            items.write(&format!("{path}[]"), lines);
        }
        if let Some(names) = &self.names {
            lines.push(format!("{path}: a mapping of names"));
            names.write(&format!("{path}.*"), lines);
        }
        if let Some(keys) = &self.keys {
            lines.push(format!("{path}: a mapping of keys"));
            for (name, key) in keys {
                let path =
                    if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
                lines.push(format!("{path}: a key"));
                key.shape.write(&path, lines);
            }
        }
    }

    /// Shows every key to `see`.
    fn each(&self, path: &str, see: &mut impl FnMut(&str, &Key)) {
        for (inner, mark) in [(&self.items, "[]"), (&self.names, ".*")] {
            if let Some(inner) = inner {
                inner.each(&format!("{path}{mark}"), see);
            }
        }
        for (name, key) in self.keys.iter().flatten() {
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
            see(&path, key);
            key.shape.each(&path, see);
        }
    }

    fn is_empty(&self) -> bool {
        let mapping = self.keys.is_some() || self.names.is_some();
        !(self.anything || mapping || self.items.is_some())
            && self.shared.is_none()
            && self.scalars.is_empty()
    }
}
