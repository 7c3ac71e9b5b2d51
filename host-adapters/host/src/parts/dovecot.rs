//! Whose mailboxes are ours, asked of Dovecot (its authentication protocol, master side, version 1).

use std::time::Duration;

use self::auth::{AuthClient, Reply};
use self::cache::Cache;
use super::endpoint::Endpoint;
use super::{Clock, Mailboxes, SetupError, Unavailable};
use crate::pec;

pub use self::cache::UserdbCache;

mod auth;
mod cache;
mod policy;

/// Where Dovecot's user database is, and how long to wait and to remember.
#[derive(Clone, Debug)]
pub struct DovecotSettings {
    /// A `unix_listener auth-userdb` of Dovecot's `service auth`, with this program's user as its
    /// `user` and mode 0600. With Dovecot's own mode, 0666, look-ups fail for all but the users that
    /// have the uid of who asks, or of the socket (Dovecot's `conf.d/10-master.conf`).
    pub socket: Endpoint,
    /// How long a look-up may take. [`Self::PATIENCE`] unless there is a reason.
    pub patience: Duration,
    /// How long answers are remembered.
    pub cache: UserdbCache,
}

impl DovecotSettings {
    /// Ten seconds: a directory server that is asked in turn has answered or failed by then.
    pub const PATIENCE: Duration = Duration::from_secs(10);
}

/// Mailboxes are the users that Dovecot's `userdb` knows by their address.
///
/// A user whom Dovecot knows by another name than was asked for (but for case) is an alias, which is
/// no mailbox of certified mail; so `auth_username_format` must keep the domain (`%Lu`). Nor may the
/// `userdb` know everybody (`static` with `allow_all_users`); [`Self::check`] looks.
///
/// Extra fields of the `userdb` are the mailbox's own policy:
///
/// | field | values |
/// |---|---|
/// | `pec_ordinary_mail` | `refuse`, `accept`, or `redirect:ADDRESS` ([`pec::OrdinaryMailPolicy`]); without it the provider's |
/// | `pec_certified_only` | `yes` or `no` ([`pec::Mailbox::certified_only`]); without it `no` |
/// | `pec_addresses` | further mailboxes that its owner may write from, with commas between them |
///
/// Another value makes the mailbox unavailable, and mail for it waits until somebody mends it.
pub struct DovecotUserdb {
    auth: AuthClient,
    cache: Cache,
    socket: Endpoint,
}

impl DovecotUserdb {
    /// Nothing is connected to yet. The clock tells when to ask again.
    #[must_use]
    pub fn new(settings: DovecotSettings, clock: Box<dyn Clock>) -> Self {
        Self {
            socket: settings.socket.clone(),
            auth: AuthClient::new(settings.socket, settings.patience),
            cache: Cache::new(settings.cache, clock),
        }
    }

    /// Looks up `known`, a mailbox that there must be (the provider's own, for instance), and one in
    /// the same domain that nobody has.
    ///
    /// # Errors
    /// It cannot be asked, or does not know the one, or knows the other.
    pub fn check(&self, known: &str) -> Result<(), SetupError> {
        let culprit = format!("Dovecot's user database at {}", self.socket);
        let ask = |address: &str| {
            let remedy = "is Dovecot running, and may this program's user open the socket \
                (service auth, unix_listener auth-userdb, user and mode 0600)?";
            self.ask(address)
                .map_err(|Unavailable(problem)| SetupError::new(&culprit, problem, remedy))
        };
        if ask(known)?.is_none() {
            return Err(SetupError::new(
                &culprit,
                format_args!("it knows no user {known}"),
                "create this mailbox; auth_username_format must keep the domain (%Lu)",
            ));
        }
        let domain = known.rsplit('@').next().unwrap_or_default();
        let nobody = format!("{NOBODY}@{domain}");
        if ask(&nobody)?.is_some() {
            return Err(SetupError::new(
                &culprit,
                format_args!("it knows everybody, even {nobody}"),
                "use a userdb with a list of users: receipts must not be given for mailboxes that do not exist",
            ));
        }
        Ok(())
    }

    /// Asks, whatever is remembered.
    fn ask(&self, address: &str) -> Result<Option<pec::Mailbox>, Unavailable> {
        let trouble = |reason| self.trouble(reason);
        match self.auth.user(address).map_err(trouble)? {
            Reply::NotFound => Ok(None),
            Reply::User { name, .. } if !name.eq_ignore_ascii_case(address) => {
                tracing::debug!(address, name, "an alias is no mailbox");
                Ok(None)
            }
            Reply::User { name, fields } => {
                policy::mailbox(name, &fields).map(Some).map_err(trouble)
            }
        }
    }

    fn trouble(&self, reason: String) -> Unavailable {
        metrics::counter!("ceralacca_userdb_errors_total").increment(1);
        Unavailable(format!(
            "Dovecot's user database at {}: {reason}",
            self.socket
        ))
    }
}

impl Mailboxes for DovecotUserdb {
    fn mailbox(&self, address: &str) -> Result<Option<pec::Mailbox>, Unavailable> {
        if address.len() > LONGEST_ADDRESS {
            return Ok(None);
        }
        self.cache.get_or(address, || self.ask(address))
    }

    /// Asked each time: who submits has just been looked up by the same Dovecot, for their password.
    fn addresses(&self, account: &str) -> Result<Vec<String>, Unavailable> {
        match self
            .auth
            .user(account)
            .map_err(|reason| self.trouble(reason))?
        {
            // Closed since they logged in.
            Reply::NotFound => Ok(Vec::new()),
            Reply::User { name, fields } => {
                policy::addresses(name, &fields).map_err(|reason| self.trouble(reason))
            }
        }
    }
}

/// Octets (RFC 5321 §4.5.3.1.3): a longer one is nobody's.
const LONGEST_ADDRESS: usize = 256;
/// A local part that nobody has.
const NOBODY: &str = "nobody-has-this-ceralacca-check";
