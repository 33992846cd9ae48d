//! The calls there are.

use super::super::config::FILES;

/// One call. The answers name schemas; `""` is an answer without a body.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [&'static str],
    pub(super) headers: &'static [&'static str],
    pub(super) body: Option<Body>,
    pub(super) answers: &'static [(u16, &'static str)],
}

pub(super) struct Body {
    pub(super) schema: &'static str,
    pub(super) required: bool,
    /// Its media type. A call that takes JSON takes nothing else.
    pub(super) kind: &'static str,
    /// Another media type that it may have, and the schema of that.
    pub(super) or: Option<(&'static str, &'static str)>,
}

pub(super) const JSON: &str = "application/json";

const fn body(schema: &'static str) -> Body {
    Body { schema, required: true, kind: JSON, or: None }
}

const fn body_if_any(schema: &'static str) -> Body {
    Body { schema, required: false, kind: JSON, or: None }
}

/// A call that reads.
const fn read(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    query: &'static [&'static str],
    schema: &'static [(u16, &'static str)],
) -> Operation {
    Operation { method: "get", path, id, summary, query, headers: &[], body: None, answers: schema }
}

const WAIT: &[&str] = &["wait", "timeout"];
const REALM_WAIT: &[&str] = &["realm", "wait", "timeout"];
const ONCE: &[&str] = &["Idempotency-Key"];
const AT_VERSION: &[&str] = &["If-Match"];
const BOTH: &[&str] = &["If-Match", "Idempotency-Key"];
const GONE: &[(u16, &str)] = &[(200, "Deleted"), (202, "Deleted"), (204, "")];
const CREDENTIAL: &str = "/v1/credentials/{id}";
const GRANT: &str = "/v1/credentials/{id}/grants/{resource}";
const SUBJECT: &str = "/v1/subjects/{id}";
const RESOURCE: &str = "/v1/resources/{id}";
const MEMBER: &str = "/v1/resources/{id}/members/{subject}";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "post",
        path: "/v1/credentials",
        id: "createCredential",
        summary: "Makes a credential; its secret is shown this once",
        query: WAIT,
        headers: ONCE,
        body: Some(body("CreateCredential")),
        answers: &[(201, "Created")],
    },
    read(
        "/v1/credentials",
        "listCredentials",
        "Credentials, newest first",
        &["api", "scheme", "subject", "org", "external_id", "state", "cursor", "limit"],
        &[(200, "CredentialPage")],
    ),
    read(CREDENTIAL, "getCredential", "A credential", &[], &[(200, "Credential")]),
    Operation {
        method: "patch",
        path: CREDENTIAL,
        id: "updateCredential",
        summary: "Changes the fields that are given; null empties one",
        query: WAIT,
        headers: AT_VERSION,
        body: Some(body("UpdateCredential")),
        answers: &[(200, "ChangedCredential"), (202, "ChangedCredential")],
    },
    Operation {
        method: "delete",
        path: CREDENTIAL,
        id: "deleteCredential",
        summary: "Forgets a credential",
        query: WAIT,
        headers: AT_VERSION,
        body: None,
        answers: GONE,
    },
    Operation {
        method: "put",
        path: GRANT,
        id: "putGrant",
        summary: "Grants a level of a resource",
        query: WAIT,
        headers: AT_VERSION,
        body: Some(body("PutLevel")),
        answers: &[
            (200, "ChangedCredential"),
            (202, "ChangedCredential"),
            (201, "ChangedCredential"),
        ],
    },
    Operation {
        method: "delete",
        path: GRANT,
        id: "deleteGrant",
        summary: "Takes a grant away",
        query: WAIT,
        headers: AT_VERSION,
        body: None,
        answers: GONE,
    },
    Operation {
        method: "post",
        path: "/v1/credentials/{id}/revoke",
        id: "revokeCredential",
        summary: "Ends a credential for good",
        query: WAIT,
        headers: BOTH,
        body: Some(body_if_any("Revoke")),
        answers: &[(200, "Revoked"), (202, "Revoked")],
    },
    Operation {
        method: "post",
        path: "/v1/credentials/{id}/rotate",
        id: "rotateCredential",
        summary: "Makes a successor; the old one ends with the overlap",
        query: WAIT,
        headers: BOTH,
        body: Some(body("Rotate")),
        answers: &[(201, "Created")],
    },
    Operation {
        method: "post",
        path: "/v1/credentials/{id}/reveal",
        id: "revealCredential",
        summary: "Shows the secret again, where the scheme keeps a sealed copy",
        query: &[],
        headers: BOTH,
        body: Some(body_if_any("Reveal")),
        answers: &[(200, "Revealed")],
    },
    Operation {
        method: "post",
        path: "/v1/revocations",
        id: "revoke",
        summary: "Ends every credential of an api that matches",
        query: WAIT,
        headers: ONCE,
        body: Some(body("RevokeMatching")),
        answers: &[(200, "Revocation"), (202, "Revocation")],
    },
    read(
        "/v1/subjects",
        "listSubjects",
        "Subjects of a realm, by id",
        &["realm", "kind", "cursor", "limit"],
        &[(200, "SubjectPage")],
    ),
    read(SUBJECT, "getSubject", "A subject", &["realm"], &[(200, "Subject")]),
    Operation {
        method: "put",
        path: SUBJECT,
        id: "putSubject",
        summary: "Makes or replaces a subject",
        query: REALM_WAIT,
        headers: AT_VERSION,
        body: Some(body("SubjectFields")),
        answers: &[(200, "ChangedSubject"), (202, "ChangedSubject"), (201, "ChangedSubject")],
    },
    Operation {
        method: "patch",
        path: SUBJECT,
        id: "updateSubject",
        summary: "Changes the fields that are given; null empties one",
        query: REALM_WAIT,
        headers: AT_VERSION,
        body: Some(body("SubjectFields")),
        answers: &[(200, "ChangedSubject"), (202, "ChangedSubject")],
    },
    Operation {
        method: "delete",
        path: SUBJECT,
        id: "deleteSubject",
        summary: "Forgets a subject that no unrevoked credential names",
        query: REALM_WAIT,
        headers: AT_VERSION,
        body: None,
        answers: GONE,
    },
    read(
        "/v1/resources",
        "listResources",
        "Resources of a realm, by id",
        &["realm", "parent", "kind", "cursor", "limit"],
        &[(200, "ResourcePage")],
    ),
    read(RESOURCE, "getResource", "A resource", &["realm"], &[(200, "Resource")]),
    Operation {
        method: "put",
        path: RESOURCE,
        id: "putResource",
        summary: "Makes or replaces a resource; without `members` it keeps those it has",
        query: REALM_WAIT,
        headers: AT_VERSION,
        body: Some(body("PutResource")),
        answers: &[(200, "ChangedResource"), (202, "ChangedResource"), (201, "ChangedResource")],
    },
    Operation {
        method: "patch",
        path: RESOURCE,
        id: "updateResource",
        summary: "Changes the fields that are given; null empties one",
        query: REALM_WAIT,
        headers: AT_VERSION,
        body: Some(body("UpdateResource")),
        answers: &[(200, "ChangedResource"), (202, "ChangedResource")],
    },
    Operation {
        method: "delete",
        path: RESOURCE,
        id: "deleteResource",
        summary: "Forgets a resource; an organisation only while no unrevoked credential names it",
        query: REALM_WAIT,
        headers: AT_VERSION,
        body: None,
        answers: GONE,
    },
    Operation {
        method: "put",
        path: MEMBER,
        id: "putMember",
        summary: "Gives a subject a level of a resource",
        query: REALM_WAIT,
        headers: AT_VERSION,
        body: Some(body("PutLevel")),
        answers: &[(200, "ChangedResource"), (202, "ChangedResource"), (201, "ChangedResource")],
    },
    Operation {
        method: "delete",
        path: MEMBER,
        id: "deleteMember",
        summary: "Takes a member away",
        query: REALM_WAIT,
        headers: AT_VERSION,
        body: None,
        answers: GONE,
    },
    Operation {
        method: "post",
        path: "/v1/explain",
        id: "explain",
        summary: "How a request would be decided, stage by stage",
        query: &[],
        headers: ONCE,
        body: Some(body("Explain")),
        answers: &[(200, "Explained")],
    },
    read(
        "/v1/audit",
        "listAudit",
        "Who changed what, newest first",
        &["author", "action", "kind", "place", "id", "from", "until", "cursor", "limit"],
        &[(200, "AuditEntryPage")],
    ),
    Operation {
        headers: &["Last-Event-ID"],
        ..read(
            "/v1/events",
            "followEvents",
            "The changes as they are made",
            &[],
            &[(200, "events")],
        )
    },
    read("/v1/replicas", "listReplicas", "Who serves", &[], &[(200, "Replicas")]),
    read(
        "/v1/config",
        "getConfig",
        "The configuration in force, as it was written",
        &[],
        &[(200, "Configuration")],
    ),
    Operation {
        method: "post",
        path: "/v1/config/check",
        id: "checkConfig",
        summary: "Judges a configuration, or the files when the body is empty, and changes nothing",
        query: &[],
        headers: &[],
        body: Some(Body {
            schema: "ConfigurationText",
            required: false,
            kind: "application/yaml",
            or: Some((FILES, "ConfigurationFiles")),
        }),
        answers: &[(200, "CheckedConfiguration")],
    },
    Operation {
        method: "post",
        path: "/v1/config/reload",
        id: "reloadConfig",
        summary: "Reads the files anew; what is refused is 422 with `problems`",
        query: WAIT,
        headers: ONCE,
        body: Some(body_if_any("Reload")),
        answers: &[(200, "ReloadedConfiguration")],
    },
];
