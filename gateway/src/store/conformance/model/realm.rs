//! The steps of subjects and resources.
use decision::facts::{Credential, Resource, Subject, Timestamp};

use super::super::resources::resource;
use super::super::subjects::subject;
use super::super::{at, id};
use super::{Model, Step, answer};
use crate::store::{Changed, Store};

/// A step of a subject or a resource.
pub(super) async fn take(store: &dyn Store, model: &mut Model, step: &Step, now: Timestamp) {
    let author = at(now);
    let apis = ["api_0".to_owned()];
    let names_it = |model: &Model, name: &str| {
        let of = |one: &Credential| one.subject.as_str() == name && one.api == "api_0";
        model.credentials.iter().any(|(one, _)| of(one) && one.revoked_at.is_none())
    };
    match step {
        Step::PutSubject { id: name, off, admin } => {
            let name = format!("user_{name}");
            let read = model.subjects.get(&name).map_or(0, |one| one.version);
            let given = Subject { admin: *admin, version: read + off, ..subject(&name) };
            let expected = if *off > 0 {
                Err("Conflict")
            } else if model.subjects.get(&name) == Some(&given) {
                Ok(())
            } else {
                model.subjects.insert(name, Subject { version: read + 1, ..given.clone() });
                model.changed();
                Ok(())
            };
            let put = store.put_subject("realm", given, &author).await;
            assert_eq!(answer(put), expected, "{step:?}");
        }
        Step::DeleteSubject { id: name } => {
            let name = format!("user_{name}");
            let deleted = store.delete_subject("realm", &id(&name), None, &apis, &author).await;
            let expected = if !model.subjects.contains_key(&name) {
                Err("Unknown")
            } else if names_it(model, &name) {
                Err("InUse")
            } else {
                model.subjects.remove(&name);
                model.changed();
                Ok(())
            };
            assert_eq!(answer(deleted), expected, "{step:?}");
        }
        Step::PutResource { id: name, off, parent } => {
            let name = format!("resource_{name}");
            let parent = parent.map(|parent| format!("resource_{parent}"));
            let old = model.resources.get(&name);
            let read = old.map_or(0, |old| old.version);
            let given = Resource { version: read + off, ..resource(&name, parent.as_deref()) };
            let is_moved = old.is_none_or(|old| old.parent != given.parent);
            let well = parent.filter(|_| is_moved).map_or(Ok(()), |p| model.lies_well(&name, &p));
            let expected = if *off > 0 {
                Err("Conflict")
            } else if old == Some(&given) {
                Ok(())
            } else {
                well.map(|()| {
                    model.resources.insert(name, Resource { version: read + 1, ..given.clone() });
                    model.changed();
                })
            };
            let put: Result<Changed<Resource>, _> =
                store.put_resource("realm", given, &apis, &author).await;
            assert_eq!(answer(put), expected, "{step:?}");
        }
        Step::DeleteResource { id: name } => {
            let name = format!("resource_{name}");
            let deleted = store.delete_resource("realm", &id(&name), None, &apis, &author).await;
            let expected = match model.resources.remove(&name) {
                None => Err("Unknown"),
                Some(_) => {
                    model.changed();
                    Ok(())
                }
            };
            assert_eq!(answer(deleted), expected, "{step:?}");
        }
        other => panic!("of a credential: {other:?}"),
    }
}
