//! Two realms in one gateway that have everything in common but the records behind it, which may be in one realm alone:
//! nothing crosses.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Client, Gateway, Upstream, request};

const SUBJECTS: usize = 8;
const CREDENTIALS: usize = 24;
const ORGS: usize = 3;
const BOARDS: usize = 9;
const LEVELS: [&str; 3] = ["read", "edit", "admin"];
const CLIENTS: usize = 4;
const REQUESTS: usize = 10_000;
/// How many in a hundred of all that can be asked of the two must go through.
const LEAST_OPEN: usize = 10;

/// What one realm holds, drawn at random, and what follows from it by the words of the contract.
struct Realm {
    /// Without a record a subject is active.
    suspended: [Option<bool>; SUBJECTS],
    /// By credential: its id there, which it has once it is made, and its ceiling.
    credentials: Vec<Option<(String, Option<usize>)>>,
    /// Members by org and by board. Of an org without a record there are no boards.
    orgs: Vec<Option<BTreeMap<usize, usize>>>,
    boards: Vec<Option<BTreeMap<usize, usize>>>,
}

/// What a request is to become: its outcome, or the identity that the upstream is told.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Refused(u16, &'static str),
    Told {
        credential: String,
        subject: String,
        org: Option<String>,
        resource: String,
        level: String,
    },
}

impl Realm {
    fn draw(random: &mut fastrand::Rng) -> Self {
        let members = |random: &mut fastrand::Rng| {
            (0..SUBJECTS)
                .filter(|_| random.u8(..3) > 0)
                .collect::<Vec<_>>()
                .into_iter()
                .map(|subject| (subject, random.usize(..3)))
                .collect()
        };
        let orgs: Vec<_> =
            (0..ORGS).map(|_| (random.u8(..8) > 0).then(|| members(random))).collect();
        let boards = (0..BOARDS).map(|board| {
            let is_there = random.u8(..4) > 0 && orgs[board % ORGS].is_some();
            is_there.then(|| members(random))
        });
        let boards = boards.collect();
        let suspended = std::array::from_fn(|_| (random.u8(..4) > 0).then(|| random.u8(..4) == 0));
        let credentials = (0..CREDENTIALS).map(|_| {
            let ceiling = random.usize(..4);
            let ceiling = (ceiling < 3).then_some(ceiling);
            (random.u8(..4) > 0).then(|| (String::new(), ceiling))
        });
        Self { suspended, credentials: credentials.collect(), orgs, boards }
    }

    /// Of all that can be asked of it, how many in a hundred go through.
    fn open(&self) -> usize {
        let all = (0..CREDENTIALS).flat_map(|credential| {
            (0..BOARDS)
                .flat_map(move |board| ["GET", "POST"].map(|method| (credential, board, method)))
        });
        let told = all.filter(|&(credential, board, method)| {
            matches!(self.expected(credential, board, method), Expected::Told { .. })
        });
        told.count() * 100 / (CREDENTIALS * BOARDS * 2)
    }

    /// Makes it at a gateway.
    fn put(&mut self, gateway: &Gateway, api: &str) {
        let put = |path: String, body: Value| {
            let (status, answer) = gateway.admin("PUT", &path, &body);
            assert_eq!(status, 201, "{path}: {answer}");
        };
        let named = |members: &BTreeMap<usize, usize>| -> Value {
            members
                .iter()
                .map(|(subject, level)| (format!("s_{subject}"), json!(LEVELS[*level])))
                .collect()
        };
        for (subject, suspended) in self.suspended.iter().enumerate() {
            let Some(suspended) = suspended else { continue };
            let state = if *suspended { "suspended" } else { "active" };
            put(
                format!("/v1/subjects/s_{subject}?realm={api}"),
                json!({ "kind": "user", "state": state }),
            );
        }
        for (org, members) in self.orgs.iter().enumerate() {
            let Some(members) = members else { continue };
            let body = json!({ "kind": "org", "members": named(members) });
            put(format!("/v1/resources/o_{org}?realm={api}"), body);
        }
        for (board, members) in self.boards.iter().enumerate() {
            let Some(members) = members else { continue };
            let parent = format!("o_{}", board % ORGS);
            let body = json!({ "kind": "board", "parent": parent, "members": named(members) });
            put(format!("/v1/resources/b_{board}?realm={api}"), body);
        }
        for (credential, one) in self.credentials.iter_mut().enumerate() {
            let Some((id, ceiling)) = one else { continue };
            (*id, _) = gateway.create(&json!({
                "api": api, "scheme": "key", "subject": format!("s_{}", credential % SUBJECTS),
                "lifetime": "never", "secret": secret(credential), "external_id": format!("e_{credential}"),
                "ceiling": ceiling.map(|level| LEVELS[level]),
            }));
        }
    }

