//! One normalisation of a path: what routes are matched on is what is sent.
//!
//! A path that two servers could read differently is not repaired but refused (contract, section 2, "Choosing").

use std::borrow::Cow;
use std::fmt;

/// Why a path has no safe single meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    NotAbsolute,
    EmptySegment,
    DotSegment,
    EncodedSlash,
    Backslash,
    Control,
    BadEscape,
    Fragment,
    NotPchar,
}

impl PathError {
    /// For the log, without anything of the path itself.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotAbsolute => "the path does not start with '/'",
            Self::EmptySegment => "the path has an empty segment",
            Self::DotSegment => "the path has a dot segment",
            Self::EncodedSlash => "the path has an encoded slash",
            Self::Backslash => "the path has a backslash",
            Self::Control => "the path has a control byte",
            Self::BadEscape => "the path has a '%' without two hexadecimal digits",
            Self::Fragment => "the path has a fragment",
            Self::NotPchar => "the path has a byte that must be percent-encoded",
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for PathError {}

/// The one form of `path`: every escape of a pchar (RFC 3986, section 3.3) decoded, the others with upper-case digits.
///
/// Borrowed, if there is no escape in it.
pub fn normalise(path: &str) -> Result<Cow<'_, str>, PathError> {
    if !path.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    // No early exit: most paths have nothing to find, and a loop without branches is the fastest way to see that.
    let plain = path.bytes().fold(true, |plain, byte| plain & is_plain(byte));
    let path = if plain { Cow::Borrowed(path) } else { Cow::Owned(decode(path)?) };
    judge_segments(&path)?;
    Ok(path)
}

/// What the segment at `position`, counted from 0, of a normalised path stands for, all escapes decoded; `None`: there is no such
/// segment, or it is no text.
pub(crate) fn segment(path: &str, position: usize) -> Option<Cow<'_, str>> {
    // Before the first slash there is nothing.
    match percent_decode(path.split('/').nth(position + 1)?)? {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// The byte that the two hexadecimal digits of an escape stand for.
pub(crate) fn unescape(digits: &str) -> Option<u8> {
    let &[high, low] = digits.as_bytes() else { return None };
    let value = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    Some(value(high)? << 4 | value(low)?)
}

/// The bytes that `text` stands for. `None`: there is a `%` without two hexadecimal digits.
pub(crate) fn percent_decode(text: &str) -> Option<Cow<'_, [u8]>> {
    let mut parts = text.split('%');
    let first = parts.next()?;
    if first.len() == text.len() {
        return Some(text.as_bytes().into());
    }
    let mut decoded = first.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        decoded.push(unescape(digits)?);
        decoded.extend_from_slice(rest.as_bytes());
    }
    Some(decoded.into())
}

/// Decodes what an escape may hide, once: what comes out is not looked at again, so `%252F` stays what it is.
fn decode(path: &str) -> Result<String, PathError> {
    let mut parts = path.split('%');
    let mut decoded = String::with_capacity(path.len());
    let first = parts.next().unwrap_or_default();
    judge_plain(first)?;
    decoded.push_str(first);
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(PathError::BadEscape)?;
        match unescape(digits).ok_or(PathError::BadEscape)? {
            b'/' => return Err(PathError::EncodedSlash),
            b'\\' => return Err(PathError::Backslash),
            byte if byte.is_ascii_control() => return Err(PathError::Control),
            byte if is_plain(byte) => decoded.push(byte as char),
            _ => {
                decoded.push('%');
                decoded.extend(digits.chars().map(|digit| digit.to_ascii_uppercase()));
            }
        }
        judge_plain(rest)?;
        decoded.push_str(rest);
    }
    Ok(decoded)
}

/// Judges bytes that stand for themselves.
fn judge_plain(text: &str) -> Result<(), PathError> {
    match text.bytes().find(|&byte| !is_plain(byte)) {
        None => Ok(()),
        Some(b'#') => Err(PathError::Fragment),
        Some(b'\\') => Err(PathError::Backslash),
        Some(byte) if byte.is_ascii_control() => Err(PathError::Control),
        Some(_) => Err(PathError::NotPchar),
    }
}

/// Judges the segments of a decoded path. One slash at the end is kept and is no empty segment.
fn judge_segments(path: &str) -> Result<(), PathError> {
    // Only after a slash can an empty or a dot segment begin; again, most paths have nothing to find.
    let bytes = path.as_bytes();
    let pairs = bytes.iter().zip(bytes.iter().skip(1));
    if !pairs.fold(false, |found, (&a, &b)| found | (a == b'/') & ((b == b'/') | (b == b'.'))) {
        return Ok(());
    }
    if path.contains("//") {
        return Err(PathError::EmptySegment);
    }
    // A server that knows path parameters takes them off before it resolves dots.
    let names = path.split('/').map(|segment| segment.split(';').next());
    let mut dots = names.filter(|name| matches!(name, Some("." | "..")));
    if dots.next().is_some() { Err(PathError::DotSegment) } else { Ok(()) }
}

/// A slash, or a pchar that is no escape.
const fn is_plain(byte: u8) -> bool {
    matches!(
        byte,
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9'
            | b'-' | b'.' | b'_' | b'~'
            | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            | b':' | b'@' | b'/'
    )
}

#[cfg(test)]
mod tests;
