//! Makes a provider folder: all of it or nothing.
//!
//! The folder is built beside its place and renamed into it. What joining changes in the other
//! provider's folder is written beside its place, too, and moved there once ours stands.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ceralacca_host::provider::{Address, Domain};

use super::ldif::Record;
use super::pki::{Identity, der_to_pem};
use super::shared::{self, Shared};
use super::{CERTIFICATE, DIRECTORY, Folder, KEY, MAIL, OUTBOX, ROOTS, SETTINGS, TEST_CA};
use crate::error::Error;
use crate::moment::Moment;

/// A provider to be.
#[derive(Clone, Debug)]
pub struct NewProvider {
    /// `gestore-emittente`, and the certificate's organisation.
    pub name: String,
    /// Its domains; the first one is the mail domain.
    pub domains: Vec<Domain>,
    /// Its mailboxes; none means every address of its domains.
    pub mailboxes: Vec<Address>,
    /// The folder of a provider whose test authority and directory it shares.
    pub join: Option<PathBuf>,
    /// When its certificates begin.
    pub now: Moment,
}

impl NewProvider {
    /// Makes the folder `dir`, which must not exist or be empty.
    pub fn create(&self, dir: &Path) -> Result<Folder, Error> {
        let mail_domain = self.check()?;
        let parent = free_place(dir)?;
        let service = Service::of(mail_domain)?;
        let mut shared = match &self.join {
            Some(other) => Shared::with(other)?,
            None => Shared::alone(self.now)?,
        };
        let identity = shared
            .ca
            .certify(&self.name, &service.address, self.now)
            .map_err(|error| Error::argument("--name", error, "choose another name or time"))?;
        let record = Record {
            name: &self.name,
            certificate: &identity.certificate,
            mail_receipt: &service.mailbox,
            domains: &self.domains,
        };
        shared
            .directory
            .add(&record)
            .map_err(|taken| shared.taken(taken))?;

        let built = tempfile::Builder::new()
            .prefix(".ceralacca-init-")
            .tempdir_in(&parent)
            .map_err(|error| Error::file(&parent, error, WRITABLE))?;
        self.write(built.path(), &service, &shared, &identity)
            .map_err(|error| Error::file(dir, error, WRITABLE))?;
        let staged = shared.stage()?;
        fs::rename(built.path(), dir).map_err(|error| Error::file(dir, error, WRITABLE))?;
        // It has moved: there is nothing left to clean up.
        let _ = built.keep();
        for (file, place) in staged {
            let remedy = format!("remove {} and try again", dir.display());
            file.persist(&place)
                .map_err(|error| Error::file(&place, error.error, remedy))?;
        }
        Ok(Folder::at(dir))
    }

    /// The mail domain, if the arguments make sense together.
    fn check(&self) -> Result<&Domain, Error> {
        let count = self.name.chars().count();
        // X.520: ub-organization-name.
        if self.name.trim().is_empty() || count > 64 || self.name.chars().any(char::is_control) {
            let problem = format!("{count} characters cannot be a certificate's organisation");
            return Err(Error::argument(
                "--name",
                problem,
                "use 1 to 64 visible characters",
            ));
        }
        let Some(mail_domain) = self.domains.first() else {
            return Err(Error::argument(
                "--domain",
                "there is none",
                "give at least one",
            ));
        };
        for mailbox in &self.mailboxes {
            if !self
                .domains
                .iter()
                .any(|domain| domain.manages(mailbox.as_str()))
            {
                let problem = format!("`{mailbox}` is in none of the domains");
                return Err(Error::argument(
                    "--mailbox",
                    problem,
                    "add its domain with --domain",
                ));
            }
        }
        Ok(mail_domain)
    }

    fn write(
        &self,
        dir: &Path,
        service: &Service,
        shared: &Shared,
        identity: &Identity,
    ) -> io::Result<()> {
        fs::write(dir.join(SETTINGS), self.settings(service))?;
        write_secret(&dir.join(KEY), &identity.key_pem)?;
        let chain = der_to_pem(&identity.certificate) + &shared.ca.ca_pem();
        fs::write(dir.join(CERTIFICATE), chain)?;
        fs::write(dir.join(ROOTS), shared.ca.root_pem())?;
        fs::write(dir.join(DIRECTORY), shared.directory.to_ldif())?;
        let ca = dir.join(TEST_CA);
        fs::create_dir(&ca)?;
        let files = shared.ca.files();
        write_secret(&ca.join(shared::ROOT_KEY), &files.root_key)?;
        write_secret(&ca.join(shared::CA_KEY), &files.ca_key)?;
        fs::write(ca.join(shared::ROOT), files.root)?;
        fs::write(ca.join(shared::CA), files.ca)?;
        fs::create_dir(dir.join(OUTBOX))?;
        fs::create_dir(dir.join(MAIL))
    }

    /// The text of `provider.toml`.
    fn settings(&self, service: &Service) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let list = |items: Vec<&str>| toml::Value::from(items).to_string();
        let mailboxes = if self.mailboxes.is_empty() {
            quoted("any")
        } else {
            // The service mailbox receives other providers' receipts: it must be among them.
            let mut all: Vec<&Address> = self.mailboxes.iter().collect();
            if !all.contains(&&service.mailbox) {
                all.push(&service.mailbox);
            }
            list(all.into_iter().map(Address::as_str).collect())
        };
        // The name comes last: it is the only text that could hold a placeholder.
        TEMPLATE
            .replace("@MAIL_DOMAIN@", &quoted(self.domains[0].as_str()))
            .replace(
                "@DOMAINS@",
                &list(self.domains.iter().map(Domain::as_str).collect()),
            )
            .replace("@SERVICE_ADDRESS@", &quoted(service.address.as_str()))
            .replace("@SERVICE_MAILBOX@", &quoted(service.mailbox.as_str()))
            .replace("@MAILBOXES@", &mailboxes)
            .replace("@NAME@", &quoted(&self.name))
    }
}

/// The two addresses of the provider itself.
struct Service {
    address: Address,
    mailbox: Address,
}

impl Service {
    fn of(mail_domain: &Domain) -> Result<Service, Error> {
        let address = |local: &str| {
            Address::try_from(format!("{local}@{mail_domain}"))
                .map_err(|error| Error::argument("--domain", error, "choose another domain"))
        };
        Ok(Service {
            address: address("posta-certificata")?,
            mailbox: address("ricevute")?,
        })
    }
}

/// The folder in which `dir` will be made. `dir` itself must be free.
fn free_place(dir: &Path) -> Result<PathBuf, Error> {
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => {
            return Err(Error::file(
                dir,
                "the folder is not empty",
                "name a new or empty one",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::file(dir, error, "name a new or empty folder")),
    }
    let parent = match dir.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&parent).map_err(|error| Error::file(&parent, error, WRITABLE))?;
    Ok(parent)
}

/// A file that only its owner can read, from its first moment.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// What `provider.toml` looks like, with placeholders between `@`.
const TEMPLATE: &str = include_str!("provider.toml.in");
pub(super) const WRITABLE: &str = "name a place that you may write to";
