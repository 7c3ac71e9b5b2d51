//! The demonstration: a message from sender to receipt between two providers, then what goes wrong.
//!
//! | module | holds |
//! |---|---|
//! | [`cast`] | who plays |
//! | [`scene`], [`scenes`] | who does what, and what has to come of it |
//! | [`letters`], [`pdf`] | the messages they write |
//! | [`trouble`], [`scanner`] | what can be out of order; a virus scanner for show |
//! | [`network`] | two hosts, the wire between them, simulated time |
//! | [`teller`] | tells what happens: files, lines, events |
//! | [`proof`] | what the reader can check beyond the signatures |
//! | [`story`] | what happened, as values |
//! | [`page`], [`drawing`] | the page that shows it |
//! | [`output`] | the folder it is written to |

pub mod cast;
pub mod drawing;
pub mod letters;
pub mod network;
pub mod output;
pub mod page;
pub mod pdf;
pub mod proof;
pub mod scanner;
pub mod scene;
pub mod scenes;
pub mod story;
pub mod teller;
pub mod trouble;

use std::path::Path;
use std::sync::Arc;

use ceralacca_host::provider::certificates;
use ceralacca_host::{
    Clock as _, EmlFolder, FixedClock, Host, Maildir, OsEntropy, Plugin, SeededEntropy, pec,
};

use self::cast::{ALFA, ANNA, Cast, PROVIDERS, Person};
use self::network::{REPORT, Tap, Wire, arrival};
use self::output::Output;
use self::scanner::DemoScanner;
use self::scene::{Act, Scene};
use self::scenes::SCENES;
use self::story::{Chronicle, Party, Story};
use self::teller::Teller;
use self::trouble::Trouble;
use crate::error::Error;
use crate::moment::Moment;
use crate::narrate::{reply_line, say};
use crate::provider::init::NewProvider;
use crate::provider::settings::Settings;
use crate::provider::{Folder, MAIL, OUTBOX, SETTINGS, pki};
use crate::running::{self, Surroundings};

/// Plays everything and writes it to `target`. With `fixed`, it begins then, and identifiers are
/// the same at every run.
pub fn run(target: &Path, fixed: Option<Moment>, plugin: &Plugin) -> Result<(), Error> {
    let began = fixed.unwrap_or_else(begin);
    let mut output = Output::begin(target)?;
    say(&format!(
        "Certified mail between two providers, in simulated time. Files are below {}",
        target.display()
    ));
    let wire = Arc::new(Wire::new(Arc::new(FixedClock::new(began.0))));
    let folders = providers(&output, began)?;
    let hosts: Vec<Arc<Host>> = folders
        .iter()
        .enumerate()
        .map(|(provider, folder)| host(provider, folder, &wire, fixed, plugin).map(Arc::new))
        .collect::<Result<_, _>>()?;
    wire.connect(&hosts);

    let mut stories = Vec::new();
    for (index, scene) in SCENES.iter().enumerate() {
        let teller = Teller::new(index + 1, scene, &mut output);
        stories.push(play(scene, teller, &hosts, &wire)?);
        wire.clock().advance(PAUSE);
    }
    // Their databases are in the folder that is about to be moved.
    drop(hosts);

    let chronicle = Chronicle {
        began,
        providers: parties(&folders)?,
        stories,
    };
    output.write("index.html", page::page(&chronicle).as_bytes())?;
    if let Some(first) = chronicle.stories.first() {
        output.write("timeline.svg", drawing::picture(first).as_bytes())?;
    }
    for file in [crate::provider::ROOTS, crate::provider::DIRECTORY] {
        let text = folders[0].read(file, "try again")?;
        output.write(file, text.as_bytes())?;
    }
    let page = output.shown("index.html");
    output.finish()?;
    say(&format!("\nAll of it, to look at: {page}"));
    Ok(())
}

/// So far in the past that no message is dated after the moment it is looked at.
fn begin() -> Moment {
    let stories: u64 = SCENES.iter().map(|scene| scene.duration() + PAUSE).sum();
    let now = running::clock(None).now();
    Moment(now.saturating_sub(stories + 3_600))
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
        let folder = provider.create(&place(cast))?;
        for person in cast.people {
            decide(person, &folder)?;
        }
        folders.push(folder);
    }
    Ok(folders)
}

