//! CalmBoard by its page: keys in either of two headers, tokens for one resource each, a plan, and revoked keys that say so.

use serde_json::json;

use super::world::{End, Registered, SUBJECTS, Secrets, register, subjects};
use super::*;

const API: usize = 0;
const MCP: usize = 1;
const WEB: usize = 2;

pub(super) struct Calmboard {
    states: [&'static str; SUBJECTS],
    /// Whose plan has the integration API.
    paying: [bool; SUBJECTS],
    /// Keys and tokens, and of a token the kind of route that it is for.
    credentials: HashMap<String, (Registered, Option<usize>)>,
}

impl Calmboard {
    pub(super) fn draw(random: &mut fastrand::Rng, gateway: &Gateway, secrets: &Secrets) -> Self {
        let paying: [bool; SUBJECTS] = std::array::from_fn(|_| random.u8(..4) > 0);
        let capable = |subject: usize| {
            if paying[subject] { json!({ "capabilities": ["integration_api"] }) } else { json!({}) }
        };
        let states = subjects(random, gateway, "calmboard", capable);
        let mut credentials = HashMap::new();
        for (number, secret) in secrets.kind("cbk_") {
            let fields = json!({ "api": "calmboard", "scheme": "key", "lifetime": "never" });
            let key = register(
                random,
                gateway,
                Some("per-key"),
                (number + 1) % SUBJECTS,
                &secret,
                fields,
            );
            credentials.extend(key.map(|key| (secret, (key, None))));
        }
        for (number, secret) in secrets.kind("cbo_") {
            let audiences = [(API, "https://calmboard.ai"), (MCP, "https://calmboard.ai/mcp")];
            let (kind, audience) = audiences[random.usize(..2)];
            let fields = json!({ "api": "calmboard", "scheme": "oauth", "lifetime": "1h", "audience": audience });
            let token = register(
                random,
                gateway,
                Some("per-key"),
                (number + 2) % SUBJECTS,
                &secret,
                fields,
            );
            credentials.extend(token.map(|token| (secret, (token, Some(kind)))));
        }
        Self { states, paying, credentials }
    }
}

/// Whichever of the two shapes is read on that kind of route.
fn words(kind: usize, status: u16, code: &str, message: &str) -> Words {
    match kind {
        MCP => jsonrpc(status, code, message),
        _ => {
            Words::json(status, format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#))
        }
    }
}

impl Oracle for Calmboard {
    fn name(&self) -> &'static str {
        "calmboard"
    }

    fn host(&self) -> &'static str {
        "calmboard.ai"
    }

    fn identity(&self) -> &'static [&'static str] {
        &["x-user-id", "x-credential-id", "x-credential-scheme"]
    }

    fn draw(&self, random: &mut fastrand::Rng) -> (&'static str, String, usize, usize) {
        match random.usize(..5) {
            0 => ("GET", "/api/oauth/authorize?client_id=c".to_owned(), WEB, 0),
            1 => ("POST", "/mcp".to_owned(), MCP, 0),
            2 => ("DELETE", "/api/v1/projects/p_1".to_owned(), API, 0),
            _ => ("GET", "/api/v1/projects".to_owned(), API, 0),
        }
    }

    fn expected(&self, asked: &Asked) -> Expected {
        let kind = asked.kind;
        if kind == WEB {
            return Expected::told([]);
        }
        let refused = |outcome, status, code, message| {
            Expected::refused(outcome, words(kind, status, code, message))
        };
        let (bearer, own) = (asked.bearer.as_ref(), asked.calmboard_key.as_ref());
        let value = match (bearer, own) {
            (Some(one), Some(other)) if one != other => {
                return refused(
                    "credential_ambiguous",
                    401,
                    "invalid_api_key",
                    "The request carries different API keys",
                );
            }
            (Some(value), _) | (None, Some(value)) => value,
            (None, None) => {
                return refused(
                    "credential_missing",
                    401,
                    "missing_api_key",
                    "An API key is required",
                );
            }
        };
        if kind == MCP && value.starts_with("cbk_") {
            return refused(
                "scheme_not_accepted",
                401,
                "invalid_api_key",
                "This kind of key is not accepted here",
            );
        }
        // Tokens are taken as a Bearer alone.
        let known = self.credentials.get(value);
        let known = known.filter(|_| bearer.is_some() || value.starts_with("cbk_"));
        let Some((known, resource)) = known else {
            return refused("credential_unknown", 401, "invalid_api_key", "The API key is invalid");
        };
        match known.end {
            End::Revoked => {
                return refused(
                    "credential_revoked",
                    401,
                    "api_key_revoked",
                    "The API key has been revoked",
                );
            }
            End::Disabled => {
                return refused(
                    "credential_disabled",
                    401,
                    "invalid_api_key",
                    "The API key is invalid",
                );
            }
            End::None => {}
        }
        if resource.is_some_and(|resource| resource != kind) {
            return refused(
                "audience_mismatch",
                401,
                "invalid_api_key",
                "The token was issued for another resource",
            );
        }
        match self.states[known.subject] {
            "suspended" => {
                return refused("subject_suspended", 403, "forbidden", "The account is suspended");
            }
            "inactive" => {
                return refused("subject_inactive", 403, "forbidden", "The account is inactive");
            }
            _ => {}
        }
        let limit = Limit { name: "per-key", max: known.max, window: 60, key: known.id.clone() };
        if !self.paying[known.subject] {
            let message = "Your plan does not include integration APIs";
            return refused("capability_missing", 403, "paid_plan_required", message).within(limit);
        }
        let scheme = if value.starts_with("cbk_") { "key" } else { "oauth" };
        let told = [
            ("x-user-id", Some(format!("u_{}", known.subject))),
            ("x-credential-id", Some(known.id.clone())),
            ("x-credential-scheme", Some(scheme.to_owned())),
        ];
        Expected::told(told).within(limit)
    }

    fn limited(&self, asked: &Asked) -> Words {
        words(asked.kind, 429, "rate_limit_exceeded", "Too many requests")
    }

    fn made(&self, id: &str) -> bool {
        is_uuid(id)
    }
}
