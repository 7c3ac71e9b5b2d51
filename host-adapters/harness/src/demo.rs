//! The demonstration: a message from sender to receipt between two providers, then what goes wrong.
//!
//! | module | holds |
//! |---|---|
//! | [`scenes`] | who writes what to whom, and what has to come of it |
//! | [`network`] | two hosts, the wire between them, simulated time |
//! | [`teller`] | tells what happens: files, lines, events |
//! | [`story`] | what happened, as values |
//! | [`page`], [`drawing`] | the page that shows it |
//! | [`output`] | the folder it is written to |

pub mod drawing;
pub mod network;
pub mod output;
pub mod page;
pub mod pdf;
pub mod scenes;
pub mod story;
pub mod teller;

use std::path::Path;
use std::sync::Arc;

use ceralacca_host::{
    EmlFolder, FixedClock, Host, Maildir, NoScanner, OsEntropy, Plugin, SeededEntropy, pec,
};

use self::network::{Stopped, Tap, Wire};
use self::output::Output;
use self::scenes::{ANNA, Cast, PROVIDERS, SCENES, Scene};
use self::story::{Chronicle, Party, Story};
use self::teller::Teller;
use crate::error::Error;
use crate::moment::Moment;
use crate::narrate::{reply_line, say};
use crate::provider::init::NewProvider;
use crate::provider::settings::Settings;
use crate::provider::{Folder, MAIL, OUTBOX, pki};
use crate::running::{self, Surroundings, certificates};

/// Plays everything and writes it to `target`. With `fixed`, it begins then, and identifiers are
/// the same at every run.
pub fn run(target: &Path, fixed: Option<Moment>, plugin: &Plugin) -> Result<(), Error> {
    // Somewhat in the past, so that no message is dated after the moment it is looked at.
    let began = fixed.unwrap_or_else(|| Moment(running::clock(None).now().saturating_sub(900)));
    let mut output = Output::begin(target)?;
    let clock = Arc::new(FixedClock::new(began.0));
    let wire = Wire::new(clock, PROVIDERS.iter().map(|cast| cast.domain).collect());
    let wire = Arc::new(wire);
    let folders = providers(&output, began)?;
    let hosts: Vec<Host> = folders
        .iter()
        .enumerate()
        .map(|(provider, folder)| host(provider, folder, &wire, fixed, plugin))
        .collect::<Result<_, _>>()?;

    let mut stories = Vec::new();
    for scene in &SCENES {
        stories.push(play(scene, &hosts, &wire, &mut output)?);
        // The next one does not begin before people have drawn breath.
        wire.clock().advance(60);
    }
    // Their databases are in the folder that is about to be moved.
    drop(hosts);

    let chronicle = Chronicle {
        began,
        providers: parties(&folders)?,
        stories,
    };
    output.write("index.html", page::page(&chronicle).as_bytes())?;
    for file in [crate::provider::ROOTS, crate::provider::DIRECTORY] {
        let text = folders[0].read(file, "try again")?;
        output.write(file, text.as_bytes())?;
    }
    let page = output.shown("index.html");
    output.finish()?;
    say(&format!("\nAll of it, to look at: {page}"));
    Ok(())
}

/// Makes the providers' folders: own keys, one authority, one directory. They stay in the output,
/// so that one can look around in them with the other commands.
fn providers(output: &Output, began: Moment) -> Result<Vec<Folder>, Error> {
    let place = |cast: &Cast| {
        output
            .building()
            .join("providers")
            .join(cast.short.to_ascii_lowercase())
    };
    let mut folders: Vec<Folder> = Vec::new();
    for cast in &PROVIDERS {
        let name = |error| Error::argument("demo", error, "please report this as a bug");
        let people = cast
            .people
            .iter()
            .map(|person| person.address.parse().map_err(name));
        let provider = NewProvider {
            name: cast.name.to_owned(),
            domains: vec![cast.domain.parse().map_err(name)?],
            mailboxes: people.collect::<Result<_, _>>()?,
            join: folders.first().map(|folder| folder.root().to_owned()),
            now: began,
        };
        folders.push(provider.create(&place(cast))?);
    }
    Ok(folders)
}

/// A provider's host: as `ceralacca submit` would have it, but with the network and the reader
/// listening in.
fn host(
    provider: usize,
    folder: &Folder,
    wire: &Arc<Wire>,
    fixed: Option<Moment>,
    plugin: &Plugin,
) -> Result<Host, Error> {
    let surroundings = Surroundings {
        engine: Box::new(plugin.clone()),
        clock: Box::new(wire.clock()),
        entropy: match fixed {
            Some(moment) => Box::new(SeededEntropy::new(format!("demo {provider} {moment}"))),
            None => Box::new(OsEntropy),
        },
        depot: Box::new(Tap {
            inner: Maildir::new(folder.file(MAIL)),
            provider,
            wire: Arc::clone(wire),
        }),
        relay: Box::new(Tap {
            inner: EmlFolder::new(folder.file(OUTBOX)),
            provider,
            wire: Arc::clone(wire),
        }),
        // These messages are known to be clean.
        scanner: Some(Box::new(NoScanner)),
    };
    running::host(folder, Settings::load(folder)?, surroundings)
}

/// Plays one story to its end.
fn play(scene: &Scene, hosts: &[Host], wire: &Wire, output: &mut Output) -> Result<Story, Error> {
    say(&format!("\n{}", scene.title));
    let bug = |problem: String| Error::argument("demo", problem, "please report this as a bug");
    let clock = wire.clock();
    let now = Moment(ceralacca_host::Clock::now(&*clock));
    let message = (scene.write)(now)
        .write_to_vec()
        .map_err(|error| bug(error.to_string()))?;
    let mut teller = Teller::new(scene, output);
    teller.handed_in(now, &message)?;

    let [alfa, ..] = hosts else {
        return Err(bug("there is no provider".to_owned()));
    };
    clock.advance(1);
    let committed = alfa.submit(pec::Submission {
        account: Some(ANNA.address.to_owned()),
        addresses: vec![ANNA.address.to_owned()],
        reverse_path: ANNA.address.to_owned(),
        recipients: scene
            .rcpt
            .iter()
            .map(|&address| address.to_owned())
            .collect(),
        message,
    });
    // A refusal with a notice is a story, too; one without is a mistake of ours.
    if committed.reply.code >= 400 && committed.messages.is_empty() {
        return Err(bug(format!(
            "Alfa answered: {}",
            reply_line(&committed.reply)
        )));
    }
    wire.settle(hosts, &mut |happening| teller.happened(&happening))
        .map_err(|stopped| match stopped {
            Stopped::Telling(error) => error,
            Stopped::Host { provider, reason } => {
                bug(format!("{} stopped: {reason}", PROVIDERS[provider].short))
            }
        })?;
    teller.end()
}

/// The providers as the page introduces them.
fn parties(folders: &[Folder]) -> Result<Vec<Party>, Error> {
    folders
        .iter()
        .map(|folder| {
            let settings = Settings::load(folder)?;
            let chain = certificates(folder, &settings.files.certificate)?;
            Ok(Party {
                name: settings.name,
                domain: settings.mail_domain.as_str().to_owned(),
                service_address: settings.service_address.as_str().to_owned(),
                certificate_hash: chain
                    .first()
                    .map(|der| pki::certificate_hash(der))
                    .unwrap_or_default(),
            })
        })
        .collect()
}
