//! A provider with its mail server in front of it.

#![allow(dead_code, reason = "each test program uses its part")]

use crate::rig::{ANNA, DOMAIN, Rig, USERS};
use crate::support::{Client, Dovecot, Postfix, PostfixSetup, Replied, installed};

pub const PROGRAMS: &[&str] = &["postfix", "dovecot", "openssl", "swaks"];

/// A provider with its mail server.
pub struct World {
    /// First, so that its connections end before the milter waits for them.
    pub postfix: Postfix,
    pub rig: Rig,
    _dovecot: Dovecot,
}

impl World {
    pub fn new() -> Option<Self> {
        Self::with(|_| {}, |_| {})
    }

    pub fn with(
        limits: impl FnOnce(&mut ceralacca_postfix::server::Limits),
        setup: impl FnOnce(&mut PostfixSetup),
    ) -> Option<Self> {
        if !installed(PROGRAMS) {
            return None;
        }
        let rig = Rig::with(limits)?;
        let dovecot = Dovecot::start(USERS, "");
        let mut postfix = PostfixSetup {
            domains: vec![DOMAIN.to_owned()],
            milter: Some(rig.milter.to_string()),
            auth: Some(dovecot.auth_socket()),
            ..PostfixSetup::default()
        };
        setup(&mut postfix);
        Some(Self {
            postfix: Postfix::start(&postfix),
            rig,
            _dovecot: dovecot,
        })
    }

    /// Anna, logged in at the access port.
    pub fn anna(&self) -> Client {
        let mut client = Client::connect(self.postfix.access);
        client.login(ANNA, "segreto");
        client
    }

    pub fn submit(&self, to: &[&str], message: &str) -> Replied {
        self.anna().message(ANNA, to, message.as_bytes())
    }

    /// Of the milter's doings nothing stays in Postfix's queue.
    pub fn queue_is_empty(&self) {
        assert_eq!(self.postfix.queue().trim(), "");
    }
}
