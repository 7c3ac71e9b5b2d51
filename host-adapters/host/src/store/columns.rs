//! How values that SQL has no type for are written in columns, and read back.
//!
//! Reading returns [`DbError::Damaged`] for what does not parse: somebody wrote into the store,
//! and the error says in which column.

use serde_json::{Value, json};

use super::db::{DbError, Row, Tx, params};
use super::spool::Spool;
use crate::names::{kind_from_name, state_from_name};
use crate::{Body, MessageSummary, pec};

/// A list of addresses or ids.
pub(super) fn list_to_json(list: &[String]) -> String {
    Value::from(list).to_string()
}

/// The inverse of [`list_to_json`].
pub(super) fn list_from_row(row: &Row<'_>, column: usize) -> Result<Vec<String>, DbError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| DbError::damaged(column, error))
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
) -> Result<Option<pec::Failure>, DbError> {
    let Some(text) = row.get::<Option<String>>(column)? else {
        return Ok(None);
    };
    let value: Value =
        serde_json::from_str(&text).map_err(|error| DbError::damaged(column, error))?;
    let parts = (|| {
        Some(pec::Failure {
            status: value.get("status")?.as_str()?.to_owned(),
            code: u16::try_from(value.get("code")?.as_u64()?).ok()?,
            text: value.get("text")?.as_str()?.to_owned(),
            no_such_domain: value.get("no_such_domain")?.as_bool()?,
        })
    })();
    parts
        .map(Some)
        .ok_or_else(|| DbError::damaged(column, "no failure"))
}

/// A recipient's state.
pub(super) fn state_from_row(row: &Row<'_>, column: usize) -> Result<pec::RecipientState, DbError> {
    let name: String = row.get(column)?;
    state_from_name(&name)
        .ok_or_else(|| DbError::damaged(column, format!("unknown state {name:?}")))
}

/// Kind, PEC id and Message-ID, in three columns from `first` on.
pub(super) fn summary_from_row(row: &Row<'_>, first: usize) -> Result<MessageSummary, DbError> {
    let kind: String = row.get(first)?;
    Ok(MessageSummary {
        kind: kind_from_name(&kind),
        pec_id: row.get(first + 1)?,
        message_id: row.get(first + 2)?,
    })
}

/// Literal octets, file name and recipe, in three columns from `first` on.
pub(super) fn body_from_row(row: &Row<'_>, first: usize, spool: &Spool) -> Result<Body, DbError> {
    let literal: Vec<u8> = row.get(first)?;
    let file: Option<String> = row.get(first + 1)?;
    let recipe: Option<String> = row.get(first + 2)?;
    let file = file.and_then(|name| spool.file(&name));
    Body::from_stored(literal, file, recipe.as_deref())
        .map_err(|text| DbError::damaged(first + 2, text))
}

/// The row number of a file in the table `spool`, entering it when it is new there.
pub(super) fn spool_id(tx: &mut Tx<'_>, name: &str, size: u64) -> Result<i64, DbError> {
    // A large message in the database itself has had its row since it came in. From now on it is
    // referred to, and goes when it is no longer. The row's lock keeps a sweep away.
    let known = tx.choose(
        "SELECT id FROM spool WHERE name = ?1",
        "UPDATE spool SET made_at = 0 WHERE name = ?1 RETURNING id",
    );
    let gone = || DbError::damaged(0, format!("the large message {name} is gone"));
    match tx.find(known, params![name], |row| row.get(0))? {
        Some(id) => Ok(id),
        None if tx.keeps_large_messages() => Err(gone()),
        None => tx.value(
            "INSERT INTO spool (name, size) VALUES (?1, ?2) RETURNING id",
            params![name, size],
        ),
    }
}
