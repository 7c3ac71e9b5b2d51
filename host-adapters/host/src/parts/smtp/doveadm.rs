//! Is a message in a mailbox? Dovecot's administrators' interface knows.
//!
//! <https://doc.dovecot.org/2.3/admin_manual/doveadm_http_api/>: a POST with one command and its
//! parameters as JSON, and a secret key. `doveadm search` reads the mailbox's index.

use std::fmt;
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};
use ureq::Agent;

use crate::parts::Unavailable;

/// Knows whether a message lies in a mailbox: for [`super::LmtpDepot`], which asks before it repeats
/// a deposit.
pub trait MailboxLookup: Send + Sync {
    /// Is there a message with this Message-ID (without angle brackets) in any folder of this
    /// mailbox, put there at or after `since` (seconds since 1970)?
    ///
    /// # Errors
    /// Nobody knows now. The deposit waits: to guess would lose the message or double it.
    fn is_there(&self, mailbox: &str, message_id: &str, since: u64) -> Result<bool, Unavailable>;
}

/// Asks Dovecot over `doveadm`'s HTTP interface.
///
/// ```text
/// service doveadm {
///   inet_listener http { address = 127.0.0.1  port = 8080 }
/// }
/// doveadm_api_key = a long secret
/// ```
pub struct DoveadmLookup {
    url: String,
    authorization: String,
    agent: Agent,
}

impl DoveadmLookup {
    /// `url` is the interface's root, for example `http://127.0.0.1:8080`; `key` is
    /// `doveadm_api_key`, which is never shown.
    #[must_use]
    pub fn new(url: &str, key: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .build();
        Self {
            url: format!("{}/doveadm/v1", url.trim_end_matches('/')),
            authorization: format!("X-Dovecot-API {}", Base64::encode_string(key.as_bytes())),
            agent: Agent::new_with_config(config),
        }
    }

    fn ask(&self, command: &Value) -> Result<String, ureq::Error> {
        self.agent
            .post(&self.url)
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/json")
            .send(command.to_string())?
            .body_mut()
            .with_config()
            .limit(LARGEST_ANSWER)
            .read_to_string()
    }
}

impl MailboxLookup for DoveadmLookup {
    fn is_there(&self, mailbox: &str, message_id: &str, since: u64) -> Result<bool, Unavailable> {
        let wanted = format!("<{message_id}>");
        // An hour for clocks that differ.
        let since = since.saturating_sub(3_600).to_string();
        let query = json!(["savedsince", since, "header", "message-id", wanted]);
        let command = json!([["search", { "user": mailbox, "query": query }, TAG]]);
        let failed = |why: &dyn fmt::Display| {
            Unavailable(format!(
                "{}: whether {wanted} is in {mailbox}: {why}",
                self.url
            ))
        };
        let text = self.ask(&command).map_err(|error| failed(&error))?;
        found(&text).ok_or_else(|| failed(&format_args!("it answers {text:?}")))
    }
}

impl fmt::Debug for DoveadmLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DoveadmLookup({})", self.url)
    }
}

/// `[["doveadmResponse", [{"mailbox-guid": …, "uid": …}, …], "TAG"]]`; none for anything else,
/// errors of `doveadm` included.
fn found(text: &str) -> Option<bool> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let [one] = answer.as_array()?.as_slice() else {
        return None;
    };
    let [kind, rows, tag] = one.as_array()?.as_slice() else {
        return None;
    };
    let ours = kind == "doveadmResponse" && tag == TAG;
    ours.then(|| rows.as_array().map(|rows| !rows.is_empty()))?
}

const TAG: &str = "ceralacca";

/// A search in an index takes milliseconds; a mailbox whose index must be built, longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// One or two hits of 100 octets.
const LARGEST_ANSWER: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn only_an_answer_is_an_answer() {
        let hit = r#"[["doveadmResponse",[{"mailbox-guid":"x","uid":"1"}],"ceralacca"]]"#;
        assert_eq!(found(hit), Some(true));
        assert_eq!(
            found(r#"[["doveadmResponse",[],"ceralacca"]]"#),
            Some(false)
        );
        for other in [
            "",
            "[]",
            "null",
            r#"[["error",{"type":"exitCode","exitCode":67},"ceralacca"]]"#,
            r#"[["doveadmResponse",[],"other"]]"#,
            r#"[["doveadmResponse",{},"ceralacca"]]"#,
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
