//! What is drawn for every product alike.

use serde_json::{Value, json};

use super::*;

pub(super) const SUBJECTS: usize = 6;
pub(super) const CREDENTIALS: usize = 48;
pub(super) const ORGS: usize = 3;
pub(super) const BOARDS: usize = 6;
pub(super) const LEVELS: [&str; 3] = ["read", "edit", "admin"];
const STATES: [&str; 3] = ["active", "suspended", "inactive"];

/// How a credential may have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    None,
    Revoked,
    Disabled,
}

/// A credential that a product knows.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) id: String,
    pub(super) subject: usize,
    pub(super) end: End,
    /// Of its limit, another one for each credential of all products; a few are met by the test.
    pub(super) max: u64,
}

/// What clients carry: under each number one secret of each kind.
pub(super) struct Secrets(Vec<Vec<String>>);

/// What a secret of each kind begins with, and whose it is.
const KINDS: [(&str, &str); 7] = [
    ("imb_pat_", "imboard"),
    ("cbk_", "calmboard"),
    ("cbo_", "calmboard"),
    ("ak_", "agentkanban"),
    ("api_", "imbrace"),
    ("acc_", "imbrace"),
    ("login_acc_", "imbrace"),
];

impl Secrets {
    pub(super) fn new() -> Self {
        let of = |number| {
            let mut all: Vec<_> = KINDS.iter().map(|(prefix, _)| secret(prefix, number)).collect();
            all.push(secret("12|", number));
            all
        };
        Self((0..CREDENTIALS).map(of).collect())
    }

    /// Those that one of several clients carries: no two share a number, so that each knows what its own limits count.
    pub(super) fn of(&self, client: usize, clients: usize) -> Self {
        Self(self.0.iter().skip(client).step_by(clients).cloned().collect())
    }

    /// One of any kind, half of the time one that `product` takes.
    pub(super) fn draw(&self, random: &mut fastrand::Rng, product: &str) -> &str {
        let number = &self.0[random.usize(..self.0.len())];
        let fitting = |kind: usize| KINDS.get(kind).is_some_and(|(_, whose)| *whose == product);
        loop {
            let kind = random.usize(..number.len());
            if random.bool() || fitting(kind) {
                return &number[kind];
            }
        }
    }

    /// All of one kind, or, for the product whose tokens have no prefix, all of every kind.
    pub(super) fn kind(&self, prefix: &str) -> Vec<(usize, String)> {
        let numbered = self.0.iter().enumerate();
        let all = numbered.flat_map(|(number, secrets)| {
            secrets.iter().map(move |secret| (number, secret.clone()))
        });
        all.filter(|(number, known)| prefix.is_empty() || *known == secret(prefix, *number))
            .collect()
    }
}

fn secret(prefix: &str, number: usize) -> String {
    format!("{prefix}the_same_in_every_product_{number}")
}

/// The states of its subjects, which are registered with `more` of each.
pub(super) fn subjects(
    random: &mut fastrand::Rng,
    gateway: &Gateway,
    realm: &str,
    more: impl Fn(usize) -> Value,
) -> [&'static str; SUBJECTS] {
    std::array::from_fn(|subject| {
        let state = STATES[if random.u8(..4) == 0 { random.usize(1..3) } else { 0 }];
        let mut body = more(subject);
        body["state"] = state.into();
        put(gateway, &format!("subjects/u_{subject}?realm={realm}"), &body);
        state
    })
}

#[track_caller]
pub(super) fn put(gateway: &Gateway, path: &str, body: &Value) {
    let (status, answer) = gateway.admin("PUT", &format!("/v1/{path}"), body);
    assert!((200..300).contains(&status), "{path}: {answer}");
}

/// Some of the subjects, each with a level.
pub(super) fn members(random: &mut fastrand::Rng) -> BTreeMap<usize, usize> {
    let drawn = (0..SUBJECTS).map(|subject| (subject, random.usize(..4)));
    drawn.filter(|(_, level)| *level < 3).collect()
}

pub(super) fn named(members: &BTreeMap<usize, usize>) -> Value {
    members.iter().map(|(subject, level)| (format!("u_{subject}"), json!(LEVELS[*level]))).collect()
}

/// Registers a credential with this secret and these fields, or, now and then, none. `limit` is the rule that counts it.
pub(super) fn register(
    random: &mut fastrand::Rng,
    gateway: &Gateway,
    limit: Option<&str>,
    subject: usize,
    secret: &str,
    fields: Value,
) -> Option<Registered> {
    if random.u8(..5) == 0 {
        return None;
    }
    let max = if random.u8(..4) == 0 { random.u64(1..4) } else { random.u64(10_000..1_000_000) };
    let mut body = fields;
    body["subject"] = format!("u_{subject}").into();
    body["secret"] = secret.into();
    if let Some(limit) = limit {
        body["limits"] = json!({ limit: max });
    }
    let (id, _) = gateway.create(&body);
    let end = match random.u8(..8) {
        0 => End::Revoked,
        1 => End::Disabled,
        _ => End::None,
    };
    let (method, path, body) = match end {
        End::None => return Some(Registered { id, subject, end, max }),
        End::Revoked => ("POST", "/revoke", Value::Null),
        End::Disabled => ("PATCH", "", json!({ "disabled": true })),
    };
    let (status, answer) = gateway.admin(method, &format!("/v1/credentials/{id}{path}"), &body);
    assert_eq!(status, 200, "{answer}");
    Some(Registered { id, subject, end, max })
}
