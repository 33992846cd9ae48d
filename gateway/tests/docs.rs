//! Pages that are made from the code say what the code says.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use decision::outcome::{Outcome, Retry};
use portcullis::metrics::{Family, Metrics};

/// Holds a page against what it should be. With `UPDATE_DOCS=1` in the environment it is written instead.
#[expect(clippy::disallowed_methods, reason = "a switch for whoever changes the code")]
fn hold(page: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    if std::env::var("UPDATE_DOCS").is_ok_and(|set| set == "1") {
        fs::write(&path, text).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let line = written.lines().zip(text.lines()).position(|(one, other)| one != other);
    assert!(
        written == text,
        "docs/{page} is not what the code says (line {}); write it anew: UPDATE_DOCS=1 cargo test -p portcullis --test docs",
        line.map_or_else(|| written.lines().count().min(text.lines().count()) + 1, |line| line + 1)
    );
}

const OUTCOMES: &str = "\
# Outcomes

Made from `decision/src/outcome.rs`; a test holds this page to it (`UPDATE_DOCS=1 cargo test -p portcullis --test docs`).

What becomes of a request is one of these, and each is the log's `outcome`, the label of `requests_total` and the key of a
[dialect](dialects.md). The status is the outcome's own: a dialect may send another, log and metrics keep this one. Only what is to
blame on `gateway` or `upstream` is anybody's error but the client's. The stage is the first that can give the outcome.

`credential_unknown`, `_revoked`, `_disabled` and `_expired` are told apart in log and metrics only: a client is told
`credential_invalid`, unless a dialect says otherwise.

";

fn row(outcome: Outcome) -> String {
    let status = match outcome {
        Outcome::Forwarded | Outcome::Answered => "the answer's".to_owned(),
        _ => outcome.status().to_string(),
    };
    let again = if outcome.is_refusal() { outcome.retry().name() } else { "" };
    format!(
        "| `{outcome}` | {status} | {} | {} | {again} | {} |\n",
        outcome.blame().name(),
        outcome.stage().name(),
        outcome.advice(),
    )
}

#[test]
fn the_page_of_outcomes_is_what_the_catalogue_says() {
    let head = "| outcome | status | blame | stage | again? | what a client may do |\n|---|---|---|---|---|---|\n";
    let rows: String = Outcome::ALL.iter().map(|outcome| row(*outcome)).collect();
    let again = format!(
        "\n*again?*: whether the same request is worth sending again. {}: not before something is changed. {}: the answer says how many\nseconds. {}: at once or later; nobody knows how far the first one got.\n",
        Retry::Never.name(),
        Retry::Later.name(),
        Retry::IfHarmless.name(),
    );
    hold("outcomes.md", &[OUTCOMES, head, &rows, &again].concat());
}

const METRICS: &str = "\
# Metrics

Made from `gateway/src/metrics.rs`; a test holds this page to it (`UPDATE_DOCS=1 cargo test -p portcullis --test docs`).

`/metrics` of the health listener is Prometheus text. Every name but those of the process begins with `portcullis_`. Labels are
bounded: never a credential, a subject, an organisation or a path. `api` and `route` are `-` until they are known; routes beyond
`telemetry.metrics.routes` share `other`. `outcome`, `blame` and their `status` are those of [outcomes](outcomes.md); of
`authentications_total` the outcome is `accepted`, which is none of them, or the one that the request was refused with. A family
without labels is always there, one with labels once there is something to count. There are no exemplars and no native
histograms.

";

fn family(text: &mut String, family: &Family) {
    let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
    let _to_memory = writeln!(
        text,
        "| `{}` | {} | {} | {} |",
        family.name,
        family.kind.name(),
        labels.join(", "),
        family.help.replace('|', "\\|")
    );
}

/// In the unit in which people read it.
fn bound(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    format!("{} {unit}", (value * 1000.0).round() / 1000.0)
}

#[test]
fn the_page_of_metrics_is_what_is_registered() {
    let metrics = Metrics::new().unwrap_or_else(|fault| panic!("{fault}"));
    let mut text = METRICS.to_owned();
    text.push_str("| name | type | labels | what |\n|---|---|---|---|\n");
    metrics.families().iter().for_each(|made| family(&mut text, made));
    text.push_str("\n## Buckets\n\nUpper bounds, without the infinite one.\n\n| histogram | buckets |\n|---|---|\n");
    for made in metrics.families().iter().filter(|made| !made.buckets.is_empty()) {
        let buckets: Vec<_> = made.buckets.iter().map(|seconds| bound(*seconds)).collect();
        let _to_memory = writeln!(text, "| `{}` | {} |", made.name, buckets.join(", "));
    }
    text.push_str("\n## The process\n\nWith the names that every process has:\n\n");
    for (name, help) in Metrics::of_the_process() {
        let _to_memory = writeln!(text, "- `{name}`: {help}");
    }
    hold("metrics.md", &text);
}
