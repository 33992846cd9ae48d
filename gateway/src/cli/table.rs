//! What people read: plain columns, in which nothing that was stored can move a cursor or forge a line.

use comfy_table::{Table, presets};
use serde_json::{Map, Value};

/// Characters of a cell in a list, beyond which it is cut.
const CELL_MAX: usize = 40;

/// `text` with everything escaped that a terminal would obey instead of show: control characters, line separators, and the
/// marks that turn the direction of writing.
pub(super) fn visible(text: &str) -> String {
    replaced(text, commands, |char| char.escape_unicode().to_string())
}

/// JSON text with the same characters escaped: there they stand in strings only, but for the white space between tokens.
pub(super) fn visible_json(text: &str) -> String {
    let inside = |char: char| commands(char) && !char.is_ascii_whitespace();
    replaced(text, inside, |char| format!("\\u{:04x}", u32::from(char)))
}

fn replaced(text: &str, which: impl Fn(char) -> bool, by: impl Fn(char) -> String) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if which(char) {
            shown.push_str(&by(char));
        } else {
            shown.push(char);
        }
    }
    shown
}

fn commands(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The columns of a list: what stands over each, and the field it shows.
pub(super) type Columns = &'static [(&'static str, &'static str)];

/// A line a record.
pub(super) fn list(items: &[Map<String, Value>], columns: Columns) -> String {
    let mut table = plain();
    table.set_header(columns.iter().map(|(title, _)| *title));
    for item in items {
        table.add_row(columns.iter().map(|(_, field)| cut(&visible(&cell(item, field)))));
    }
    lines(&table)
}

/// A line a field, of one record; `secret` last, when it is there to be shown.
pub(super) fn record(item: &Map<String, Value>, fields: &[&str], secret: Option<&str>) -> String {
    let mut table = plain();
    for field in fields {
        table.add_row([field.replace('_', " "), visible(&cell(item, field))]);
    }
    if let Some(secret) = secret {
        table.add_row(["secret".to_owned(), visible(secret)]);
    }
    lines(&table)
}

/// A value on its line; what is not there is a dash, but for an end that never comes.
fn cell(item: &Map<String, Value>, field: &str) -> String {
    match item.get(field) {
        None | Some(Value::Null) if field == "expires_at" => "never".to_owned(),
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// Without the blanks that fill the last column.
fn lines(table: &Table) -> String {
    let mut lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.push(String::new());
    lines.join("\n")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_MAX) {
        None => text.to_owned(),
        Some(_) => text.chars().take(CELL_MAX - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests;
