//! A field of a change.

/// What is given of a field.
pub(super) enum Given<T> {
    /// Nothing: it stays as it is.
    Not,
    /// null, which empties it.
    Null,
    Value(T),
}

impl<T: Clone> Given<T> {
    pub(super) fn put(&self, field: &mut Option<T>) {
        match self {
            Self::Not => {}
            Self::Null => *field = None,
            Self::Value(value) => *field = Some(value.clone()),
        }
    }

    /// As [`Self::put`], for a field that has `empty` where it has nothing else.
    pub(super) fn put_or(&self, field: &mut T, empty: T) {
        match self {
            Self::Not => {}
            Self::Null => *field = empty,
            Self::Value(value) => *field = value.clone(),
        }
    }
}

impl<T: Clone + Default> Given<T> {
    pub(super) fn put_or_default(&self, field: &mut T) {
        self.put_or(field, T::default());
    }
}
