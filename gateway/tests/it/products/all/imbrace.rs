//! Imbrace by its page: three kinds of credentials in three headers, the first of which counts, each of one organisation or none.

use serde_json::json;

use super::world::{End, ORGS, Registered, SUBJECTS, Secrets, register, subjects};
use super::*;

const BOARDS: usize = 0;
const ME: usize = 1;
const THIRD: usize = 2;
const LOGIN: usize = 3;
const WEB: usize = 4;

/// What any number of addresses may do: more than the test asks.
pub(super) const MAX: u64 = 1_000_003;

/// Kinds in the order in which they count, and which are taken for an organisation's routes.
const SCHEMES: [(&str, &str); 3] =
    [("api_", "api-key"), ("acc_", "access-token"), ("login_acc_", "login-token")];
const KEY: usize = 0;
const LOGIN_TOKEN: usize = 2;

pub(super) struct Imbrace {
    states: [&'static str; SUBJECTS],
    /// With the organisation of each, but for those of a login.
    credentials: HashMap<String, (Registered, Option<usize>)>,
}

impl Imbrace {
    pub(super) fn draw(random: &mut fastrand::Rng, gateway: &Gateway, secrets: &Secrets) -> Self {
        let states = subjects(random, gateway, "imbrace", |_| json!({}));
        let mut credentials = HashMap::new();
        for (kind, (prefix, scheme)) in SCHEMES.iter().enumerate() {
            for (number, secret) in secrets.kind(prefix) {
                let org = (kind != LOGIN_TOKEN).then(|| random.usize(..ORGS));
                let lifetime = ["never", "30d", "3h"][kind];
                let org_id = org.map(|org| format!("org_{org}"));
                let fields = json!({ "api": "imbrace", "scheme": scheme, "lifetime": lifetime, "org": org_id });
                let known = register(
                    random,
                    gateway,
                    None,
                    (number + 4 + kind) % SUBJECTS,
                    &secret,
                    fields,
                );
                credentials.extend(known.map(|known| (secret, (known, org))));
            }
        }
        Self { states, credentials }
    }
}

/// The kind of a value in a place that takes some `kinds`.
fn taken<'a>(value: Option<&'a String>, kinds: &[usize]) -> Option<(usize, &'a str)> {
    let value = value?;
    let kind = kinds.iter().find(|kind| value.starts_with(SCHEMES[**kind].0))?;
    Some((*kind, value))
}

fn message(status: u16, message: &str) -> Words {
    Words::json(status, format!(r#"{{"message":"{message}"}}"#))
}

/// A bad credential, by its kind.
fn bad(kind: Option<usize>, outcome: &'static str) -> Expected {
    let key = r#"{"error":"Unauthorized","message":"Invalid API key","request_id":"$id"}"#;
    let words =
        if kind == Some(KEY) { Words::json(401, key) } else { message(401, "Unauthorized") };
    Expected::refused(outcome, words)
}

impl Oracle for Imbrace {
    fn name(&self) -> &'static str {
        "imbrace"
    }

    fn host(&self) -> &'static str {
        "app-gatewayv2.imbrace.co"
    }

    fn identity(&self) -> &'static [&'static str] {
        &[
            "x-organization-id",
            "x-user-id",
            "organization-id",
            "user-id",
            "x-credential-id",
            "x-credential-scheme",
        ]
    }

    fn draw(&self, random: &mut fastrand::Rng) -> (&'static str, String, usize, usize) {
        let org = random.usize(..ORGS);
        match random.usize(..7) {
            0 => ("GET", "/".to_owned(), WEB, 0),
            1 => ("POST", "/platform/v1/login/authenticate".to_owned(), LOGIN, 0),
            2 => ("GET", "/platform/v1/users/_me".to_owned(), ME, 0),
            3 => ("GET", format!("/3rd/organization/org_{org}/channels"), THIRD, org),
            4 => ("POST", "/data-board/boards".to_owned(), BOARDS, 0),
            _ => ("GET", "/data-board/boards".to_owned(), BOARDS, 0),
        }
    }

    fn expected(&self, asked: &Asked) -> Expected {
        let limit =
            Limit { name: "per-address", max: MAX, window: 1800, key: asked.address.clone() };
        if asked.kind == WEB || asked.kind == LOGIN {
            return Expected::told([]).within(limit);
        }
        // By place; a value counts by its kind first.
        let places = [
            taken(asked.api_key.as_ref(), &[0]),
            taken(asked.access_token.as_ref(), &[1, 2]),
            taken(asked.bearer.as_ref(), &[0, 1, 2]),
        ];
        let mut found: Vec<_> = places.into_iter().flatten().collect();
        found.sort_by_key(|(kind, _)| *kind);
        let accepted = |kind: usize| asked.kind == ME || kind != LOGIN_TOKEN;
        let first = found.iter().find(|(kind, _)| accepted(*kind)).or(found.first());
        let Some((kind, value)) = first else {
            let sent =
                asked.api_key.is_some() || asked.access_token.is_some() || asked.bearer.is_some();
            let missing = message(401, "Unauthorized - API key or Access Token required");
            return if sent {
                bad(None, "credential_unknown")
            } else {
                Expected::refused("credential_missing", missing)
            };
        };
        if !accepted(*kind) {
            let words = message(401, "Unauthorized - missing organization context");
            return Expected::refused("scheme_not_accepted", words);
        }
        let Some((known, org)) = self.credentials.get(*value) else {
            return bad(Some(*kind), "credential_unknown");
        };
        match known.end {
            End::Revoked => return bad(Some(*kind), "credential_revoked"),
            End::Disabled => return bad(Some(*kind), "credential_disabled"),
            End::None => {}
        }
        match self.states[known.subject] {
            "suspended" => {
                return Expected::refused(
                    "subject_suspended",
                    message(401, "Unauthorized - account suspended"),
                );
            }
            "inactive" => {
                return Expected::refused(
                    "subject_inactive",
                    message(401, "Unauthorized - account inactive"),
                );
            }
            _ => {}
        }
        if asked.kind == THIRD && *org != Some(asked.thing) {
            let words = message(403, "Forbidden - organization mismatch");
            return Expected::refused("org_mismatch", words).within(limit);
        }
        let (org, user) =
            (org.map(|org| format!("org_{org}")), Some(format!("u_{}", known.subject)));
        let told = [
            ("x-organization-id", org.clone()),
            ("x-user-id", user.clone()),
            ("organization-id", org),
            ("user-id", user),
            ("x-credential-id", Some(known.id.clone())),
            ("x-credential-scheme", Some(SCHEMES[*kind].1.to_owned())),
        ];
        Expected::told(told).within(limit)
    }

    fn limited(&self, _: &Asked) -> Words {
        Words {
            status: 429,
            content_type: "text/plain; charset=utf-8",
            body: "Too many requests. Please try again later.".to_owned(),
        }
    }

    fn made(&self, id: &str) -> bool {
        is_uuid(id)
    }
}
