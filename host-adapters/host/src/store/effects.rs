//! The rows that each effect of an outcome becomes.

use std::collections::HashMap;
use std::sync::Arc;

use super::bodies::{Bodies, Made, Stored};
use super::claims::Claim;
use super::columns::{list_to_json, spool_id};
use super::commit::{Cause, item_key};
use super::db::{DbError, Tx, Unmet, params};
use super::directory::install_directory;
use super::outbox::{Item, NewItem};
use super::publications;
use super::tracking::Seen;
use crate::Action;
use crate::names::{kind_name, state_name};
use crate::pec;

/// What the effects of one outcome are written with.
pub(super) struct Basis<'a> {
    pub(super) now: u64,
    pub(super) entropy: &'a [u8; 32],
    pub(super) cause: &'a Cause<'a>,
    pub(super) bodies: &'a Bodies,
    /// The message of the event, where it has a row.
    pub(super) stored: Option<Stored<'a>>,
    pub(super) seen: &'a Seen,
    /// On the items that are made, for this process's own workers.
    pub(super) claim: Option<&'a Arc<Claim>>,
}

/// Writes the effects of one outcome, in their order.
pub(super) struct Effects<'t, 'tx, 'a> {
    tx: &'t mut Tx<'tx>,
    basis: &'t Basis<'a>,
    /// What was made with the claim.
    claimed: Vec<Item>,
    /// How many effects have been written: with the entropy, the key of what they make.
    count: usize,
    /// Rows of the messages that effects have referred to. Others are not stored.
    messages: HashMap<u32, i64>,
    /// Tracked messages whose version has been checked and raised.
    raised: Vec<String>,
}

impl<'t, 'tx, 'a> Effects<'t, 'tx, 'a> {
    pub(super) fn new(tx: &'t mut Tx<'tx>, basis: &'t Basis<'a>) -> Self {
        Self {
            tx,
            basis,
            claimed: Vec::new(),
            count: 0,
            messages: HashMap::new(),
            raised: Vec::new(),
        }
    }

    /// The items that were made with the claim, if there is one.
    pub(super) fn into_claimed(self) -> Vec<Item> {
        self.claimed
    }

    pub(super) fn write(&mut self, effect: &pec::Effect) -> Result<(), DbError> {
        self.count += 1;
        match effect {
            pec::Effect::Relay(relay) => self.relay(relay),
            pec::Effect::Deposit(deposit) => self.deposit(deposit),
            pec::Effect::Track(message) => self.track(message),
            pec::Effect::TakeInCharge(charge) => self.take_in_charge(charge),
            pec::Effect::Settle(settlement) => self.settle(settlement),
            pec::Effect::Log(entry) => self.log(entry),
            pec::Effect::KeepInfected(infected) => self.keep_infected(infected),
            pec::Effect::Notify(notice) => self.notify(notice),
            pec::Effect::Remember(memo) => self.remember(memo),
            pec::Effect::InstallDirectory(providers) => {
                let Cause::Directory { sha256, signers } = self.basis.cause else {
                    let text = "it installs a directory without having been given one";
                    return Err(Unmet::Contract(text.to_owned()).into());
                };
                install_directory(self.tx, (sha256, signers), providers)
            }
            pec::Effect::Publish(file) => self.publish(file),
        }
    }

