//! Who carries an item of the outbox out.
//!
//! The work on an item is done outside of any transaction: a relay may take minutes. So that no
//! two workers do it at once, in one process, two, or on two machines, an item is claimed first.
//! A claim is a lease: it holds for a minute by the database's clock, and is renewed as long as
//! somebody has the item in hand. Whoever ends an item must still hold its claim; what a dead
//! host had in hand is claimed by another when the lease has run out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::db::{Promise, params};
use super::outbox::{Item, items_of};
use super::{Store, StoreError};
use crate::hex;

/// The right to carry out the items that were claimed together; kept up while any of them is held.
#[derive(Debug)]
pub(super) struct Claim {
    name: String,
    /// In seconds.
    lease: u32,
    /// When it was last asked for, by our own clock: it holds for as long from then on, or longer.
    asked: Mutex<Instant>,
}

impl Claim {
    /// What `claimed_by` says.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// For how many seconds it holds unless renewed.
    pub(super) fn lease(&self) -> u32 {
        self.lease
    }

    /// Is nobody else allowed yet what it allows?
    fn lasts(&self) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.elapsed() < Duration::from_secs(self.lease.into())
    }

    fn renewed(&self, asked: Instant) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }
}

/// The claims of one open store.
#[derive(Debug)]
pub(super) struct Claims {
    /// In seconds.
    lease: u32,
    /// Tells this opening of the store from all others; with a count, one claim from all others.
    owner: String,
    count: AtomicU64,
    /// Those whose items somebody may still have in hand.
    held: Mutex<Vec<Weak<Claim>>>,
}

