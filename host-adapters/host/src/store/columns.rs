//! How values that SQL has no type for are written in columns, and read back.
//!
//! Reading returns [`rusqlite::Error`] for what does not parse: the store is damaged, or somebody
//! wrote into it, and the error says in which column.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction};
use serde_json::{Value, json};

use super::spool::Spool;
use crate::names::{kind_from_name, state_from_name};
use crate::{Body, MessageSummary, pec};

/// A list of addresses or ids.
pub(super) fn list_to_json(list: &[String]) -> String {
    Value::from(list).to_string()
}

/// The inverse of [`list_to_json`].
pub(super) fn list_from_row(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<String>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| damaged(column, error))
}

/// A failure of a deposit or relay.
pub(super) fn failure_to_json(failure: &pec::Failure) -> String {
    json!({
        "status": failure.status,
        "code": failure.code,
        "text": failure.text,
        "no_such_domain": failure.no_such_domain,
    })
    .to_string()
}

/// The inverse of [`failure_to_json`]; none where the column is NULL.
pub(super) fn failure_from_row(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<pec::Failure>> {
    let Some(text) = row.get::<_, Option<String>>(column)? else {
        return Ok(None);
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| damaged(column, error))?;
    let parts = (|| {
        Some(pec::Failure {
            status: value.get("status")?.as_str()?.to_owned(),
            code: u16::try_from(value.get("code")?.as_u64()?).ok()?,
            text: value.get("text")?.as_str()?.to_owned(),
            no_such_domain: value.get("no_such_domain")?.as_bool()?,
        })
    })();
    parts.map(Some).ok_or_else(|| damaged(column, "no failure"))
}

/// A recipient's state.
pub(super) fn state_from_row(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<pec::RecipientState> {
    let name: String = row.get(column)?;
    state_from_name(&name).ok_or_else(|| damaged(column, format!("unknown state {name:?}")))
}

/// Kind, PEC id and Message-ID, in three columns from `first` on.
pub(super) fn summary_from_row(row: &Row<'_>, first: usize) -> rusqlite::Result<MessageSummary> {
    let kind: String = row.get(first)?;
    Ok(MessageSummary {
        kind: kind_from_name(&kind),
        pec_id: row.get(first + 1)?,
        message_id: row.get(first + 2)?,
    })
}

/// Literal octets, file name and recipe, in three columns from `first` on.
pub(super) fn body_from_row(row: &Row<'_>, first: usize, spool: &Spool) -> rusqlite::Result<Body> {
    let literal: Vec<u8> = row.get(first)?;
    let file: Option<String> = row.get(first + 1)?;
    let recipe: Option<String> = row.get(first + 2)?;
    let file = file.and_then(|name| spool.file(&name));
    Body::from_stored(literal, file, recipe.as_deref()).map_err(|text| damaged(first + 2, text))
}

/// The row number of a file in the table `spool`, entering it when it is new there.
pub(super) fn spool_id(tx: &Transaction<'_>, name: &str, size: u64) -> rusqlite::Result<i64> {
    let known = tx
        .prepare_cached("SELECT id FROM spool WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    tx.prepare_cached("INSERT INTO spool (name, size) VALUES (?1, ?2)")?
        .insert((name, size))
}

/// A value that does not mean anything.
pub(super) fn damaged(
    column: usize,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}
