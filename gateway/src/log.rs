//! The operational log: JSON lines on stderr, for people and collectors. (The access log is [`crate::record`]'s, on stdout.)
//!
//! Few lines, all of them about the process and never about one request.

use std::io::Write as _;
use std::sync::atomic::{AtomicU8, Ordering};

use decision::config::snapshot::LogLevel;

use crate::clock;

static LEVEL: AtomicU8 = AtomicU8::new(LogLevel::Info as u8);

/// Lines below `level` are not written from now on.
pub fn set_level(level: LogLevel) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// A line being built.
#[derive(Debug)]
pub struct Line(serde_json::Map<String, serde_json::Value>);

impl Line {
    pub fn field(&mut self, name: &str, value: impl Into<serde_json::Value>) -> &mut Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }
}

pub fn error(message: &str, fields: impl FnOnce(&mut Line)) {
    write(LogLevel::Error, "error", message, fields);
}

pub fn warn(message: &str, fields: impl FnOnce(&mut Line)) {
    write(LogLevel::Warn, "warn", message, fields);
}

pub fn info(message: &str, fields: impl FnOnce(&mut Line)) {
    write(LogLevel::Info, "info", message, fields);
}

fn write(level: LogLevel, name: &str, message: &str, fields: impl FnOnce(&mut Line)) {
    if level as u8 > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let mut line = Line(serde_json::Map::new());
    line.field("time", time_text(clock::wall().0)).field("level", name).field("message", message);
    fields(&mut line);
    let mut text = serde_json::Value::Object(line.0).to_string();
    text.push('\n');
    // One write a line, so that lines of several threads do not mix; who closed stderr does not want to know.
    let _nobody_listens = std::io::stderr().lock().write_all(text.as_bytes());
}

/// RFC 3339 in UTC with milliseconds.
pub fn time_text(milliseconds: i64) -> String {
    use time::macros::format_description;
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000)
        .ok()
        .and_then(|at| at.format(format).ok())
        .unwrap_or_default()
}
