//! The pepper that is in force.

use decision::secret::{Pepper, Peppers};

use super::commit::Commit;
use super::{OpenError, Redis, names, overtaken};
use crate::store::ChangeError;

/// Redis remembers which pepper was in force: it must be among those given. From now on it is the current one.
pub(super) async fn put_in_force(redis: &Redis, peppers: &Peppers) -> Result<(), OpenError> {
    let current = redis.pepper.clone().into_bytes();
    let known = |value: &[u8]| {
        let mut previous = peppers.previous.iter().map(Pepper::check_value);
        previous.any(|previous| names::hex(&previous).as_bytes() == value)
    };
    for _ in 0..super::credentials::ATTEMPTS {
        let mut commit = Commit::default();
        match redis.value(names::PEPPER).await? {
            Some(value) if value == current => return Ok(()),
            Some(value) if !known(&value) => return Err(OpenError::OtherPepper),
            Some(value) => commit.begins(names::PEPPER.to_owned(), value),
            None => commit.absent(names::PEPPER.to_owned()),
        }
        commit.set(names::PEPPER, current.clone());
        if redis.commit(commit).await?.is_some() {
            return Ok(());
        }
    }
    match overtaken() {
        ChangeError::Unavailable(unavailable) => Err(unavailable.into()),
        _ => Ok(()),
    }
}