    fn expected(&self, credential: usize, board: usize, method: &str) -> Expected {
        let subject = credential % SUBJECTS;
        let Some((id, ceiling)) = &self.credentials[credential] else {
            return Expected::Refused(401, "credential_invalid");
        };
        if self.suspended[subject] == Some(true) {
            return Expected::Refused(403, "subject_suspended");
        }
        let Some(members) = &self.boards[board] else {
            return Expected::Refused(404, "resource_unknown");
        };
        let Some(member) = members.get(&subject) else {
            return Expected::Refused(403, "resource_forbidden");
        };
        let level = ceiling.map_or(*member, |ceiling| ceiling.min(*member));
        if level < usize::from(method == "POST") {
            return Expected::Refused(403, "level_insufficient");
        }
        let org = board % ORGS;
        Expected::Told {
            credential: id.clone(),
            subject: format!("s_{subject}"),
            org: self.orgs[org]
                .as_ref()
                .filter(|members| members.contains_key(&subject))
                .map(|_| format!("o_{org}")),
            resource: format!("b_{board}"),
            level: LEVELS[level].to_owned(),
        }
    }
}

fn secret(credential: usize) -> String {
    format!("ak_a-secret-that-both-realms-hold-{credential}")
}

#[test]
fn two_realms_with_equal_ids_secrets_and_header_names_never_cross() {
    let upstream = Upstream::echo();
    let api = |name: &str| {
        format!(
            "  - name: {name}
    hosts: [{name}.test]
    upstream: app
    schemes: [{{ name: key, prefix: ak_ }}]
    routes:
      - {{ path: \"/boards/{{board}}\", methods: [GET, POST], resource: board, level: {{ GET: read, POST: edit }} }}
"
        )
    };
    let yaml = format!(
        "upstreams: {{ app: [{}] }}\napis:\n{}{}",
        upstream.address(),
        api("left"),
        api("right")
    );
    let gateway = Gateway::start(yaml);
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    // One pair in thirty lets so little through that it would tell nothing.
    let (mut left, mut right) = (Realm::draw(&mut random), Realm::draw(&mut random));
    while left.open() + right.open() < 2 * LEAST_OPEN {
        (left, right) = (Realm::draw(&mut random), Realm::draw(&mut random));
    }
    left.put(&gateway, "left");
    right.put(&gateway, "right");
    let realms = [("left", left), ("right", right)];
    let told = AtomicUsize::new(0);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (gateway, realms, told) = (&gateway, &realms, &told);
            let mut random = fastrand::Rng::with_seed(seed.wrapping_add(client as u64 + 1));
            scope.spawn(move || {
                let mut connection = gateway.connect();
                for _ in 0..REQUESTS / CLIENTS {
                    let (api, realm) = &realms[random.usize(..2)];
                    let (credential, board) = (random.usize(..CREDENTIALS), random.usize(..BOARDS));
                    let method = if random.bool() { "GET" } else { "POST" };
                    let became = ask(&mut connection, api, credential, board, method);
                    let expected = realm.expected(credential, board, method);
                    told.fetch_add(usize::from(matches!(became, Expected::Told { .. })), Relaxed);
                    assert_eq!(
                        became, expected,
                        "seed {seed}: {method} b_{board} by {credential} in {api}"
                    );
                }
            });
        }
    });
    let told = told.into_inner();
    // A twentieth is sixteen standard deviations away from a tenth.
    assert!((REQUESTS / 20..REQUESTS).contains(&told), "{told} of {REQUESTS} went through");
}

fn ask(
    connection: &mut Client,
    api: &str,
    credential: usize,
    board: usize,
    method: &str,
) -> Expected {
    let (host, bearer) = (format!("{api}.test"), format!("Bearer {}", secret(credential)));
    let fields = [("host", host.as_str()), ("authorization", bearer.as_str())];
    let response =
        connection.send(request(method, &format!("/boards/b_{board}"), &fields, "")).response();
    if response.status != 200 {
        let code = response.code();
        let known = [
            "credential_invalid",
            "subject_suspended",
            "resource_unknown",
            "resource_forbidden",
            "level_insufficient",
        ];
        let code = known.into_iter().find(|known| *known == code);
        return Expected::Refused(response.status, code.unwrap_or("another"));
    }
    let told = response.echo();
    let text = |name: &str| told.field(name).unwrap_or_default();
    Expected::Told {
        credential: text("x-credential-id"),
        subject: text("x-subject-id"),
        org: told.field("x-org-id"),
        resource: text("x-resource-id"),
        level: text("x-level"),
    }
}
