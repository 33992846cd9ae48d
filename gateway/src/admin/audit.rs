//! `GET /v1/audit`: who changed what.

use axum::Json;
use axum::response::IntoResponse as _;

use super::call::Call;
use super::change;
use super::credentials::Answer;
use super::fields::Judged;
use super::view::{AuditView, Listed};
use super::{instant, page, rules};
use crate::store::{Action, AuditEntry, AuditFilter, RecordKind};

pub(super) async fn list(mut call: Call) -> Answer {
    let fields = &mut call.query;
    let filter = AuditFilter {
        author: fields.text("author", rules::word),
        action: fields.text("action", action),
        kind: fields.text("kind", kind),
        place: fields.text("place", rules::word),
        id: fields.text("id", rules::id),
        from: fields.text("from", rules::instant),
        until: fields.text("until", rules::instant),
    };
    let (cursor, limit) = page::read(fields);
    call.query_ends()?;
    let page = change::read(call.admin.store.audit(&filter, cursor.as_deref(), limit)).await?;
    let items = page.items.into_iter().map(AuditView::from).collect();
    Ok(Json(Listed { items, next: page.next }).into_response())
}

fn action(text: &str) -> Judged<Action> {
    Action::from_name(text).ok_or_else(|| names(&Action::ALL.map(Action::name)))
}

fn kind(text: &str) -> Judged<RecordKind> {
    RecordKind::from_name(text).ok_or_else(|| names(&RecordKind::ALL.map(RecordKind::name)))
}

fn names(all: &[&str]) -> String {
    format!("must be one of {}", all.join(", "))
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            at: instant::write(entry.author.now),
            author: entry.author.name,
            request_id: entry.author.request,
            action: entry.action.name().to_owned(),
            kind: entry.kind.name().to_owned(),
            place: entry.place,
            id: entry.id.to_string(),
            version: entry.version,
            fields: entry.fields,
            other: entry.other.map(|id| id.to_string()),
        }
    }
}
