//! Lists in pages: credentials newest first, all else by id.

use decision::facts::{Credential, Resource, Subject, SubjectKind, Timestamp};
use decision::name::{Id, is_id};

use super::answer::{Answer, strange};
use super::names::{self, index};
use super::realm::Record;
use super::record::{Found, opened};
use super::{Redis, scripts};
use crate::store::{Filter, ListError, Page, ResourceFilter, Unavailable};

/// The most records that one script reads: nobody else is served meanwhile.
const READ_AT_ONCE: usize = 500;

/// One more than asked for tells whether there is a next page; of a short one some may not be shown.
fn at_once(limit: usize) -> usize {
    limit.saturating_add(1).clamp(100, READ_AT_ONCE)
}

/// A part of an index, between two bounds as `ZRANGE` takes them.
pub(super) struct Range<'a> {
    pub(super) index: &'a str,
    pub(super) down: bool,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
}

/// Where a page ended: the next one begins below.
struct Cursor {
    created_at: i64,
    id: Id,
}

impl Cursor {
    fn after(credential: &Credential) -> String {
        format!("{}.{}", credential.created_at.0, credential.id)
    }

    fn parse(text: &str) -> Option<Self> {
        let (created_at, id) = text.split_once('.')?;
        Some(Self { created_at: created_at.parse().ok()?, id: Id::new(id)? })
    }
}

pub(super) async fn list(
    redis: &Redis,
    filter: &Filter,
    cursor: Option<&str>,
    limit: usize,
    now: Timestamp,
) -> Result<Page<Credential>, ListError> {
    let mut from = match cursor {
        None => "+".to_owned(),
        Some(text) => {
            let Cursor { created_at, id } = Cursor::parse(text).ok_or(ListError::CursorInvalid)?;
            format!("({}", names::ordered(Timestamp(created_at), &id))
        }
    };
    let index = index_of(filter);
    let mut items = Vec::new();
    loop {
        let range = Range { index: &index, down: true, from: &from, to: "-" };
        let found = credentials(redis, &range, at_once(limit)).await?;
        let Some((last, _)) = found.last() else { break };
        from = format!("({last}");
        let shown = found.into_iter().map(|(_, found)| found.kept.credential);
        items.extend(shown.filter(|credential| shows(filter, credential, now)));
        if items.len() > limit {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(Cursor::after);
    Ok(Page { items, next })
}

/// The index that is likely to have the fewest others.
fn index_of(filter: &Filter) -> String {
    use decision::facts::CredentialState::{Disabled, Revoked};
    if let Some(external_id) = &filter.external_id {
        index::external(external_id)
    } else if let Some(subject) = &filter.subject {
        index::subject(subject)
    } else if let Some(org) = &filter.org {
        index::org(org)
    } else if filter.state == Some(Disabled) {
        index::DISABLED.to_owned()
    } else if filter.state == Some(Revoked) {
        index::REVOKED.to_owned()
    } else if let Some(api) = &filter.api {
        index::api(api)
    } else {
        index::CREDENTIALS.to_owned()
    }
}

fn shows(filter: &Filter, credential: &Credential, now: Timestamp) -> bool {
    let is = |wanted: &Option<String>, value: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
    };
    is(&filter.api, Some(&credential.api))
        && is(&filter.subject, Some(credential.subject.as_str()))
        && is(&filter.org, credential.org.as_ref().map(Id::as_str))
        && is(&filter.scheme, Some(&credential.scheme))
        && is(&filter.external_id, credential.external_id.as_ref().map(Id::as_str))
        && filter.state.is_none_or(|state| credential.state(now) == state)
}

/// Credentials of an index, each with its member there.
pub(super) async fn credentials(
    redis: &Redis,
    range: &Range<'_>,
    limit: usize,
) -> Result<Vec<(String, Found)>, Unavailable> {
    let mut answer = page(redis, range, limit, names::CREDENTIAL, names::MOMENT).await?;
    let mut found = Vec::new();
    while !answer.is_over() {
        let (member, record, used) = (answer.text()?, answer.value()?, answer.instant()?);
        let id = member.get(names::MOMENT..).and_then(Id::new).ok_or_else(strange)?;
        let name = names::credential(&id);
        let record = record.ok_or_else(|| redis.vault.forged(&name))?;
        found.push((member, opened(redis, &name, &record, used)?));
    }
    Ok(found)
}

async fn page(
    redis: &Redis,
    range: &Range<'_>,
    limit: usize,
    kind: &str,
    skip: usize,
) -> Result<Answer, Unavailable> {
    let Range { index, down, from, to } = range;
    let mut call = scripts::Call::of(&scripts::PAGE);
    let way = if *down { "down" } else { "up" };
    call.arg(index).arg(way).arg(from).arg(to).arg(limit).arg(kind).arg(skip);
    Answer::new(redis.link.change(&call).await?)
}

pub(super) async fn subjects(
    redis: &Redis,
    realm: &str,
    kind: Option<SubjectKind>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Subject>, ListError> {
    let index = match kind {
        Some(kind) => index::kind(Subject::KIND, realm, kind.name()),
        None => index::realm(Subject::KIND, realm),
    };
    let shows = |one: &Subject| kind.is_none_or(|kind| one.kind == kind);
    by_id(redis, &Names::of(Subject::KIND, realm, index), cursor, limit, shows).await
}

pub(super) async fn resources(
    redis: &Redis,
    realm: &str,
    filter: &ResourceFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Resource>, ListError> {
    let index = match (&filter.parent, &filter.kind) {
        (Some(parent), _) => format!("{}{parent}", index::children(realm)),
        (None, Some(kind)) => index::kind(Resource::KIND, realm, kind),
        (None, None) => index::realm(Resource::KIND, realm),
    };
    let shows = |one: &Resource| {
        filter.kind.as_ref().is_none_or(|kind| one.kind == *kind)
            && filter.parent.as_ref().is_none_or(|parent| one.parent.as_ref() == Some(parent))
    };
    by_id(redis, &Names::of(Resource::KIND, realm, index), cursor, limit, shows).await
}

/// Where records of a realm stand, and what stands before the id in the name of each.
struct Names {
    index: String,
    before_id: String,
}

impl Names {
    fn of(kind: &str, realm: &str, index: String) -> Self {
        Self { index, before_id: names::before_id(kind, realm) }
    }
}

async fn by_id<T: Record>(
    redis: &Redis,
    Names { index, before_id }: &Names,
    cursor: Option<&str>,
    limit: usize,
    shows: impl Fn(&T) -> bool,
) -> Result<Page<T>, ListError> {
    let mut from = match cursor {
        None => "-".to_owned(),
        Some(text) if is_id(text) => format!("({text}"),
        Some(_) => return Err(ListError::CursorInvalid),
    };
    let mut items = Vec::new();
    while items.len() <= limit {
        let range = Range { index, down: false, from: &from, to: "+" };
        let mut answer = page(redis, &range, at_once(limit), before_id, 0).await?;
        if answer.is_over() {
            break;
        }
        while !answer.is_over() {
            let (id, record, _) = (answer.text()?, answer.value()?, answer.instant()?);
            from = format!("({id}");
            let name = format!("{before_id}{id}");
            let record = record.ok_or_else(|| redis.vault.forged(&name))?;
            items.extend(Some(redis.vault.open(&name, &record)?).filter(&shows));
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last.id().to_string());
    Ok(Page { items, next })
}
