//! A host put together from a provider folder.
//!
//! Here a provider's decisions become the host's parts. An adapter for a real mail server does the
//! same with others: its own mailbox store for [`Maildir`], its queue for [`EmlFolder`].

use std::sync::Arc;

use ceralacca_host::provider::settings::Settings;
use ceralacca_host::provider::{Fields, mailboxes, pec_settings, revocation, startup};
use ceralacca_host::{
    Clock, DepositItem, DepositOutcome, Depot, EmlFolder, Engine, Entropy, FixedClock, Host,
    HostParts, Mailboxes, Maildir, NoScanner, OsEntropy, Policy, PublishedFolder, Relay, RsaSigner,
    Scanner, SeededEntropy, Store, SystemClock, Unavailable, pec,
};

use crate::cli::{ProviderArgs, TimeArgs};
use crate::error::Error;
use crate::moment::Moment;
use crate::provider::{CRL_CACHE, Folder, MAIL, OUTBOX, PUBLISHED, SETTINGS};

/// The parts that a command may want otherwise than a provider folder has them.
pub struct Surroundings {
    /// The plug-in.
    pub engine: Box<dyn Engine>,
    /// The time.
    pub clock: Box<dyn Clock>,
    /// Randomness.
    pub entropy: Box<dyn Entropy>,
    /// Where deposits go.
    pub depot: Box<dyn Depot>,
    /// Where relayed messages go.
    pub relay: Box<dyn Relay>,
    /// The virus scanner; without one the host warns loudly at its start.
    pub scanner: Option<Box<dyn Scanner>>,
}

impl Surroundings {
    /// The provider folder's own mailboxes and outbox; `seed` makes a run repeatable.
    pub fn of(
        folder: &Folder,
        args: &ProviderArgs,
        time: &TimeArgs,
        seed: Option<Vec<u8>>,
    ) -> Result<Surroundings, Error> {
        Ok(Surroundings {
            engine: Box::new(args.plug_in.load()?),
            clock: clock(time.now),
            entropy: match seed {
                Some(seed) => Box::new(SeededEntropy::new(seed)),
                None => Box::new(OsEntropy),
            },
            depot: Box::new(Maildir::new(folder.file(MAIL))),
            relay: Box::new(EmlFolder::new(folder.file(OUTBOX))),
            scanner: None,
        })
    }
}

/// Opens the host that the arguments name: what every command begins with through which mail
/// passes.
pub fn open(args: &ProviderArgs, time: &TimeArgs, seed: Option<Vec<u8>>) -> Result<Host, Error> {
    let folder = Folder::at(&args.provider);
    // Settings first: a missing folder is the likelier mistake than a missing plug-in.
    let settings = Settings::load(&folder)?;
    let surroundings = Surroundings::of(&folder, args, time, seed)?;
    host(&folder, settings, surroundings)
}

/// Opens the host for what is not mail: nothing will pass through it, so no scanner is missed.
pub fn open_to_look(args: &ProviderArgs, time: &TimeArgs) -> Result<Host, Error> {
    let folder = Folder::at(&args.provider);
    let settings = Settings::load(&folder)?;
    let surroundings = Surroundings::of(&folder, args, time, None)?;
    host(
        &folder,
        settings,
        Surroundings {
            scanner: Some(Box::new(NoScanner)),
            ..surroundings
        },
    )
}

/// Puts a host together. Every file of the folder is read here, before anything is done, so that a
/// mistake in one of them is told at once and leaves everything as it was.
pub fn host(
    folder: &Folder,
    settings: Settings,
    surroundings: Surroundings,
) -> Result<Host, Error> {
    let remedy = "restore the file, or make the provider again with `ceralacca provider init`";
    let key = folder.file(&settings.files.key);
    let signer =
        RsaSigner::from_pem_file(&key).map_err(|error| Error::file(&key, error, remedy))?;
    let pec_settings = pec_settings(folder, &settings)?;
    let directory = folder.file(&settings.files.directory);
    // The host loads it when it has changed; that it is there at all is checked here.
    if !directory.is_file() {
        return Err(Error::file(
            &directory,
            "the provider directory is not there",
            remedy,
        ));
    }
    // Made at the first command: `provider init` needs no database.
    let store = folder.root();
    let store = Store::open(store).map_err(|error| {
        Error::file(
            store,
            error,
            "mend what it says, or restore the store from a backup",
        )
    })?;
    let clock: Arc<dyn Clock> = surroundings.clock.into();
    let parts = HostParts {
        engine: surroundings.engine,
        settings: pec_settings,
        store,
        signer: Box::new(signer),
        scanner: surroundings.scanner,
        mailboxes: mailboxes(&settings),
        revocation: Box::new(revocation(
            folder,
            &settings,
            folder.file(CRL_CACHE),
            Arc::clone(&clock),
        )?),
        // The same list twice: the plug-in asks about policies, the depot about existence.
        depot: Box::new(KnownOnly {
            mailboxes: mailboxes(&settings),
            inner: surroundings.depot,
        }),
        relay: surroundings.relay,
        publisher: Box::new(PublishedFolder::new(folder.file(PUBLISHED))),
        clock: Box::new(clock),
        entropy: surroundings.entropy,
        directory_file: Some(directory),
        policy: Policy::default(),
    };
    let file = folder.file(SETTINGS);
    Host::new(parts).map_err(|error| startup(folder, &settings, Fields::of(&file), &error))
}

/// A clock that stands still, or the system's.
pub fn clock(now: Option<Moment>) -> Box<dyn Clock> {
    match now {
        Some(moment) => Box::new(Arc::new(FixedClock::new(moment.0))),
        None => Box::new(SystemClock),
    }
}

/// Deposits into mailboxes that exist, and says of the others that they do not: what a mailbox
/// server does, and a folder of Maildirs does not.
struct KnownOnly {
    mailboxes: Box<dyn Mailboxes>,
    inner: Box<dyn Depot>,
}

impl Depot for KnownOnly {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        match self.mailboxes.mailbox(item.recipient) {
            Ok(Some(_)) => self.inner.deposit(item),
            Ok(None) => DepositOutcome::Failed(pec::Failure {
                status: "5.1.1".to_owned(),
                code: 550,
                text: "no such mailbox".to_owned(),
                no_such_domain: false,
            }),
            Err(Unavailable(reason)) => DepositOutcome::Later(reason),
        }
    }
}
