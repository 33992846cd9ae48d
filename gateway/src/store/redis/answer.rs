//! What a script has answered, read from the front.

use redis::Value;

use crate::store::Unavailable;

#[derive(Debug)]
pub(super) struct Answer(std::vec::IntoIter<Value>);

impl Answer {
    pub(super) fn new(value: Value) -> Result<Self, Unavailable> {
        match value {
            Value::Array(values) => Ok(Self(values.into_iter())),
            _ => Err(strange()),
        }
    }

    pub(super) fn number(&mut self) -> Result<u64, Unavailable> {
        match self.0.next() {
            Some(Value::Int(number)) => u64::try_from(number).map_err(|_| strange()),
            Some(Value::BulkString(text)) => parsed(&text).ok_or_else(strange),
            _ => Err(strange()),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, Unavailable> {
        self.value()?.ok_or_else(strange)
    }

    pub(super) fn text(&mut self) -> Result<String, Unavailable> {
        String::from_utf8(self.bytes()?).map_err(|_| strange())
    }

    /// `None`: there is no such value. Scripts cut off what is none at the end.
    pub(super) fn value(&mut self) -> Result<Option<Vec<u8>>, Unavailable> {
        match self.0.next() {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::BulkString(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(strange()),
        }
    }

    /// As [`Self::value`], a number.
    pub(super) fn instant(&mut self) -> Result<Option<i64>, Unavailable> {
        self.value()?.map(|text| parsed(&text).ok_or_else(strange)).transpose()
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.len() == 0
    }
}

pub(super) fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

pub(super) fn strange() -> Unavailable {
    Unavailable { reason: "redis has answered what no script of ours answers".to_owned() }
}