impl Claims {
    /// # Errors
    /// The operating system gives no random octets.
    pub(super) fn new(lease: u32) -> Result<Self, &'static str> {
        let mut owner = [0; 16];
        aws_lc_rs::rand::fill(&mut owner)
            .map_err(|_| "the operating system gives no random octets")?;
        Ok(Self {
            lease,
            owner: hex(&owner),
            count: AtomicU64::new(0),
            held: Mutex::default(),
        })
    }

    pub(super) fn make(&self) -> Arc<Claim> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        Arc::new(Claim {
            name: format!("{}:{number}", self.owner),
            lease: self.lease,
            asked: Mutex::new(Instant::now()),
        })
    }

    /// Renews it from now on, as long as somebody has its items in hand. Their rows are there.
    pub(super) fn hold(&self, claim: &Arc<Claim>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|claim| claim.strong_count() > 0);
        held.push(Arc::downgrade(claim));
    }

    fn held(&self) -> Vec<Arc<Claim>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Store {
    /// Claims at most `count` of the items that are due at `now` and that nobody has in hand:
    /// those first that have been due for longest.
    ///
    /// # Errors
    /// The store cannot be written. Nothing is claimed, or only until the lease runs out.
    pub(super) fn claim_due(&self, now: u64, count: usize) -> Result<Vec<Item>, StoreError> {
        let claimed = self.claim(
            // The rows are locked as they are found, and those that others have just locked are
            // passed over: two hosts never claim the same, nor wait for each other.
            "WITH due AS MATERIALIZED (
                 SELECT id FROM outbox
                 WHERE state = 'pending' AND next_at <= ?3 AND claimed_until <= unixepoch()
                     AND id > ?5
                 ORDER BY next_at, id LIMIT ?4 FOR UPDATE SKIP LOCKED)
             UPDATE outbox
             SET claimed_by = ?1, claimed_until = unixepoch() + ?2, claims = claims + 1
             FROM due WHERE outbox.id = due.id RETURNING outbox.id",
            (now, 0, count),
        )?;
        Ok(claimed.into_iter().map(|(_, item)| item).collect())
    }

    /// The same for the one item that comes next after number `after` (0: the first of all), with its
    /// number; items that are made meanwhile have higher numbers.
    ///
    /// # Errors
    /// As for [`Self::claim_due`].
    pub(crate) fn claim_next(
        &self,
        now: u64,
        after: i64,
    ) -> Result<Option<(i64, Item)>, StoreError> {
        let claimed = self.claim(
            "WITH due AS MATERIALIZED (
                 SELECT id FROM outbox
                 WHERE state = 'pending' AND next_at <= ?3 AND claimed_until <= unixepoch()
                     AND id > ?5
                 ORDER BY id LIMIT ?4 FOR UPDATE SKIP LOCKED)
             UPDATE outbox
             SET claimed_by = ?1, claimed_until = unixepoch() + ?2, claims = claims + 1
             FROM due WHERE outbox.id = due.id RETURNING outbox.id",
            (now, after, 1),
        )?;
        Ok(claimed.into_iter().next())
    }

    fn claim(
        &self,
        statement: &'static str,
        (now, after, count): (u64, i64, usize),
    ) -> Result<Vec<(i64, Item)>, StoreError> {
        let (claims, spool) = (&self.0.claims, &self.0.spool);
        // Whoever finds an item after a power cut must see that somebody may have carried it out.
        self.write("claiming outbox items", Promise::Durable, |tx| {
            let claim = claims.make();
            let values = params![claim.name(), claim.lease(), now, count, after];
            let ids: Vec<i64> = tx.query(statement, values, |row| row.get(0))?;
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            claims.hold(&claim);
            items_of(tx, &claim, &ids, spool)
        })
    }

    /// Renews the claims on all items that somebody still holds. To be called every
    /// [`Self::renew_every`].
    ///
    /// # Errors
    /// The store cannot be written; the next time may be early enough.
    pub(crate) fn renew_claims(&self) -> Result<(), StoreError> {
        let held = self.0.claims.held();
        if held.is_empty() {
            return Ok(());
        }
        let asked = Instant::now();
        let names: Vec<&str> = held.iter().map(|claim| claim.name()).collect();
        let names = Value::from(names).to_string();
        self.write("renewing claims", Promise::Seen, |tx| {
            // All at once: PostgreSQL has no index for it, which would cost each claim more than this does.
            let renew = tx.choose(
                "UPDATE outbox SET claimed_until = unixepoch() + ?2
                 WHERE state = 'pending' AND claimed_by IN (SELECT value FROM json_each(?1))",
                "UPDATE outbox SET claimed_until = unixepoch() + ?2
                 WHERE state = 'pending'
                     AND claimed_by IN (SELECT json_array_elements_text(CAST(CAST(?1 AS TEXT) AS JSON)))",
            );
            tx.execute(renew, params![&names, self.0.claims.lease])
        })?;
        // One that may have run out before this was written may have been taken over before it.
        let lasted = held.iter().filter(|claim| claim.lasts());
        lasted.for_each(|claim| claim.renewed(asked));
        Ok(())
    }

    /// May what has not begun be begun? An item whose claim may have run out may be in other hands.
    pub(super) fn still_holds(&self, item: &Item) -> bool {
        item.claim().lasts()
    }

    /// Twice may fail before the lease runs out.
    pub(crate) fn renew_every(&self) -> Duration {
        Duration::from_secs(self.0.claims.lease.into()) / 3
    }

    /// Gives items back that nobody began, or whose end could not be written. Who claims them next
    /// takes them for repeated ([`Item::repeated`]), which is true or costs a look.
    ///
    /// # Errors
    /// The store cannot be written; the leases run out by themselves.
    pub(crate) fn release(&self, items: &[Item]) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        // What is known of them may be known to nobody else.
        self.write("giving outbox items back", Promise::Durable, |tx| {
            for item in items {
                item.release(tx)?;
            }
            Ok(())
        })
    }

    /// Gives up whatever was claimed; only while nobody else has the store open.
    pub(super) fn clear_claims(&self) -> Result<(), StoreError> {
        self.write("clearing claims", Promise::Seen, |tx| {
            tx.execute(
                "UPDATE outbox SET claimed_by = NULL, claimed_until = 0
                 WHERE state = 'pending' AND claimed_by IS NOT NULL",
                &[],
            )
            .map(drop)
        })
    }
}
