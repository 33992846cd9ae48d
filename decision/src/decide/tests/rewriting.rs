//! The path that was matched is, but for the route's `rewrite`, byte for byte the path that is sent: whatever the configuration
//! says, and however the client spells the path. The oracle counts segments and knows no prefix.

use std::io;

use proptest::prelude::*;

use super::*;
use crate::config::{Fragment, Variables, load};

struct Nothing;

impl Variables for Nothing {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The bytes that a segment stands for.
type Segment = Vec<u8>;

/// What is drawn: the route's literal segments, what follows them in its path, and how much of them is stripped.
#[derive(Clone, Debug)]
struct Drawn {
    literals: Vec<Segment>,
    tail: Tail,
    strip: usize,
    add: Vec<Segment>,
    /// What a request has where the route has its tail.
    rest: Vec<Segment>,
    slash: bool,
    query: Option<String>,
    /// Which bytes are escaped that need not be, and which digits are in lower case.
    escaped: Vec<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    Nothing,
    One,
    Any,
    OneAndAny,
}

fn segment() -> impl Strategy<Value = Segment> {
    let byte = prop_oneof![
        8 => prop::sample::select(b"abzAZ019-_~.!$&'()+,;=:@".to_vec()),
        2 => prop::sample::select(b" %?#\"<>[]^`{|}".to_vec()),
        1 => 0x80..=0xff_u8,
    ];
    // It begins with a letter, so that it is no dot segment.
    (b'a'..=b'z', prop::collection::vec(byte, 0..5))
        .prop_map(|(first, rest)| std::iter::once(first).chain(rest).collect())
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let segments = |range| prop::collection::vec(segment(), range);
    let tail = prop::sample::select(vec![Tail::Nothing, Tail::One, Tail::Any, Tail::OneAndAny]);
    let request = (
        segments(0..4),
        any::<bool>(),
        prop::option::of("[a-zA-Z0-9%&=?/._~+-]{0,12}"),
        prop::collection::vec(any::<bool>(), 64),
    );
    (segments(1..4), tail, any::<prop::sample::Index>(), segments(0..3), request).prop_map(
        |(literals, tail, strip, add, (mut rest, mut slash, query, escaped))| {
            match tail {
                Tail::Nothing => rest.clear(),
                Tail::One => rest.truncate(1),
                Tail::Any | Tail::OneAndAny => {}
            }
            if rest.is_empty() && matches!(tail, Tail::One | Tail::OneAndAny) {
                rest.push(b"x".to_vec());
            }
            slash &= matches!(tail, Tail::Any | Tail::OneAndAny);
            let strip = strip.index(literals.len() + 1);
            Drawn { literals, tail, strip, add, rest, slash, query, escaped }
        },
    )
}

fn needs_no_escape(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

/// The one form: what needs no escape has none.
fn canonical(segment: &[u8]) -> String {
    let spell = |&byte: &u8| {
        if needs_no_escape(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    segment.iter().map(spell).collect()
}

fn joined<'s>(segments: impl IntoIterator<Item = &'s Segment>) -> String {
    segments.into_iter().flat_map(|segment| ["/".to_owned(), canonical(segment)]).collect()
}

impl Drawn {
    fn snapshot(&self) -> Snapshot {
        let tail = match self.tail {
            Tail::Nothing => "",
            Tail::One => "/{x}",
            Tail::Any => "/**",
            Tail::OneAndAny => "/{x}/**",
        };
        let quoted = |text: String| serde_json::Value::from(text).to_string();
        let path = quoted(joined(&self.literals) + tail);
        let mut rewrite = Vec::new();
        if self.strip > 0 {
            let prefix = joined(self.literals.iter().take(self.strip));
            rewrite.push(format!("strip_prefix: {}", quoted(prefix)));
        }
        if !self.add.is_empty() {
            rewrite.push(format!("add_prefix: {}", quoted(joined(&self.add))));
        }
        let rewrite = rewrite.join(", ");
        let text = format!(
            "upstreams: {{ app: [127.0.0.1:9000] }}\napis:\n  - name: a\n    upstream: app\n    routes: [{{ path: {path}, auth: none, rewrite: {{ {rewrite} }} }}]\n"
        );
        let loaded = load(&[Fragment::new("x.yaml", &text)], &Nothing);
        loaded
            .unwrap_or_else(|refusal| panic!("{text}: {:?}", refusal.errors))
            .configuration
            .snapshot
    }

    fn all(&self) -> impl Iterator<Item = &Segment> {
        self.literals.iter().chain(&self.rest)
    }

    fn query(&self) -> String {
        self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default()
    }

    /// As a client may write it.
    fn came(&self) -> String {
        let mut escaped = self.escaped.iter().copied().cycle();
        let mut path = String::new();
        for segment in self.all() {
            path.push('/');
            for &byte in segment {
                let plain = needs_no_escape(byte) && !escaped.next().unwrap();
                let spelled = match (plain, escaped.next().unwrap()) {
                    (true, _) => char::from(byte).to_string(),
                    (false, true) => format!("%{byte:02x}"),
                    (false, false) => format!("%{byte:02X}"),
                };
                path.push_str(&spelled);
            }
        }
        path + if self.slash { "/" } else { "" } + &self.query()
    }

    /// As it must be sent: the segments that are added, and those that are left.
    fn goes(&self) -> String {
        let mut path = joined(self.add.iter().chain(self.all().skip(self.strip)));
        if self.slash || path.is_empty() {
            path.push('/');
        }
        path + &self.query()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_sent_is_what_was_matched_with_some_segments_less_in_front_and_others_instead(drawn in drawn()) {
        let snapshot = drawn.snapshot();
        let sent = match decide(&snapshot, &Request::get(&drawn.came()), None) {
            Became::Sent(sent) => sent.target,
            became => panic!("{}: {became:?}", drawn.came()),
        };
        prop_assert_eq!(sent, drawn.goes(), "{}", drawn.came());
    }
}
