//! The mail server next to us, over SMTP and LMTP: [`SmtpRelay`] hands messages to Postfix's
//! injection port, [`LmtpDepot`] puts them into Dovecot's mailboxes.
//!
//! ```text
//!  SmtpRelay  LmtpDepot     what a verdict means for the outbox
//!       └──┬──────┘
//!        Pool               connections, kept open and lent out
//!          │
//!      Connection           greeting, EHLO or LHLO, one transaction after another
//!       │     │
//!     Wire  Reply           octets with deadlines; what the other side says
//! ```
//!
//! # What a reply means
//! The other side answers for each recipient, and so do we. A 5yz reply is its last word: the
//! recipient is refused. Whatever else is not a yes is *later*: 4yz, a connection that breaks, a
//! reply that is none, and those 5yz replies that tell of a quarrel between two programs rather
//! than of a message (`Reply::class`). Nobody's certified mail fails for a setting of ours.
//!
//! # Twice
//! SMTP has one moment of doubt: the final dot is sent and the answer does not come. The other
//! side may have the message. It is then given again, since *lost* is worse than *twice*; and so
//! it is when our process dies between the answer and its mark in the store. What that means:
//!
//! - **Relay.** The next provider may see the same envelope twice, under the same PEC id, and
//!   takes it for one (PRACTICE 8.11). An ordinary recipient may see it twice.
//! - **Deposit.** The owner may see the same message twice in the mailbox: same octets, same
//!   Message-ID. Legally nothing happens twice: the delivery receipt is made from the verdict,
//!   which the store holds once per item, and the second answer finds the first one's place.
//!
//! LMTP has no way to ask “have you got this?”, and a mark that we left in the mailbox would
//! change the message; marking the item before the deposit would lose messages instead. So the
//! moment is made short: from Dovecot's `250` to our commit there is one write to the store, each
//! worker has one deposit at a time, and a service that is told to stop finishes what it has in
//! hand. And where a [`MailboxLookup`] is given, a deposit that may have been made before
//! ([`crate::DepositItem::repeated`]) looks for the Message-ID in the mailbox first, and takes what
//! it finds for its own. Ordinary deposits pay nothing for that. What remains: a message that its
//! owner has expunged meanwhile comes back once; and several hosts on one store, of which one
//! dies while another lives on and takes its items over without knowing that they had begun.
//!
//! A connection that went stale while it waited in the pool is no such case: it shows before the
//! first octet of content, and the transaction begins again on a new connection, once.
//!
//! # What is sent
//! The message's octets, dot-stuffed while they stream from memory or spool, in one pass and
//! through one buffer. SMTP cannot carry every octet string: a message with a line feed of its own
//! (not part of CR LF) would be changed by the other side, or end early, and is refused here; 8-bit
//! content goes where 8BITMIME is offered and is refused elsewhere; a last line without CR LF gets
//! one. All that we sign passes untouched.

pub use doveadm::{DoveadmLookup, MailboxLookup};
pub use lmtp::LmtpDepot;
pub use relay::SmtpRelay;
pub use settings::SmtpSettings;

mod answers;
mod connection;
mod content;
mod doveadm;
mod endpoint;
mod letter;
mod lmtp;
mod pool;
mod relay;
mod reply;
mod settings;
mod trouble;
mod wire;
