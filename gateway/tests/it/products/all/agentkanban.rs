//! AgentKanban by its page: keys of members of an organisation, for its boards, as far as their owner may.

use serde_json::json;

use super::world::{
    BOARDS, End, LEVELS, ORGS, Registered, SUBJECTS, Secrets, members, named, put, register,
    subjects,
};
use super::*;

const BOARD: usize = 0;
const BOARD_LIST: usize = 1;
const MCP: usize = 2;
const WEB: usize = 3;

/// Its organisation and its ceiling.
struct Key {
    known: Registered,
    org: usize,
    reads: bool,
}

pub(super) struct Agentkanban {
    states: [&'static str; SUBJECTS],
    orgs: Vec<BTreeMap<usize, usize>>,
    /// Each of one organisation, by its number; one that is not there is unknown.
    boards: Vec<Option<BTreeMap<usize, usize>>>,
    keys: HashMap<String, Key>,
}

impl Agentkanban {
    pub(super) fn draw(random: &mut fastrand::Rng, gateway: &Gateway, secrets: &Secrets) -> Self {
        let states = subjects(random, gateway, "agentkanban", |_| json!({}));
        let put_org = |org: usize, members: &BTreeMap<usize, usize>| {
            let body = json!({ "kind": "org", "members": named(members) });
            put(gateway, &format!("resources/org_{org}?realm=agentkanban"), &body);
        };
        // Whoever has a key was a member once.
        let everyone = (0..SUBJECTS).map(|subject| (subject, 1)).collect();
        (0..ORGS).for_each(|org| put_org(org, &everyone));
        let mut keys = HashMap::new();
        for (number, secret) in secrets.kind("ak_") {
            let (org, reads) = (random.usize(..ORGS), random.bool());
            let ceiling = if reads { "read" } else { "edit" };
            let fields = json!({
                "api": "agentkanban", "scheme": "ak", "lifetime": "never", "org": format!("org_{org}"), "ceiling": ceiling,
            });
            let known = register(
                random,
                gateway,
                Some("per-key"),
                (number + 3) % SUBJECTS,
                &secret,
                fields,
            );
            keys.extend(known.map(|known| (secret, Key { known, org, reads })));
        }
        let orgs: Vec<_> = (0..ORGS).map(|_| members(random)).collect();
        orgs.iter().enumerate().for_each(|(org, members)| put_org(org, members));
        let boards = (0..BOARDS).map(|board| {
            (random.u8(..5) > 0).then(|| {
                let members = members(random);
                let parent = format!("org_{}", board % ORGS);
                let body = json!({ "kind": "board", "parent": parent, "members": named(&members) });
                put(gateway, &format!("resources/b_{board}?realm=agentkanban"), &body);
                members
            })
        });
        Self { states, boards: boards.collect(), orgs, keys }
    }

    /// Why a board may not be used so, if it may not: outcome, status, code and message.
    fn forbids(
        &self,
        asked: &Asked,
        key: &Key,
    ) -> Option<(&'static str, u16, &'static str, &'static str)> {
        let insufficient =
            ("level_insufficient", 403, "forbidden", "Key does not have edit permission");
        if asked.kind == BOARD_LIST {
            return (asked.method == "POST" && key.reads).then_some(insufficient);
        }
        let Some(board) = self.boards.get(asked.thing).and_then(Option::as_ref) else {
            return Some(("resource_unknown", 404, "not_found", "Board not found"));
        };
        let level = board.get(&key.known.subject).filter(|_| asked.thing % ORGS == key.org);
        let Some(level) = level else {
            return Some((
                "resource_forbidden",
                403,
                "forbidden",
                "Key does not have access to that board",
            ));
        };
        let reads = key.reads || LEVELS[*level] == "read";
        (asked.method == "POST" && reads).then_some(insufficient)
    }
}

fn words(kind: usize, status: u16, code: &str, message: &str) -> Words {
    match kind {
        MCP => jsonrpc(status, code, message),
        _ => {
            Words::json(status, format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#))
        }
    }
}

impl Oracle for Agentkanban {
    fn name(&self) -> &'static str {
        "agentkanban"
    }

    fn host(&self) -> &'static str {
        "www.agentkanban.io"
    }

    fn identity(&self) -> &'static [&'static str] {
        &["x-org-id", "x-subject-id", "x-credential-id", "x-credential-scheme", "x-resource-id"]
    }

    fn draw(&self, random: &mut fastrand::Rng) -> (&'static str, String, usize, usize) {
        let board = random.usize(..=BOARDS);
        match random.usize(..7) {
            0 => ("GET", "/".to_owned(), WEB, 0),
            1 => ("GET", "/api/ext/v1/boards".to_owned(), BOARD_LIST, 0),
            2 => ("POST", "/api/ext/v1/boards".to_owned(), BOARD_LIST, 0),
            3 => ("POST", "/api/mcp/v1".to_owned(), MCP, 0),
            4 => ("POST", format!("/api/ext/v1/boards/b_{board}/lanes"), BOARD, board),
            _ => ("GET", format!("/api/ext/v1/boards/b_{board}"), BOARD, board),
        }
    }

    fn expected(&self, asked: &Asked) -> Expected {
        let kind = asked.kind;
        if kind == WEB {
            return Expected::told([]);
        }
        let bad = |outcome| {
            Expected::refused(
                outcome,
                words(kind, 401, "unauthorized", "Missing or invalid API key"),
            )
        };
        let Some(bearer) = &asked.bearer else { return bad("credential_missing") };
        let Some(key) = self.keys.get(bearer) else { return bad("credential_unknown") };
        let known = &key.known;
        match known.end {
            End::Revoked => return bad("credential_revoked"),
            End::Disabled => return bad("credential_disabled"),
            End::None => {}
        }
        let refused =
            |outcome, message| Expected::refused(outcome, words(kind, 403, "forbidden", message));
        match self.states[known.subject] {
            "suspended" => {
                return refused("subject_suspended", "The owner of this key is suspended");
            }
            "inactive" => return refused("subject_inactive", "The owner of this key is inactive"),
            _ => {}
        }
        if !self.orgs[key.org].contains_key(&known.subject) {
            return refused(
                "org_not_member",
                "The owner of this key is not a member of the organisation",
            );
        }
        let limit = Limit { name: "per-key", max: known.max, window: 300, key: known.id.clone() };
        let forbidden = if kind == MCP { None } else { self.forbids(asked, key) };
        if let Some((outcome, status, code, message)) = forbidden {
            return Expected::refused(outcome, words(kind, status, code, message)).within(limit);
        }
        let told = [
            ("x-org-id", Some(format!("org_{}", key.org))),
            ("x-subject-id", Some(format!("u_{}", known.subject))),
            ("x-credential-id", Some(known.id.clone())),
            ("x-credential-scheme", Some("ak".to_owned())),
            ("x-resource-id", (kind == BOARD).then(|| format!("b_{}", asked.thing))),
        ];
        Expected::told(told).within(limit)
    }

    fn limited(&self, asked: &Asked) -> Words {
        words(asked.kind, 429, "rate_limited", "Rate limit exceeded")
    }

    fn made(&self, id: &str) -> bool {
        is_uuid(id)
    }
}
