//! Changes of a part of a record: read, changed, and given back at the version that was read.

use decision::facts::{Credential, Resource, Subject};
use decision::name::Id;

use super::{Author, ChangeError, Changed, Store, Unavailable};

/// How often a change is tried anew because another came between: each time at least one other was made.
const ATTEMPTS: usize = 100;

/// Changes the credential as `edit` does, or returns what `edit` or the store has against it.
///
/// `version` is the one that it must be at (`If-Match`). With `None`, `edit` may be called more than once, each time with the
/// record as it then is.
pub async fn credential<E: From<ChangeError> + Send>(
    store: &dyn Store,
    id: &Id,
    version: Option<u64>,
    author: &Author,
    mut edit: impl FnMut(&mut Credential) -> Result<(), E> + Send,
) -> Result<Changed<Credential>, E> {
    for _ in 0..ATTEMPTS {
        let found = store.get(id).await.map_err(ChangeError::Unavailable)?;
        let mut record = at(found, version, |record| record.version)?;
        edit(&mut record)?;
        match store.update(record, author).await {
            Err(ChangeError::Conflict) if version.is_none() => {}
            answer => return Ok(answer?),
        }
    }
    Err(overtaken().into())
}

/// As [`credential`]; `edit` is given `None` where there is no record, and says what is to stand there.
pub async fn subject<E: From<ChangeError> + Send>(
    store: &dyn Store,
    realm: &str,
    id: &Id,
    version: Option<u64>,
    author: &Author,
    mut edit: impl FnMut(Option<Subject>) -> Result<Subject, E> + Send,
) -> Result<Changed<Subject>, E> {
    for _ in 0..ATTEMPTS {
        let found = store.subject(realm, id).await.map_err(ChangeError::Unavailable)?.value;
        matches(found.as_ref().map(|record| record.version), version)?;
        let read = found.as_ref().map_or(0, |record| record.version);
        let record = Subject { id: id.clone(), version: read, ..edit(found)? };
        match store.put_subject(realm, record, author).await {
            Err(ChangeError::Conflict) if version.is_none() => {}
            answer => return Ok(answer?),
        }
    }
    Err(overtaken().into())
}

/// A realm, and the apis that share it.
#[derive(Clone, Copy, Debug)]
pub struct Realm<'r> {
    pub name: &'r str,
    pub apis: &'r [String],
}

/// As [`subject`].
pub async fn resource<E: From<ChangeError> + Send>(
    store: &dyn Store,
    realm: Realm<'_>,
    id: &Id,
    version: Option<u64>,
    author: &Author,
    mut edit: impl FnMut(Option<Resource>) -> Result<Resource, E> + Send,
) -> Result<Changed<Resource>, E> {
    for _ in 0..ATTEMPTS {
        let found = store.resource(realm.name, id).await.map_err(ChangeError::Unavailable)?.value;
        matches(found.as_ref().map(|record| record.version), version)?;
        let read = found.as_ref().map_or(0, |record| record.version);
        let record = Resource { id: id.clone(), version: read, ..edit(found)? };
        match store.put_resource(realm.name, record, realm.apis, author).await {
            Err(ChangeError::Conflict) if version.is_none() => {}
            answer => return Ok(answer?),
        }
    }
    Err(overtaken().into())
}

fn at<T>(
    found: Option<T>,
    version: Option<u64>,
    version_of: impl Fn(&T) -> u64,
) -> Result<T, ChangeError> {
    let record = found.ok_or(ChangeError::Unknown)?;
    matches(Some(version_of(&record)), version)?;
    Ok(record)
}

/// What is not there is at no version.
fn matches(found: Option<u64>, version: Option<u64>) -> Result<(), ChangeError> {
    if version.is_none() || found == version { Ok(()) } else { Err(ChangeError::Conflict) }
}

fn overtaken() -> ChangeError {
    let reason = "the record is changed too often to be changed again".to_owned();
    ChangeError::Unavailable(Unavailable { reason })
}

/// `old` with those fields of `new` that an update may change.
pub(super) fn patched(old: &Credential, new: Credential) -> Credential {
    let Credential {
        name,
        ceiling,
        grants,
        scopes,
        addresses,
        limits,
        metadata,
        disabled,
        expires_at,
        ..
    } = new;
    Credential {
        name,
        ceiling,
        grants,
        scopes,
        addresses,
        limits,
        metadata,
        disabled,
        expires_at,
        ..old.clone()
    }
}
