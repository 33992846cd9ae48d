//! What people read: plain columns, in which nothing that was stored can move a cursor or forge a line.

use comfy_table::{Table, presets};

use crate::admin::view::CredentialView;

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

/// A line a credential.
pub(super) fn list(items: &[CredentialView]) -> String {
    let mut table = plain();
    table.set_header(["ID", "API", "SCHEME", "HINT", "NAME", "SUBJECT", "ORG", "STATE", "EXPIRES"]);
    for item in items {
        let cells: [&str; 9] = [
            &item.id,
            &item.api,
            &item.scheme,
            &item.hint,
            or_dash(item.name.as_ref()),
            &item.subject,
            or_dash(item.org.as_ref()),
            &item.state,
            item.expires_at.as_deref().unwrap_or("never"),
        ];
        table.add_row(cells.map(|cell| cut(&visible(cell))));
    }
    lines(&table)
}

/// A line a field, of one credential; `secret` last, when it is there to be shown.
pub(super) fn record(item: &CredentialView, secret: Option<&str>) -> String {
    let metadata = serde_json::Value::Object(item.metadata.clone()).to_string();
    let version = item.version.to_string();
    let mut fields: Vec<(&str, &str)> = vec![
        ("id", &item.id),
        ("api", &item.api),
        ("scheme", &item.scheme),
        ("name", or_dash(item.name.as_ref())),
        ("hint", &item.hint),
        ("external id", or_dash(item.external_id.as_ref())),
        ("subject", &item.subject),
        ("org", or_dash(item.org.as_ref())),
        ("state", &item.state),
        ("created at", &item.created_at),
        ("expires at", item.expires_at.as_deref().unwrap_or("never")),
        ("revoked at", or_dash(item.revoked_at.as_ref())),
        ("revoke reason", or_dash(item.revoke_reason.as_ref())),
        ("metadata", &metadata),
        ("version", &version),
    ];
    fields.extend(secret.map(|secret| ("secret", secret)));
    let mut table = plain();
    for (name, value) in fields {
        table.add_row([name.to_owned(), visible(value)]);
    }
    lines(&table)
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

fn or_dash(text: Option<&String>) -> &str {
    text.map_or("-", String::as_str)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_MAX) {
        None => text.to_owned(),
        Some(_) => text.chars().take(CELL_MAX - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests;
