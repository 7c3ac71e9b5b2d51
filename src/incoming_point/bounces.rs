//! Bounces that our own mail server made: what they say of certified recipients is believed and
//! becomes `errore-consegna` (PRACTICE 8.5). A DSN from the network never comes here: it proves
//! nothing, and a notice made from it could be false (case I13).

use super::IncomingPoint;
use crate::conversation::Stop;
use crate::delivery_point::Telling;
use crate::dsn::{self, Report};
use crate::ids::PecId;
use crate::limits::Limits;
use crate::outcome::{Effect, Outcome, Reply};
use crate::question::TrackedMessage;

impl IncomingPoint<'_> {
    /// Settles what the bounce is about. What concerns ordinary recipients, or nothing that we
    /// know, returns to the user as any DSN does; what only concerns certified ones does not: the
    /// notice says it, and the timers say the rest.
    ///
    /// The reply is never a refusal: a mail server has nowhere to put a bounce that is refused.
    pub(super) async fn own_bounce(&self) -> Result<Outcome, Stop> {
        let known = self.known().await?;
        let mut outcome = match &known {
            Some((report, tracked)) if !is_for_people(report, tracked) => {
                Outcome::only(Reply::new(250, "2.0.0", "Taken as a bounce"))
            }
            _ => self.ordinary().await?,
        };
        if let Some((report, tracked)) = &known {
            let telling = Telling::new(tracked, &self.ids, self.now, &self.profile, &self.desk);
            // Those of ordinary recipients are in the DSN itself, which is delivered.
            telling.failures(&mut outcome, &report.failed).await?;
        }
        if outcome.reply.code >= 500 {
            // Among them bounces of receipts, which come back to the service address.
            outcome.effects.push(Effect::Notify {
                recipient: None,
                text: format!(
                    "a bounce of our own mail server cannot be delivered: {}; Message-ID {}",
                    outcome.reply.text, self.inspection.message_id
                ),
            });
            outcome.reply = Reply::new(250, "2.0.0", "Noted");
        }
        Ok(outcome)
    }

    /// The report, and the message of ours that it is about. It must have come back to that
    /// message's sender: nothing else bounces there.
    async fn known(&self) -> Result<Option<(Report, TrackedMessage)>, Stop> {
        let Some(scan) = &self.inspection.scan else {
            return Ok(None);
        };
        if !self.event.reverse_path.is_empty() {
            return Ok(None);
        }
        let Some(report) = dsn::read(&self.event.message, scan, &Limits::DEFAULT) else {
            return Ok(None);
        };
        let id = report.message_id.as_deref().unwrap_or_default();
        let Ok(pec_id) = PecId::try_from(id) else {
            return Ok(None);
        };
        let tracked = self.desk.tracked(&pec_id).await?;
        Ok(tracked
            .filter(|tracked| self.event.recipients.contains(&tracked.sender))
            .map(|tracked| (report, tracked)))
    }
}

/// Does it say anything that no PEC message will?
fn is_for_people(report: &Report, tracked: &TrackedMessage) -> bool {
    let mut about = report
        .failed
        .iter()
        .map(|failed| &failed.recipient)
        .chain(&report.other)
        .peekable();
    let certified = |address| tracked.recipient(address).is_some_and(|r| r.certified);
    about.peek().is_none() || about.any(|address| !certified(address))
}