/// Writes into the provider's settings what the owner of a mailbox has decided.
fn decide(person: &Person, folder: &Folder) -> Result<(), Error> {
    if person.ordinary_mail.is_empty() {
        return Ok(());
    }
    let settings = folder.read(SETTINGS, "try again")?;
    let (address, policy) = (person.address, person.ordinary_mail);
    let decided = settings.replace(
        &format!("\"{address}\""),
        &format!("{{ address = \"{address}\", ordinary-mail = \"{policy}\" }}"),
    );
    let path = folder.file(SETTINGS);
    std::fs::write(&path, decided).map_err(|error| Error::file(&path, error, "make room"))
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
        scanner: Some(Box::new(DemoScanner {
            provider,
            wire: Arc::clone(wire),
        })),
    };
    running::host(folder, Settings::load(folder)?, surroundings)
}

/// Plays one story to its end.
fn play(
    scene: &Scene,
    mut teller: Teller<'_>,
    hosts: &[Arc<Host>],
    wire: &Wire,
) -> Result<Story, Error> {
    for act in scene.acts {
        match *act {
            Act::Submit { rcpt, write } => {
                submit(rcpt, write(now(wire)), &mut teller, hosts, wire)?;
            }
            Act::Arrive { from, to, write } => {
                let message = octets(write(now(wire)))?;
                arrive(&from, &to, &message, &mut teller, hosts, wire)?;
            }
            Act::Trouble(trouble) => wire.set_trouble(trouble),
            Act::Mended => wire.set_trouble(Trouble::None),
            Act::Wait(seconds) => {
                wire.wait(seconds, hosts, &mut |happening| teller.happened(&happening))?;
            }
        }
        wire.settle(hosts, &mut |happening| teller.happened(&happening))?;
    }
    wire.set_trouble(Trouble::None);
    teller.end()
}

/// Anna hands her provider a message.
fn submit(
    rcpt: &[&str],
    message: letters::Mail,
    teller: &mut Teller<'_>,
    hosts: &[Arc<Host>],
    wire: &Wire,
) -> Result<(), Error> {
    let message = octets(message)?;
    teller.submitted(now(wire), &message)?;
    wire.clock().advance(1);
    let committed = hosts[ALFA].submit(pec::Submission {
        account: Some(ANNA.address.to_owned()),
        addresses: vec![ANNA.address.to_owned()],
        reverse_path: ANNA.address.to_owned(),
        recipients: rcpt.iter().map(|&address| address.to_owned()).collect(),
        message,
    });
    // A refusal with a notice is a story, too; one without is a mistake of ours.
    if committed.reply.code >= 400 && committed.messages.is_empty() {
        let reply = reply_line(&committed.reply);
        return Err(bug(format!("{} answered: {reply}", PROVIDERS[ALFA].short)));
    }
    Ok(())
}

/// Ordinary mail comes from the Internet.
fn arrive(
    from: &Person,
    to: &Person,
    message: &[u8],
    teller: &mut Teller<'_>,
    hosts: &[Arc<Host>],
    wire: &Wire,
) -> Result<(), Error> {
    let at = now(wire);
    wire.clock().advance(1);
    let host = to.provider().and_then(|provider| hosts.get(provider));
    let host = host.ok_or_else(|| bug(format!("{} has no provider", to.name)))?;
    let reply = host
        .arrive(arrival(from.address, &[to.address.to_owned()], message))
        .reply;
    let refused = (reply.code != 250).then(|| reply_line(&reply));
    teller.arrived(at, from, to, message, refused)
}

fn octets(message: letters::Mail) -> Result<Vec<u8>, Error> {
    message
        .write_to_vec()
        .map_err(|error| bug(error.to_string()))
}

fn now(wire: &Wire) -> Moment {
    Moment(wire.clock().now())
}

fn bug(problem: String) -> Error {
    Error::argument("demo", problem, REPORT)
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

/// Between two stories, seconds: people draw breath.
const PAUSE: u64 = 60;
