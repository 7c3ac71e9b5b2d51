//! One connection: octets to packets, packets to the session, decisions to the role.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use ceralacca_milter::{
    Decision, Event, Inbox, Malformed, Peer, Refusal, Reply, Session, Transaction,
};
use metrics::{counter, histogram};

use super::Shared;
use super::connections::{Link, Place};
use super::limits::Limits;
use crate::roles::{Handled, Incoming, Role};

/// Serves a connection to its end.
pub(super) fn serve(shared: &Arc<Shared>, place: &Place) {
    let mut connection = Connection {
        shared,
        link: &place.link,
        out: Vec::new(),
    };
    let Err(end) = connection.run() else {
        return;
    };
    let reason = match &end {
        End::Malformed(_) => "malformed",
        End::Idle | End::Slow => "timeout",
        End::Broken(_) => "broken",
    };
    counter!("ceralacca_milter_failed_connections_total", "reason" => reason).increment(1);
    tracing::warn!(reason = %end, "a milter connection has failed");
}

/// Why a connection ended before the mail server said goodbye.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the mail server has said nothing for too long")]
    Idle,
    #[error("the mail server did not finish its packet in time")]
    Slow,
    #[error("{0}")]
    Broken(#[from] io::Error),
}

struct Connection<'a> {
    shared: &'a Arc<Shared>,
    link: &'a Link,
    /// What is to be sent before the next octet is read.
    out: Vec<u8>,
}

impl Connection<'_> {
    fn run(&mut self) -> Result<(), End> {
        let limits = &self.shared.limits;
        self.link.stream.prepare(TICK, limits.packet)?;
        let transport = self.link.stream.transport();
        let mut session = Session::new(transport, limits.session, self.shared.budget.clone());
        let mut inbox = Inbox::new(&limits.session);
        loop {
            while let Some(packet) = inbox.next()? {
                match session.handle(packet, &mut self.out)? {
                    Event::None => {}
                    Event::Mail(decision) => decide_sender(decision),
                    Event::Recipient(decision) => self.shared.decide_recipient(decision),
                    Event::Message(transaction) => {
                        self.message(transaction, session.peer())?;
                    }
                    Event::End => return Ok(()),
                }
                // Between two packets, since the next one may wait until this is answered.
                self.flush()?;
            }
            if !session.is_inside_message() {
                inbox.shrink();
            }
            if !self.link.go_on(session.is_inside_message()) {
                return Ok(());
            }
            if !self.read(&mut inbox, session.is_inside_message())? {
                return Ok(());
            }
        }
    }

    /// Reads some octets. False: the mail server has closed.
    fn read(&self, inbox: &mut Inbox, inside_message: bool) -> Result<bool, End> {
        let limits = &self.shared.limits;
        let since = Instant::now();
        let (patience, end) = match (inbox.is_inside_packet(), inside_message) {
            (true, _) => (limits.packet, End::Slow),
            (false, true) => (limits.upload, End::Idle),
            (false, false) => (limits.idle, End::Idle),
        };
        let inside = inbox.is_inside_packet();
        loop {
            if let Some(count) = self.link.stream.read(inbox.room())? {
                inbox.filled(count);
                if count == 0 {
                    return Ok(false);
                }
                if !inside || inbox.has_packet() {
                    return Ok(true);
                }
            }
            if since.elapsed() > patience {
                return Err(end);
            }
        }
    }

    fn flush(&mut self) -> Result<(), End> {
        if !self.out.is_empty() {
            self.link.stream.write_all(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }

    /// Has a message dealt with, and keeps the mail server patient meanwhile.
    fn message(&mut self, transaction: Transaction, peer: Peer) -> Result<(), End> {
        let begun = Instant::now();
        let macros = &transaction.macros;
        let queue_id = macros.get("i").unwrap_or_default().to_owned();
        let role = match Role::of(macros, peer) {
            Ok(role) => role,
            Err(refusal) => {
                Reply::Refuse(refusal).write(&mut self.out);
                return Ok(());
            }
        };
        // It may have begun and ended within what was read at once.
        self.link.go_on(true);
        let incoming = Incoming::new(transaction);
        let hosts = Arc::clone(&self.shared.hosts);
        let Limits {
            patience,
            progress,
            answer,
            ..
        } = self.shared.limits;
        let work = move || role.message(incoming, &*hosts);
        let result = self.shared.workers.give(patience, work);
        let Handled { reply, pec_id } = loop {
            let left = answer.saturating_sub(begun.elapsed());
            match result.recv_timeout(progress.min(left)) {
                Ok(handled) => break handled,
                Err(RecvTimeoutError::Timeout) if begun.elapsed() >= answer => {
                    tracing::error!(queue_id, "a message takes too long; told to come again");
                    break Handled::come_again("temporary failure here");
                }
                Err(RecvTimeoutError::Timeout) => {
                    Reply::Progress.write(&mut self.out);
                    self.flush()?;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let text = "shutting down".to_owned();
                    return Err(io::Error::other(text).into());
                }
            }
        };
        report(role, &reply, begun.elapsed());
        let reply_text = match &reply {
            Reply::Refuse(refusal) => refusal.to_string(),
            other => format!("{other:?}").to_lowercase(),
        };
        tracing::info!(
            pec_id,
            role = role.name(),
            queue_id,
            reply = reply_text,
            milliseconds = begun.elapsed().as_millis(),
            "message"
        );
        reply.write(&mut self.out);
        Ok(())
    }
}

fn decide_sender(decision: Decision<'_>) {
    let verdict =
        Role::of(decision.macros(), decision.peer()).and_then(|role| role.sender(&decision));
    settle(decision, verdict);
}

impl Shared {
    fn decide_recipient(&self, decision: Decision<'_>) {
        let verdict = Role::of(decision.macros(), decision.peer())
            .and_then(|role| role.recipient(&decision, &self.hosts.current()));
        settle(decision, verdict);
    }
}

fn settle(decision: Decision<'_>, verdict: Result<(), Refusal>) {
    match verdict {
        Ok(()) => decision.accept(),
        Err(refusal) => {
            tracing::info!(
                reply = %refusal,
                sender = %decision.envelope().reverse_path,
                recipient = decision.recipient().map(ToString::to_string),
                "refused"
            );
            decision.refuse(refusal);
        }
    }
}

fn report(role: Role, reply: &Reply, took: Duration) {
    let class = match reply {
        Reply::Refuse(refusal) if refusal.is_temporary() => "4xx",
        Reply::Refuse(_) => "5xx",
        Reply::Accept => "through",
        _ => "2xx",
    };
    counter!("ceralacca_milter_transactions_total", "role" => role.name(), "reply" => class)
        .increment(1);
    histogram!("ceralacca_milter_transaction_seconds", "role" => role.name()).record(took);
}

/// How exact time limits are, and how often a connection at rest is looked at.
const TICK: Duration = Duration::from_secs(5);
