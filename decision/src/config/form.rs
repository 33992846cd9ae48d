//! How the scalars of a configuration are written: text → value, or what was expected instead.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::{IpNet, Ipv4Net};

use super::shape::Kind;
use super::tree::Scalar;
use crate::hop::is_hop_by_hop;

pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);
pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;

/// The most characters of a name.
const NAME_MAX: usize = 128;

/// One way to write a value.
pub(super) struct Form<T> {
    /// What a reader is told to write: `a duration from 1ms to 1h`.
    pub(super) expected: String,
    pub(super) kind: Kind,
    parse: Box<Parse<T>>,
}

/// Why a text is not of a form. A constant, so that it cannot show what a variable brought.
pub(super) type Reason = &'static str;
type Parse<T> = dyn Fn(&Scalar) -> Result<T, Option<Reason>>;

impl<T> Form<T> {
    pub(super) fn new(
        expected: impl Into<String>,
        parse: impl Fn(&Scalar) -> Option<T> + 'static,
    ) -> Self {
        Self {
            expected: expected.into(),
            kind: Kind::Text,
            parse: Box::new(move |scalar| parse(scalar).ok_or(None)),
        }
    }

    /// A form that can say more of what is wrong than what was expected.
    pub(super) fn reasoned(
        expected: impl Into<String>,
        parse: impl Fn(&str) -> Result<T, Reason> + 'static,
    ) -> Self {
        Self {
            expected: expected.into(),
            kind: Kind::Text,
            parse: Box::new(move |scalar| parse(&scalar.text).map_err(Some)),
        }
    }

    /// The same form, of which a schema can say more than that it is a scalar.
    pub(super) fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn parse(&self, scalar: &Scalar) -> Result<T, Option<Reason>> {
        (self.parse)(scalar)
    }
}

pub(super) fn text() -> Form<String> {
    Form::new("text", |scalar| Some(scalar.text.clone()))
}

/// A text that no message and no dump shows, unless it is all `${…}`.
pub(super) fn secret() -> Form<String> {
    text().of_kind(Kind::Secret)
}

/// `true` or `false`, unquoted. What else YAML once took for a boolean is text.
pub(super) fn boolean() -> Form<bool> {
    Form::new("`true` or `false`, unquoted", |scalar| match scalar.text.as_str() {
        "true" if scalar.plain => Some(true),
        "false" if scalar.plain => Some(false),
        _ => None,
    })
    .of_kind(Kind::Boolean)
}

/// One of a few words, each with its meaning.
pub(super) fn word<T: Copy + 'static>(words: &'static [(&'static str, T)]) -> Form<T> {
    let quoted: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    let expected = match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    };
    Form::new(expected, |scalar| {
        words.iter().find(|(word, _)| *word == scalar.text).map(|&(_, meaning)| meaning)
    })
    .of_kind(Kind::Word(words.iter().map(|(word, _)| *word).collect()))
}

/// A whole number in decimal digits.
pub(super) fn number<N>(range: RangeInclusive<N>) -> Form<N>
where
    N: FromStr + PartialOrd + Display + 'static,
{
    let expected = format!("a whole number from {} to {}", range.start(), range.end());
    Form::new(expected, move |scalar| {
        let digits = Some(&scalar.text).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        digits?.parse().ok().filter(|number| range.contains(number))
    })
    .of_kind(Kind::Whole)
}

/// A share of a whole, `0` to `1`.
pub(super) fn share() -> Form<f64> {
    Form::new("a number from 0 to 1", |scalar| {
        let decimal = scalar.text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        scalar.text.parse().ok().filter(|share| decimal && (0.0..=1.0).contains(share))
    })
    .of_kind(Kind::Share)
}

/// `auto` = `None`, or a value.
pub(super) fn auto<T: 'static>(form: Form<T>) -> Form<Option<T>> {
    let expected = format!("`auto` or {}", form.expected);
    let kind = Kind::Auto(Box::new(form.kind.clone()));
    Form::new(expected, move |scalar| match scalar.text.as_str() {
        "auto" => Some(None),
        _ => form.parse(scalar).ok().map(Some),
    })
    .of_kind(kind)
}

/// Milliseconds.
const DURATION_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// Bytes.
const SIZE_UNITS: [(&str, u64); 4] =
    [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

pub(super) fn duration(range: RangeInclusive<Duration>) -> Form<Duration> {
    let show = |duration: &Duration| with_unit(duration.as_millis() as u64, &DURATION_UNITS);
    let expected = format!(
        "a duration from {} to {}, such as `250ms` or `5m`",
        show(range.start()),
        show(range.end())
    );
    Form::new(expected, move |scalar| {
        parse_duration(&scalar.text).filter(|duration| range.contains(duration))
    })
    .of_kind(Kind::Duration)
}

/// Reads a whole number with a unit: `250ms`, `2s`, `5m`, `1h`, `30d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    without_unit(text, &DURATION_UNITS).map(Duration::from_millis)
}

