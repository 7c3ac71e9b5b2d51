//! The servers around us: Postfix's injection port, Dovecot's LMTP and users, clamd.

use std::io;
use std::path::Path;

use ceralacca_host::{Endpoint, MailboxLookup as _, SetupError, Unavailable};

use super::Look;
use super::dialogue::Dialogue;
use super::finding::Finding;
use crate::config::Config;
use crate::service::assemble;

pub(super) fn check(look: &Look<'_>) -> Vec<Finding> {
    let mut found = vec![injection(look), lmtp(look), scanner(look), mailboxes(look)];
    found.extend(lookup(look));
    found.extend(directory(look));
    found
}

/// Is the provider directory one that will be fetched, and has not been yet?
pub(super) fn is_to_come(config: &Config, file: &Path) -> bool {
    config.directory.url.is_some() && !file.exists()
}

/// Whoever gives the provider directory.
fn directory(look: &Look<'_>) -> Option<Finding> {
    let fetcher = match assemble::fetcher(look.config, look.folder) {
        Ok(fetcher) => fetcher?,
        Err(error) => return Some(Finding::fail("directory", error.to_string())),
    };
    Some(match fetcher.check() {
        Ok(found) => Finding::ok(format!("the provider directory can be fetched: {found}")),
        Err(error) => Finding::fail(
            format!("{}: {}", error.culprit, error.problem),
            error.remedy,
        ),
    })
}

fn injection(look: &Look<'_>) -> Finding {
    let address = &look.config.injection.address;
    let mut postfix = match hello(address, "EHLO", look) {
        Ok(postfix) => postfix,
        Err(error) => {
            return Finding::fail(
                format!("the injection port does not answer at {address}: {error}"),
                "start Postfix with the service of examples/postfix/master.cf, or mend \
                 injection.address",
            );
        }
    };
    let sender = look.config.provider.service_address.as_str();
    match postfix.would_take(sender, ELSEWHERE) {
        Ok(()) => Finding::ok(format!(
            "the injection port answers at {address} and takes mail for anywhere"
        )),
        Err(error) => Finding::fail(
            format!("the injection port at {address} does not take our mail for others: {error}"),
            "let it take all that comes from this machine: permit_mynetworks in its \
             smtpd_client_restrictions and smtpd_relay_restrictions, and this machine in mynetworks",
        ),
    }
}

/// Somebody who is not ours; nothing is sent (RFC 2606 §2).
const ELSEWHERE: &str = "check-config@elsewhere.example";

fn lmtp(look: &Look<'_>) -> Finding {
    let address = &look.config.lmtp.address;
    let mailbox = &look.config.provider.service_mailbox;
    let mut dovecot = match hello(address, "LHLO", look) {
        Ok(dovecot) => dovecot,
        Err(error) => {
            return Finding::fail(
                format!("LMTP does not answer at {address}: {error}"),
                "start Dovecot with its lmtp service, let our user open the socket, or mend \
                 lmtp.address",
            );
        }
    };
    match dovecot.would_take("", mailbox.as_str()) {
        Ok(()) => Finding::ok(format!("LMTP answers at {address} and knows {mailbox}")),
        Err(error) => Finding::fail(
            format!(
                "LMTP at {address} does not take mail for the service mailbox {mailbox}: {error}"
            ),
            "make that mailbox in Dovecot, or mend provider.service-mailbox",
        ),
    }
}

/// Whoever is asked before a deposit is repeated.
fn lookup(look: &Look<'_>) -> Option<Finding> {
    let doveadm = match assemble::lookup(look.config) {
        Ok(doveadm) => doveadm?,
        Err(error) => return Some(Finding::fail("lmtp.doveadm", error.to_string())),
    };
    let mailbox = look.config.provider.service_mailbox.as_str();
    let nobodys = format!("check-config@{}", look.config.provider.mail_domain);
    Some(match doveadm.is_there(mailbox, &nobodys, 0) {
        Ok(_) => Finding::ok(format!("doveadm says what lies in {mailbox}")),
        Err(Unavailable(reason)) => Finding::fail(
            format!("doveadm: {reason}"),
            "let Dovecot listen there (service doveadm, inet_listener http), with the key of \
             lmtp.doveadm.key-file as doveadm_api_key",
        ),
    })
}

fn hello(address: &Endpoint, word: &str, look: &Look<'_>) -> io::Result<Dialogue> {
    let mut server = Dialogue::open(address)?;
    server.say(
        &format!("{word} {}", look.config.provider.mail_domain),
        "250",
    )?;
    Ok(server)
}

fn scanner(look: &Look<'_>) -> Finding {
    let Some(scanner) = assemble::scanner(look.config) else {
        return Finding::warn(
            "NO VIRUS SCANNER: every message is taken for clean (RFC 6109 §3.1.3)",
            "install clamav-daemon and set scanner.clamd",
        );
    };
    match scanner.check(look.config.provider.limits.max_size) {
        Ok(version) => Finding::ok(format!("the scanner finds EICAR: {version}")),
        Err(error) => Finding::fail(
            format!("{}: {}", error.culprit, error.problem),
            error.remedy,
        ),
    }
}

/// The service mailbox must be among them.
fn mailboxes(look: &Look<'_>) -> Finding {
    if look.config.takes_any_mailbox() {
        return Finding::warn(
            "provider.mailboxes is \"any\": mail for addresses that nobody has is taken in",
            "list the mailboxes, or ask Dovecot (mailboxes.dovecot)",
        );
    }
    let mailbox = look.config.provider.service_mailbox.as_str();
    if let Some(userdb) = assemble::userdb(look.config) {
        return match userdb.check(mailbox) {
            Ok(()) => Finding::ok(format!("Dovecot knows the mailboxes, {mailbox} among them")),
            Err(SetupError {
                culprit,
                problem,
                remedy,
            }) => Finding::fail(format!("{culprit}: {problem}"), remedy),
        };
    }
    let users = assemble::users(look.config);
    match users.mailbox(mailbox) {
        Ok(Some(_)) => Finding::ok(format!("the mailboxes are listed, {mailbox} among them")),
        Ok(None) => Finding::fail(
            format!("there is no mailbox {mailbox}, where other providers send receipts"),
            "add provider.service-mailbox to provider.mailboxes",
        ),
        Err(Unavailable(reason)) => Finding::fail(
            format!("the mailboxes cannot be looked up: {reason}"),
            "mend what it says",
        ),
    }
}
