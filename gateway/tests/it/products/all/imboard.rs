//! I'mBoard by its page: one header, one code for every bad token, the state of the account, the billing of a board.

use serde_json::json;

use super::world::{BOARDS, End, Registered, SUBJECTS, Secrets, put, register, subjects};
use super::*;

const ME: usize = 0;
const BOARD: usize = 1;
const WEB: usize = 2;

pub(super) struct Imboard {
    states: [&'static str; SUBJECTS],
    tokens: HashMap<String, Registered>,
    /// Whether its billing blocks what is more than reading.
    restricted: [bool; BOARDS],
}

impl Imboard {
    pub(super) fn draw(random: &mut fastrand::Rng, gateway: &Gateway, secrets: &Secrets) -> Self {
        let states = subjects(random, gateway, "imboard", |_| json!({}));
        let restricted = std::array::from_fn(|board| {
            let restricted = random.bool();
            let state = if restricted { "restricted" } else { "ok" };
            put(
                gateway,
                &format!("resources/b_{board}?realm=imboard"),
                &json!({ "kind": "board", "state": state }),
            );
            restricted
        });
        let fields = json!({ "api": "imboard", "scheme": "pat", "lifetime": "30d" });
        let tokens = secrets.kind("imb_pat_").into_iter().filter_map(|(number, secret)| {
            let subject = number % SUBJECTS;
            let token =
                register(random, gateway, Some("per-token"), subject, &secret, fields.clone())?;
            Some((secret, token))
        });
        Self { states, tokens: tokens.collect(), restricted }
    }
}

fn words(status: u16, code: &str, message: &str) -> Words {
    Words::json(
        status,
        format!(
            r#"{{"error":{{"code":"{code}","message":"{message}","status":{status},"requestId":"$id","details":null}}}}"#
        ),
    )
}

fn bad_token(outcome: &'static str) -> Expected {
    Expected::refused(outcome, words(401, "INVALID_API_TOKEN", "The API token is invalid"))
}

impl Oracle for Imboard {
    fn name(&self) -> &'static str {
        "imboard"
    }

    fn host(&self) -> &'static str {
        "app.imboard.ai"
    }

    fn identity(&self) -> &'static [&'static str] {
        &["x-user-id", "x-credential-id", "x-credential-scheme", "x-board-id"]
    }

    fn draw(&self, random: &mut fastrand::Rng) -> (&'static str, String, usize, usize) {
        let board = random.usize(..=BOARDS);
        match random.usize(..5) {
            0 => ("GET", "/api/v1/me".to_owned(), ME, 0),
            1 => ("GET", "/login".to_owned(), WEB, 0),
            2 => ("POST", format!("/api/v1/boards/b_{board}/meetings"), BOARD, board),
            _ => ("GET", format!("/api/v1/boards/b_{board}"), BOARD, board),
        }
    }

    fn expected(&self, asked: &Asked) -> Expected {
        if asked.kind == WEB {
            return Expected::told([]);
        }
        let Some(bearer) = &asked.bearer else {
            let words = words(401, "UNAUTHENTICATED", "Authentication required");
            return Expected::refused("credential_missing", words);
        };
        let Some(token) = self.tokens.get(bearer) else { return bad_token("credential_unknown") };
        match token.end {
            End::Revoked => return bad_token("credential_revoked"),
            End::Disabled => return bad_token("credential_disabled"),
            End::None => {}
        }
        match self.states[token.subject] {
            "suspended" => {
                let words =
                    words(403, "ACCOUNT_SUSPENDED", "Your account is suspended. Contact support");
                return Expected::refused("subject_suspended", words);
            }
            "inactive" => {
                let words = words(
                    403,
                    "ACCOUNT_INACTIVE",
                    "Your account is inactive. Reactivate it in settings",
                );
                return Expected::refused("subject_inactive", words);
            }
            _ => {}
        }
        let limit = Limit { name: "per-token", max: token.max, window: 300, key: token.id.clone() };
        let blocked = asked.kind == BOARD && asked.method == "POST";
        if blocked && self.restricted.get(asked.thing) == Some(&true) {
            let words = words(
                403,
                "BILLING_RESTRICTED",
                "The billing state of the board blocks this operation",
            );
            return Expected::refused("resource_restricted", words).within(limit);
        }
        let told = [
            ("x-user-id", Some(format!("u_{}", token.subject))),
            ("x-credential-id", Some(token.id.clone())),
            ("x-credential-scheme", Some("pat".to_owned())),
            ("x-board-id", (asked.kind == BOARD).then(|| format!("b_{}", asked.thing))),
        ];
        Expected::told(told).within(limit)
    }

    fn limited(&self, _: &Asked) -> Words {
        words(429, "RATE_LIMITED", "Too many requests")
    }

    fn made(&self, id: &str) -> bool {
        id.strip_prefix("req_")
            .is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
    }
}
