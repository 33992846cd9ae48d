//! PostBoost by its page: tokens of any form, workspaces and their members and plans, a panel for admins, tools for guests.

use serde_json::json;

use super::world::{
    BOARDS, End, LEVELS, Registered, SUBJECTS, Secrets, members, named, put, register, subjects,
};
use super::*;

const TAGS: usize = 0;
const PANEL: usize = 1;
const TOOLS: usize = 2;
const WEB: usize = 3;

/// A workspace: who is a member of it, and whether its plan has the API.
struct Workspace {
    members: BTreeMap<usize, usize>,
    capable: bool,
}

pub(super) struct Postboost {
    states: [&'static str; SUBJECTS],
    admins: [bool; SUBJECTS],
    tokens: HashMap<String, Registered>,
    /// One that is not there is unknown.
    workspaces: Vec<Option<Workspace>>,
}

impl Postboost {
    pub(super) fn draw(random: &mut fastrand::Rng, gateway: &Gateway, secrets: &Secrets) -> Self {
        let admins: [bool; SUBJECTS] = std::array::from_fn(|_| random.bool());
        let states =
            subjects(random, gateway, "postboost", |subject| json!({ "admin": admins[subject] }));
        let workspaces = (0..BOARDS).map(|workspace| {
            (random.u8(..5) > 0).then(|| {
                let (members, capable) = (members(random), random.u8(..4) > 0);
                let capabilities = if capable { json!(["api"]) } else { json!([]) };
                let body = json!({ "kind": "workspace", "members": named(&members), "capabilities": capabilities });
                put(gateway, &format!("resources/b_{workspace}?realm=postboost"), &body);
                Workspace { members, capable }
            })
        });
        let workspaces = workspaces.collect();
        // Letter for letter those of the other products as well.
        let tokens = secrets.kind("").into_iter().filter_map(|(number, secret)| {
            let fields = json!({ "api": "postboost", "scheme": "token", "lifetime": "30d" });
            let subject = (number + secret.len()) % SUBJECTS;
            let token = register(random, gateway, Some("per-token"), subject, &secret, fields)?;
            Some((secret, token))
        });
        Self { states, admins, tokens: tokens.collect(), workspaces }
    }

    /// What becomes of a request on its way, once it is known whose it is; and the workspace's organisation.
    fn authorized(
        &self,
        asked: &Asked,
        subject: usize,
    ) -> Result<Option<String>, (&'static str, Words)> {
        match asked.kind {
            PANEL if !self.admins[subject] => Err(("admin_required", words(403, "Forbidden"))),
            TAGS => {
                let Some(workspace) = self.workspaces.get(asked.thing).and_then(Option::as_ref)
                else {
                    return Err(("resource_unknown", words(404, "Not Found")));
                };
                if !workspace.capable {
                    return Err(("capability_missing", words(403, "Forbidden")));
                }
                let scoped = r#"{"message":"Forbidden","code":"insufficient_scope"}"#;
                let Some(level) = workspace.members.get(&subject) else {
                    return Err(("resource_forbidden", Words::json(403, scoped)));
                };
                if asked.method == "POST" && LEVELS[*level] == "read" {
                    return Err(("level_insufficient", Words::json(403, scoped)));
                }
                Ok(Some(format!("b_{}", asked.thing)))
            }
            _ => Ok(None),
        }
    }
}

fn words(status: u16, message: &str) -> Words {
    Words::json(status, format!(r#"{{"message":"{message}"}}"#))
}

fn unauthenticated(outcome: &'static str) -> Expected {
    Expected::refused(outcome, words(401, "Unauthenticated."))
}

impl Oracle for Postboost {
    fn name(&self) -> &'static str {
        "postboost"
    }

    fn host(&self) -> &'static str {
        "postboost.co"
    }

    fn identity(&self) -> &'static [&'static str] {
        &["x-user-id", "x-workspace-id", "x-token-id", "x-token-workspace-id", "x-token-abilities"]
    }

    fn draw(&self, random: &mut fastrand::Rng) -> (&'static str, String, usize, usize) {
        let workspace = random.usize(..=BOARDS);
        match random.usize(..6) {
            0 => ("GET", "/app/api/panel/users".to_owned(), PANEL, 0),
            1 => ("GET", "/app/api/tools".to_owned(), TOOLS, 0),
            2 => ("GET", "/pricing".to_owned(), WEB, 0),
            3 => ("POST", format!("/app/api/b_{workspace}/tags"), TAGS, workspace),
            _ => ("GET", format!("/app/api/b_{workspace}/tags"), TAGS, workspace),
        }
    }

    fn expected(&self, asked: &Asked) -> Expected {
        if asked.kind == WEB {
            return Expected::told([]);
        }
        let Some(bearer) = &asked.bearer else {
            if asked.kind == TOOLS {
                let limit =
                    Limit { name: "guests", max: 30, window: 60, key: asked.address.clone() };
                return Expected::told([]).within(limit);
            }
            return unauthenticated("credential_missing");
        };
        let known = self.tokens.get(bearer).filter(|token| token.end != End::Revoked);
        let Some(token) = known else { return unauthenticated("credential_unknown") };
        if token.end == End::Disabled {
            return unauthenticated("credential_disabled");
        }
        match self.states[token.subject] {
            "suspended" => return Expected::refused("subject_suspended", words(403, "Forbidden")),
            "inactive" => return Expected::refused("subject_inactive", words(403, "Forbidden")),
            _ => {}
        }
        let limit = Limit { name: "per-token", max: token.max, window: 60, key: token.id.clone() };
        let workspace = match self.authorized(asked, token.subject) {
            Ok(workspace) => workspace,
            Err((outcome, words)) => return Expected::refused(outcome, words).within(limit),
        };
        let told = [
            ("x-user-id", Some(format!("u_{}", token.subject))),
            ("x-workspace-id", workspace.clone()),
            ("x-token-id", Some(token.id.clone())),
            ("x-token-workspace-id", workspace),
        ];
        Expected::told(told).within(limit)
    }

    fn limited(&self, _: &Asked) -> Words {
        words(429, "Too Many Attempts.")
    }

    fn made(&self, id: &str) -> bool {
        is_uuid(id)
    }
}
