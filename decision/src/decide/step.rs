//! One step of a decision, on what is known at one moment.

use super::Refused;
use crate::facts::Wanted;

/// How far a step came.
#[derive(Debug)]
pub enum Step<T> {
    Ready(T),
    /// A record has to be fetched first. Then **everything is asked anew from [`super::Question::authenticate`] on**: a
    /// decision rests on records of one moment. (What a limit has charged stays charged.)
    Wants(Wanted),
}

/// Why a step does not go on.
#[derive(Debug)]
pub(crate) enum Stop<'s> {
    Wants(Wanted),
    Refused(Refused<'s>),
}

impl<'s> Stop<'s> {
    /// Adds to a refusal what is known of the request.
    pub(crate) fn adding(self, add: impl FnOnce(Refused<'s>) -> Refused<'s>) -> Self {
        match self {
            Self::Wants(wanted) => Self::Wants(wanted),
            Self::Refused(refused) => Self::Refused(add(refused)),
        }
    }
}

impl<'s> From<Refused<'s>> for Stop<'s> {
    fn from(refused: Refused<'s>) -> Self {
        Self::Refused(refused)
    }
}

impl<T> Step<T> {
    pub(crate) fn of(result: Result<T, Stop<'_>>) -> Result<Self, Refused<'_>> {
        match result {
            Ok(ready) => Ok(Self::Ready(ready)),
            Err(Stop::Wants(wanted)) => Ok(Self::Wants(wanted)),
            Err(Stop::Refused(refused)) => Err(refused),
        }
    }
}