/// A whole number of bytes with its unit: `500B`, `64KiB`, `10MiB`, `1GiB`.
pub(super) fn size(range: RangeInclusive<u64>) -> Form<u64> {
    let show = |bytes: &u64| with_unit(*bytes, &SIZE_UNITS);
    let expected = format!(
        "a size from {} to {}, such as `500B` or `64KiB`",
        show(range.start()),
        show(range.end())
    );
    Form::new(expected, move |scalar| {
        without_unit(&scalar.text, &SIZE_UNITS).filter(|bytes| range.contains(bytes))
    })
    .of_kind(Kind::Size)
}

/// `90` and `s` of `90s`, multiplied.
fn without_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let &(_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// `amount` in the largest unit that divides it.
fn with_unit(amount: u64, units: &[(&str, u64)]) -> String {
    units
        .iter()
        .find(|(_, factor)| amount != 0 && amount.is_multiple_of(*factor))
        .map_or_else(|| "0".to_owned(), |(name, factor)| format!("{}{name}", amount / factor))
}

pub(super) const NAME: &str = "a name of 1 to 128 letters, digits, `.`, `_` and `-`";

/// The name of something that other parts of the configuration, metrics or records speak of.
pub(super) fn name() -> Form<String> {
    Form::new(NAME, |scalar| Some(&scalar.text).filter(|text| is_name(text)).cloned())
}

pub(super) fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

pub(super) const LABEL_RULE: &str = "must be 1 to 128 visible ASCII characters";

/// What logs and metrics show of something that is not spoken of by its name.
pub(super) fn is_label(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// An address to listen on.
pub(super) fn address() -> Form<SocketAddr> {
    Form::new("an address such as `0.0.0.0:8080`, `[::]:8080` or `localhost:8080`", |scalar| {
        match scalar.text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}").parse().ok(),
            None => scalar.text.parse().ok(),
        }
    })
}

/// A block of addresses; a bare address is a block of one.
pub(super) fn network() -> Form<IpNet> {
    Form::new("an address or a block of them, such as `10.0.0.0/8`", |scalar| {
        let block = scalar.text.parse().ok();
        let block = block.or_else(|| scalar.text.parse::<IpAddr>().ok().map(IpNet::from))?;
        Some(canonical(block).trunc())
    })
}

/// IPv4 addresses that are written as IPv6 ones are held as what they are: so are those of clients.
fn canonical(block: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    let IpNet::V6(v6) = block else { return block };
    let v4 = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(MAPPED));
    v4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()).map_or(block, IpNet::V4)
}

/// The value of a header field as it is sent: visible ASCII, spaces and tabs within.
pub(super) fn field_value() -> Form<HeaderValue> {
    Form::reasoned(FIELD_VALUE, field_value_of)
}

const FIELD_VALUE: &str = "the value of a header field";

fn field_value_of(text: &str) -> Result<HeaderValue, Reason> {
    if text != text.trim_matches([' ', '\t']) {
        return Err("a field value has no white space at its ends");
    }
    let value = HeaderValue::from_str(text).ok().filter(|_| text.is_ascii());
    value.ok_or("a field value is visible ASCII, with spaces within")
}

/// The same of a field by which this side knows the other, or the other way round: it may be a password.
pub(super) fn secret_field_value() -> Form<HeaderValue> {
    Form::reasoned(FIELD_VALUE, |text| {
        let mut value = field_value_of(text)?;
        value.set_sensitive(true);
        Ok(value)
    })
    .of_kind(Kind::Secret)
}

/// The name of a header field.
pub(super) fn header_name(text: &str) -> Result<HeaderName, Reason> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    HeaderName::from_bytes(text.as_bytes())
        .ok()
        .filter(|name| plain && name.as_str().len() <= NAME_MAX)
        .ok_or("a field name is 1 to 128 letters, digits and `-`")
}

/// The name of a field that carries an identity, a credential or a request id. One to which HTTP or the gateway gives a
/// meaning is not free for that.
pub(super) fn free_header_name(text: &str) -> Result<HeaderName, Reason> {
    let name = header_name(text)?;
    match name.as_str() {
        "user-agent" => Err("`User-Agent` is in every line of the access log"),
        "host" => Err("`Host` says where a request goes"),
        "cookie" | "set-cookie" => Err("`Cookie` holds more than one value"),
        "authorization" => Err("`Authorization` has a place of its own, `bearer`"),
        "transfer-encoding" | "expect" => Err("the field is part of the framing"),
        word if is_hop_by_hop(word.as_bytes()) => Err("the field belongs to one connection"),
        "forwarded" | "x-real-ip" => Err("the gateway itself says whom it forwards for"),
        word if word.starts_with("x-forwarded-") => {
            Err("the gateway itself says whom it forwards for")
        }
        word if word.starts_with("content-") => Err("`Content-*` describes the body"),
        _ => Ok(name),
    }
}