    /// Instead of [`Self::write`], for a relay that is no item of the outbox: only its message, to which
    /// what our incoming point has decided of it refers, unless it keeps it from its recipients.
    pub(super) fn pass_over(&mut self, relay: &pec::Relay) -> Result<Stored<'a>, DbError> {
        self.count += 1;
        let row = self.message(relay.message)?;
        let bodies = self.basis.bodies;
        let Made { summary, body } = bodies.get(relay.message)?;
        Ok(Stored { summary, body, row })
    }

    /// Mail within the provider becomes an arrival of ours (RFC 6109 §3.4); what leaves is numbered.
    fn relay(&mut self, relay: &pec::Relay) -> Result<(), DbError> {
        let (action, seq) = match relay.route {
            pec::Route::OwnIncomingPoint => (Action::Loop, None),
            pec::Route::Network => (Action::Relay, Some(self.next_seq()?)),
        };
        let envelope = (&*relay.reverse_path, &*relay.recipients);
        self.item(action, relay.message, envelope, false, seq)
    }

    /// One item for each mailbox: each ends, and is confirmed, by itself.
    fn deposit(&mut self, deposit: &pec::Deposit) -> Result<(), DbError> {
        let recipients = std::slice::from_ref(&deposit.recipient);
        let envelope = (&*deposit.reverse_path, recipients);
        self.item(
            Action::Deposit,
            deposit.message,
            envelope,
            deposit.confirm,
            None,
        )
    }

    fn item(
        &mut self,
        action: Action,
        message: u32,
        (reverse_path, recipients): (&str, &[String]),
        confirm: bool,
        seq: Option<u64>,
    ) -> Result<(), DbError> {
        let new = NewItem {
            key: item_key(self.basis.entropy, self.count),
            action,
            message_row: self.message(message)?,
            message: self.basis.bodies.get(message)?,
            at: self.basis.now,
            reverse_path,
            recipients,
            confirm,
            seq,
        };
        self.claimed.extend(new.insert(self.tx, self.basis.claim)?);
        Ok(())
    }

    /// Relays are numbered in the order of the effects. Two transactions cannot get the same number:
    /// with SQLite there is one writer at a time, and PostgreSQL's sequence gives each number once.
    fn next_seq(&mut self) -> Result<u64, DbError> {
        let next = self.tx.draw(
            "SELECT coalesce(max(seq), 0) + 1 FROM outbox",
            "SELECT nextval('relay_seq')",
        )?;
        u64::try_from(next).map_err(|error| DbError::damaged(0, error))
    }

    /// The row of a message, written when the first effect refers to it, unless it is there already.
    fn message(&mut self, index: u32) -> Result<i64, DbError> {
        if let Some(id) = self.messages.get(&index) {
            return Ok(*id);
        }
        let made = self.basis.bodies.get(index)?;
        if let Some(id) = self.basis.stored.and_then(|stored| stored.row_of(made)) {
            self.messages.insert(index, id);
            return Ok(id);
        }
        let (octets, spool, recipe) = made.body.stored_form();
        let spool = match spool {
            Some(spool) => Some(spool_id(self.tx, &spool.name, made.body.len())?),
            None => None,
        };
        // Known beforehand, so that nobody waits for the row.
        let id = self.tx.draw(
            "SELECT coalesce(max(id), 0) + 1 FROM message",
            "WITH ids AS MATERIALIZED (
                 SELECT CAST(pg_get_serial_sequence('message', 'id') AS regclass) AS sequence)
             SELECT nextval(sequence) FROM ids, generate_series(1, 32)",
        )?;
        self.tx.later(
            "INSERT INTO message (id, kind, pec_id, message_id, at, octets, spool, recipe)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                id,
                &*kind_name(&made.summary.kind),
                &made.summary.pec_id,
                &made.summary.message_id,
                self.basis.now,
                octets,
                spool,
                &recipe
            ],
        )?;
        self.messages.insert(index, id);
        Ok(id)
    }

    /// A PEC id that is tracked already means repeated entropy, or a race: then nothing of this
    /// outcome may be true, and the client is asked to come again.
    fn track(&mut self, message: &pec::TrackedMessage) -> Result<(), DbError> {
        if message.recipients.is_empty() {
            let text = format!("it tracks {} without recipients", message.pec_id);
            return Err(Unmet::Contract(text).into());
        }
        self.tx.must_change(
            "INSERT INTO tracked (pec_id, message_id, sender, reply_to, subject, accepted_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            params![
                &message.pec_id,
                &message.message_id,
                &message.sender,
                &message.reply_to,
                &message.subject,
                message.accepted_at
            ],
            Unmet::Conflict(format!("PEC id {} is tracked already", message.pec_id)),
        )?;
        for (position, recipient) in message.recipients.iter().enumerate() {
            self.tx.later(
                "INSERT INTO tracked_recipient
                     (pec_id, position, address, certified, state, warned, deadline, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    &message.pec_id,
                    position,
                    &recipient.address,
                    recipient.certified,
                    state_name(recipient.state),
                    recipient.warned,
                    recipient.deadline,
                    self.basis.now,
                ],
            )?;
        }
        Ok(())
    }

    /// At most once per envelope and mailbox (PRACTICE 8.11): two sessions may bring the same envelope
    /// at once, both having asked before either wrote.
    fn take_in_charge(&mut self, charge: &pec::TakeInCharge) -> Result<(), DbError> {
        let pec::EnvelopeKey { pec_id, provider } = &charge.envelope;
        for recipient in &charge.recipients {
            self.tx.must_change(
                "INSERT INTO taken_in_charge (pec_id, provider, mailbox, recipient, at)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                params![
                    pec_id,
                    provider,
                    &recipient.to_lowercase(),
                    recipient,
                    self.basis.now
                ],
                Unmet::Conflict(format!(
                    "PEC id {pec_id} is taken in charge already for one of {}",
                    charge.recipients.join(", ")
                )),
            )?;
        }
        Ok(())
    }

    /// `changed_at` is when the state became what it is, so a repeated settlement leaves it.
    fn settle(&mut self, settlement: &pec::Settlement) -> Result<(), DbError> {
        self.raise(&settlement.pec_id)?;
        self.tx.must_change(
            "UPDATE tracked_recipient
             SET state = ?3, warned = ?4, deadline = ?5, changed_at =
                 CASE WHEN state = ?3 THEN changed_at ELSE ?6 END
             WHERE pec_id = ?1 AND address = ?2",
            params![
                &settlement.pec_id,
                &settlement.recipient,
                state_name(settlement.state),
                settlement.warned,
                settlement.deadline,
                self.basis.now
            ],
            Unmet::Contract(format!(
                "it settles {} of {}, which is not tracked",
                settlement.recipient, settlement.pec_id
            )),
        )?;
        self.raised.push(settlement.pec_id.clone());
        Ok(())
    }

    /// Checks that a tracked message is still as the plug-in saw it: a receipt may have come in
    /// while a tick was being thought about, and must not be overwritten.
    fn raise(&mut self, pec_id: &str) -> Result<(), DbError> {
        if self.raised.iter().any(|raised| raised == pec_id) {
            return Ok(());
        }
        let text = format!("the states of PEC id {pec_id} have changed meanwhile");
        self.tx.must_change(
            "UPDATE tracked SET version = version + 1
             WHERE pec_id = ?1 AND version = coalesce(?2, version)",
            params![pec_id, self.basis.seen.version(pec_id)],
            Unmet::Conflict(text),
        )?;
        Ok(())
    }

    /// RFC 6109 §2.3: kept for 30 months, so nothing here ever deletes a row.
    fn log(&mut self, entry: &pec::LogEntry) -> Result<(), DbError> {
        self.tx.later(
            "INSERT INTO log (event, pec_id, message_id, at, sender, recipients, subject,
                 generated, provider, error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                &entry.event,
                &entry.pec_id,
                &entry.message_id,
                entry.at,
                &entry.sender,
                &list_to_json(&entry.recipients),
                &entry.subject,
                &list_to_json(&entry.generated),
                &entry.provider,
                &entry.error
            ],
        )?;
        Ok(())
    }

    /// RFC 6109 §2.2.4: the original itself, out of everybody's reach. The sweep lets it go at its
    /// time.
    fn keep_infected(&mut self, infected: &pec::InfectedMessage) -> Result<(), DbError> {
        let original = self.basis.bodies.original();
        let (octets, spool, recipe) = original.stored_form();
        let spool = match spool {
            Some(spool) => Some(spool_id(self.tx, &spool.name, original.len())?),
            None => None,
        };
        self.tx.later(
            "INSERT INTO infected (pec_id, name, at, until, octets, spool, recipe)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                &infected.pec_id,
                &infected.name,
                self.basis.now,
                infected.until,
                octets,
                spool,
                &recipe
            ],
        )?;
        Ok(())
    }

    /// People hear of it through [`crate::Committed::notices`] and the log; the row is the proof.
    fn notify(&mut self, notice: &pec::Notice) -> Result<(), DbError> {
        self.tx.later(
            "INSERT INTO notice (at, recipient, text) VALUES (?1, ?2, ?3)",
            params![self.basis.now, &notice.recipient, &notice.text],
        )?;
        Ok(())
    }

    /// The name becomes a file's name, so it must not lead anywhere else.
    fn publish(&mut self, file: &pec::Publication) -> Result<(), DbError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if file.name.is_empty() || file.name.starts_with('.') || !file.name.chars().all(plain) {
            let name = &file.name;
            return Err(Unmet::Contract(format!("it publishes a file {name:?}")).into());
        }
        publications::publish(self.tx, self.basis.now, file)
    }

    /// The newest word counts: verdicts are renewed before they run out.
    fn remember(&mut self, memo: &pec::Memo) -> Result<(), DbError> {
        self.tx.later(
            "INSERT INTO memo (key, value, until) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, until = excluded.until",
            params![&memo.key, &memo.value, memo.until],
        )?;
        Ok(())
    }
}
