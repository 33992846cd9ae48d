//! What lies under which name. Every name stands behind [`PREFIX`], whose hash tag keeps them all in one slot of a cluster: one
//! script changes them together.
//!
//! An api or a realm in the middle of a name is written so that it cannot reach into what follows.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use decision::facts::{Credential, Resource, Subject, Timestamp};
use decision::name::Id;
use decision::secret::Digest;

use crate::store::{PROBE, RepeatKey};

pub(super) const PREFIX: &str = "{portcullis}:";

/// Position and link of the newest entry of the log.
pub(super) const HEAD: &str = "head";
pub(super) const AUDIT: &str = "audit";
/// When credentials were used last, by id.
pub(super) const USED: &str = "used";
/// Which pepper is in force.
pub(super) const PEPPER: &str = "pepper";
/// How many credentials were made under which pepper.
pub(super) const PEPPERS: &str = "peppers";
/// The names of calls that may be repeated, in the order in which they were begun.
pub(super) const REPEATS: &str = "repeats";
/// Written before replicas are waited for.
pub(super) const ACKNOWLEDGED: &str = "acknowledged";
pub(super) const REPLICAS: &str = "replicas";

/// As Redis knows it.
pub(super) fn full(name: &str) -> String {
    format!("{PREFIX}{name}")
}

pub(super) const CREDENTIAL: &str = "credential:";
pub(super) const SUBJECT: &str = "subject:";
pub(super) const RESOURCE: &str = "resource:";
pub(super) const SEALED: &str = "sealed:";
pub(super) const DELETED: &str = "deleted:";
pub(super) const REPEAT: &str = "repeat:";

pub(super) fn credential(id: &Id) -> String {
    format!("{CREDENTIAL}{id}")
}

/// Holds the id of the credential that is found by it.
pub(super) fn digest(api: &str, digest: &Digest) -> String {
    format!("digest:{}:{}", written(api), hex(&digest.0))
}

/// Holds the id of the credential that has it.
pub(super) fn external(api: &str, external_id: &Id) -> String {
    format!("external:{}:{external_id}", written(api))
}

/// A copy of its secret that can be read again.
pub(super) fn sealed(id: &Id) -> String {
    format!("{SEALED}{id}")
}

/// What is remembered of a credential after its deletion.
pub(super) fn deleted(id: &Id) -> String {
    format!("{DELETED}{id}")
}

/// `kind` is `subject` or `resource`.
pub(super) fn of_realm(kind: &str, realm: &str, id: &Id) -> String {
    format!("{}{id}", before_id(kind, realm))
}

/// What stands before the id in [`of_realm`].
pub(super) fn before_id(kind: &str, realm: &str) -> String {
    format!("{kind}:{}:", written(realm))
}

/// Holds another value after each change of what lies below what.
pub(super) fn tree(realm: &str) -> String {
    format!("tree:{}", written(realm))
}

pub(super) fn repeat(key: &RepeatKey) -> String {
    format!("{REPEAT}{}:{}", written(&key.author), key.key)
}

/// The signature of an entry of the log holds where its link stands.
pub(super) fn entry(link: u64) -> String {
    format!("entry:{link}")
}

/// An index: a set in the order of its members.
pub(super) mod index {
    use super::written;

    pub(in super::super) const CREDENTIALS: &str = "index:credentials";
    pub(in super::super) const REVOKED: &str = "index:revoked";
    pub(in super::super) const DISABLED: &str = "index:disabled";

    pub(in super::super) fn api(api: &str) -> String {
        format!("index:api:{api}")
    }

    pub(in super::super) fn subject(subject: &str) -> String {
        format!("index:subject:{subject}")
    }

    pub(in super::super) fn org(org: &str) -> String {
        format!("index:org:{org}")
    }

    pub(in super::super) fn external(external_id: &str) -> String {
        format!("index:external:{external_id}")
    }

    /// Those that end, in the order in which they do.
    pub(in super::super) fn ends(api: &str, scheme: &str) -> String {
        format!("index:ends:{}:{scheme}", written(api))
    }

    /// The unrevoked that name a subject, or an organisation.
    pub(in super::super) fn live(what: &str, api: &str, id: &str) -> String {
        format!("index:live-{what}:{}:{id}", written(api))
    }

    pub(in super::super) fn realm(kind: &str, realm: &str) -> String {
        format!("index:{kind}s:{realm}")
    }

    /// Stands before the id of the parent.
    pub(in super::super) fn children(realm: &str) -> String {
        format!("index:parent:{}:", written(realm))
    }

    /// Those of one kind: of users, say, or of boards.
    pub(in super::super) fn kind(of: &str, realm: &str, kind: &str) -> String {
        format!("index:{of}-kind:{}:{kind}", written(realm))
    }
}

/// Names of indices and the member that stands for a record in each.
pub(super) type Places = BTreeSet<(String, String)>;

pub(super) fn places_of_credential(credential: &Credential) -> Places {
    let Credential { api, scheme, subject, org, external_id, id, .. } = credential;
    let ends = [credential.revoked_at, credential.expires_at].into_iter().flatten().min();
    let ends = ends.map(|ends| (index::ends(api, scheme), ordered(ends, id)));
    if api == PROBE {
        return ends.into_iter().collect();
    }
    let created = ordered(credential.created_at, id);
    let mut places = vec![
        (index::CREDENTIALS.to_owned(), created.clone()),
        (index::api(api), created.clone()),
        (index::subject(subject.as_str()), created.clone()),
    ];
    places.extend(org.iter().map(|org| (index::org(org.as_str()), created.clone())));
    places.extend(external_id.iter().map(|id| (index::external(id.as_str()), created.clone())));
    if credential.disabled {
        places.push((index::DISABLED.to_owned(), created.clone()));
    }
    if credential.revoked_at.is_some() {
        places.push((index::REVOKED.to_owned(), created));
    } else {
        places.push((index::live("subject", api, subject.as_str()), id.to_string()));
        let live = |org: &Id| (index::live("org", api, org.as_str()), id.to_string());
        places.extend(org.iter().map(live));
    }
    places.extend(ends);
    places.into_iter().collect()
}

pub(super) fn places_of_subject(realm: &str, subject: &Subject) -> Places {
    let kind = index::kind("subject", realm, subject.kind.name());
    [(index::realm("subject", realm), subject.id.to_string()), (kind, subject.id.to_string())]
        .into()
}

pub(super) fn places_of_resource(realm: &str, resource: &Resource) -> Places {
    let id = resource.id.to_string();
    let parent = resource.parent.iter();
    let below = parent.map(|parent| (format!("{}{parent}", index::children(realm)), id.clone()));
    let kind = (index::kind("resource", realm, &resource.kind), id.clone());
    [(index::realm("resource", realm), id.clone()), kind].into_iter().chain(below).collect()
}

/// How many bytes of [`ordered`] stand before the id.
pub(super) const MOMENT: usize = 16;

/// A member that stands in the order of the instant, then of the id.
pub(super) fn ordered(at: Timestamp, id: &Id) -> String {
    format!("{}{id}", moment(at))
}

/// In the order of the instants, those before 1970 included.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{:016x}", at.0.cast_unsigned() ^ (1 << 63))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _it_never_fails = write!(text, "{byte:02x}");
    }
    text
}

/// Without the colon that ends it.
fn written(place: &str) -> String {
    place.replace('%', "%25").replace(':', "%3a")
}
