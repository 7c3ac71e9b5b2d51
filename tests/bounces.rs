//! Failures of what was sent, and whose word of them is believed (PRACTICE 8.5, 8.6, 8.7).

mod world;

use ceralacca_harness::provider::settings::{Mailbox, MailboxList, OrdinaryMail};
use ceralacca_host::pec::ArrivalSource;
use world::mail::{Read, letter};
use world::{ANNA, BRUNO, CARLA, DARIO, Difference, World, address};

/// A bounce as a mail server writes it (the fields are those of RFC 3464 appendix E).
fn bounce(to: &str, about: &str, action: &str, status: &str, pec_id: &str) -> String {
    format!(
        "From: MAILER-DAEMON@pec.alfa.example\r\nTo: {to}\r\nSubject: Undelivered Mail\r\n\
         Message-ID: <bounce@mx.pec.alfa.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"r\"\r\n\r\n\
         --r\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
         --r\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.pec.alfa.example\r\n\r\n\
         Final-Recipient: rfc822; {about}\r\nOriginal-Recipient: rfc822;{about}\r\n\
         Action: {action}\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; 550 {status} refused\r\n\r\n\
         --r\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{pec_id}>\r\n\
         Subject: POSTA CERTIFICATA: x\r\n\r\n--r--\r\n"
    )
}

/// Anna has written to Bruno, Carla and Dario, and nothing has arrived. Her message's PEC id.
fn under_way() -> Option<(World, String)> {
    let mut world = World::new()?;
    world.network_down = true;
    let to = [BRUNO, CARLA, DARIO];
    let _ = world.submit(ANNA, &to, letter(ANNA, &to.join(", "), "x"));
    let id = Read::new(&world.mailbox(ANNA)[0].octets)
        .element("identificativo")
        .expect("an id");
    Some((world, id))
}

fn bounced(world: &mut World, source: ArrivalSource, message: &str) {
    let reply = world
        .alfa
        .arrive_by(source, "", &[ANNA], message.as_bytes())
        .reply;
    assert_eq!(reply.code, 250, "{reply:?}");
    world.settle();
}

#[test]
fn a_bounce_of_our_own_mail_server_becomes_errore_consegna() {
    let Some((mut world, id)) = under_way() else {
        return;
    };
    let message = bounce(ANNA, BRUNO, "failed", "5.1.1", &id);
    bounced(&mut world, ArrivalSource::OwnMailServer, &message);
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "non-delivery"],
        "the notice instead of the bounce"
    );
    let notice = Read::new(&world.mailbox(ANNA)[1].octets);
    assert_eq!(notice.element("consegna").as_deref(), Some(BRUNO));
    assert_eq!(
        notice.element("errore-esteso").as_deref(),
        Some("5.1.1 - Alfa S.p.A. - indirizzo non valido")
    );
    assert!(notice.daticert().unwrap().contains("errore=\"no-dest\""));
    // The same bounce again, written anew: Bruno is settled.
    bounced(
        &mut world,
        ArrivalSource::OwnMailServer,
        &message.replace("Sorry", "Really"),
    );
    assert_eq!(world.kinds(ANNA).len(), 2);
    // Carla's timers run on; Bruno's do not.
    world.pass(12 * 3_600);
    let about: Vec<_> = world.mailbox(ANNA)[2..]
        .iter()
        .filter_map(|d| Read::new(&d.octets).element("consegna"))
        .collect();
    assert_eq!(about, [CARLA]);
}

/// I13: whoever knows a PEC id could write it, so it settles nothing.
#[test]
fn i13_a_bounce_from_the_network_is_ordinary_mail_and_proves_nothing() {
    let Some((mut world, id)) = under_way() else {
        return;
    };
    let message = bounce(ANNA, BRUNO, "failed", "5.1.1", &id);
    for source in [ArrivalSource::Encrypted, ArrivalSource::Plaintext] {
        bounced(&mut world, source, &message);
    }
    assert_eq!(
        world.kinds(ANNA),
        [
            "server-user-acceptance",
            "anomaly-envelope",
            "anomaly-envelope"
        ]
    );
    world.pass(12 * 3_600);
    let notices = world.kinds(ANNA).into_iter().filter(|k| k == "timeout");
    assert_eq!(notices.count(), 2, "Bruno and Carla are still awaited");
}

#[test]
fn a_delayed_bounce_and_one_for_somebody_else_have_no_effect() {
    let Some((mut world, id)) = under_way() else {
        return;
    };
    let delayed = bounce(ANNA, BRUNO, "delayed", "4.4.1", &id);
    bounced(&mut world, ArrivalSource::OwnMailServer, &delayed);
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance"]);
    // Of a message that is not Anna's own, and of one that nobody knows.
    let aldo = "aldo@pec.alfa.example";
    let failed = bounce(aldo, BRUNO, "failed", "5.1.1", &id);
    let _ = world
        .alfa
        .arrive_by(ArrivalSource::OwnMailServer, "", &[aldo], failed.as_bytes());
    let unknown = bounce(ANNA, BRUNO, "failed", "5.1.1", "nobody@pec.alfa.example");
    bounced(&mut world, ArrivalSource::OwnMailServer, &unknown);
    assert_eq!(world.kinds(aldo), ["anomaly-envelope"]);
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "anomaly-envelope"]
    );
}

/// PRACTICE 8.5: for ordinary recipients the DSN returns to the user, whoever noticed.
#[test]
fn an_ordinary_recipient_that_fails_is_told_of_by_a_dsn() {
    let Some((mut world, id)) = under_way() else {
        return;
    };
    let message = bounce(ANNA, DARIO, "failed", "5.1.1", &id);
    bounced(&mut world, ArrivalSource::OwnMailServer, &message);
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "anomaly-envelope"]
    );
    let anomaly = Read::new(&world.mailbox(ANNA)[1].octets);
    assert_eq!(anomaly.postacert().unwrap(), message.as_bytes());

    let Some(mut world) = World::new() else {
        return;
    };
    world.alfa.refuse(DARIO);
    let _ = world.submit(ANNA, &[DARIO], letter(ANNA, DARIO, "Ciao"));
    assert_eq!(
        world.kinds(ANNA),
        ["server-user-acceptance", "anomaly-envelope"]
    );
    let id = Read::new(&world.mailbox(ANNA)[0].octets)
        .element("identificativo")
        .unwrap();
    let anomaly = Read::new(&world.mailbox(ANNA)[1].octets);
    let dsn = String::from_utf8(anomaly.postacert().unwrap()).unwrap();
    for line in [
        "From: postmaster@pec.alfa.example",
        "Auto-Submitted: auto-replied",
        "Final-Recipient: rfc822; dario@posta.example",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 User unknown",
        &format!("Message-ID: <{id}>"),
    ] {
        assert!(dsn.contains(&format!("\r\n{line}\r\n")), "{line} in {dsn}");
    }
}

/// Beta's mailboxes: Bruno refuses ordinary mail, Carla takes it, Elsa has it redirected.
fn mixed() -> Option<World> {
    let mailbox = |local: &str, policy| Mailbox {
        address: address(&format!("{local}@pec.beta.example")),
        ordinary_mail: Some(policy),
        further_addresses: Vec::new(),
        certified_only: false,
    };
    World::with(Difference {
        beta: Some(&|settings| {
            // The provider's own default, which each of them overrides.
            settings.ordinary_mail = OrdinaryMail::Accept;
            settings.mailboxes = MailboxList::Listed(vec![
                mailbox("bruno", OrdinaryMail::Refuse),
                mailbox("carla", OrdinaryMail::Accept),
                mailbox(
                    "elsa",
                    OrdinaryMail::Redirect(address("elsa@posta.example")),
                ),
            ]);
        }),
        ..Default::default()
    })
}

#[test]
fn i12_several_recipients_with_different_policies_in_one_transaction() {
    let Some(mut world) = mixed() else { return };
    let to = [
        BRUNO,
        CARLA,
        "elsa@pec.beta.example",
        "nobody@pec.beta.example",
    ];
    let mail = letter(DARIO, &to.join(", "), "Perché");
    assert_eq!(world.arrive(DARIO, &to, &mail).reply.code, 250);
    assert_eq!(world.kinds(CARLA), ["anomaly-envelope"]);
    assert!(world.kinds(BRUNO).is_empty());
    let [redirected, dsn] = world.outside.as_slice() else {
        panic!("{:?}", world.outside)
    };
    assert_eq!(redirected.recipients, ["elsa@posta.example"]);
    assert_eq!(redirected.octets, mail.as_bytes());
    // One DSN for both who did not get it, from the null reverse path (RFC 3464 §2).
    assert_eq!(
        (dsn.reverse_path.as_str(), dsn.recipients.as_slice()),
        ("", &[DARIO.to_owned()][..])
    );
    let read = Read::new(&dsn.octets);
    let parsed = read.parsed();
    let part = |kind: &str| {
        let found = parsed.parts.iter().find(|p| {
            use mail_parser::MimeHeaders as _;
            p.content_type()
                .is_some_and(|t| format!("{}/{}", t.ctype(), t.subtype().unwrap_or("")) == kind)
        });
        String::from_utf8(found.expect(kind).contents().to_vec()).unwrap()
    };
    let status = part("message/delivery-status");
    assert!(status.contains(&format!(
        "Final-Recipient: rfc822; {BRUNO}\r\nAction: failed\r\nStatus: 5.7.1\r\n"
    )));
    assert!(status.contains(
        "Final-Recipient: rfc822; nobody@pec.beta.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    ));
    assert!(
        !status.contains("carla") && !status.contains("elsa"),
        "{status}"
    );
    let returned = part("text/rfc822-headers");
    let header = mail.split("\r\n\r\n").next().unwrap();
    assert_eq!(returned.trim_end(), header);
    let whole = String::from_utf8_lossy(&dsn.octets).into_owned();
    assert!(!whole.contains("Buongiorno."), "no body");
    assert!(read.raw_header("X-Ricevuta").is_none());
}

#[test]
fn i12_where_nobody_takes_it_smtp_says_so_and_no_dsn_is_sent() {
    let Some(mut world) = mixed() else { return };
    let nobody = "nobody@pec.beta.example";
    for (to, code) in [
        (&[BRUNO][..], 554),
        (&[nobody][..], 550),
        (&[BRUNO, nobody][..], 554),
        (&[nobody, "noone@pec.beta.example"][..], 550),
    ] {
        let mail = letter(DARIO, &to.join(", "), "x");
        assert_eq!(world.arrive(DARIO, to, mail).reply.code, code, "{to:?}");
    }
    assert!(world.outside.is_empty());
}

/// I26: nobody answers a DSN, not even with a DSN.
#[test]
fn i26_no_dsn_about_mail_with_a_null_reverse_path() {
    let Some(mut world) = mixed() else { return };
    let to = [BRUNO, "nobody@pec.beta.example"];
    let mail = letter("mailer-daemon@posta.example", &to.join(", "), "x");
    assert_eq!(world.arrive("", &to, mail).reply.code, 250);
    assert_eq!(world.kinds(BRUNO), ["anomaly-envelope"]);
    assert!(world.outside.is_empty(), "{:?}", world.outside);
}

/// I26: an autoreply is ordinary mail; a receipt or anomaly causes nothing at all.
#[test]
fn i26_receipts_anomalies_and_autoreplies_cause_no_receipts() {
    let Some(mut world) = mixed() else { return };
    let _ = world.submit(ANNA, &[CARLA], letter(ANNA, CARLA, "x"));
    let before = (world.kinds(ANNA), world.outside.len());
    let receipt = world.mailbox(ANNA)[1].octets.clone();
    let auto =
        letter(ANNA, CARLA, "Fuori sede").replace("To:", "Auto-Submitted: auto-replied\r\nTo:");
    assert_eq!(world.arrive(DARIO, &[CARLA], auto).reply.code, 250);
    let anomaly = world.mailbox(CARLA)[1].octets.clone();
    for message in [receipt, anomaly] {
        let reverse_path = "posta-certificata@pec.beta.example";
        assert_eq!(
            world.arrive(reverse_path, &[CARLA], message).reply.code,
            250
        );
    }
    assert_eq!((world.kinds(ANNA), world.outside.len()), before);
}

/// I12: some take it, some refuse, and nobody could be told of the refusal: the sender's server is
/// asked for an address first.
#[test]
fn i12_mixed_policies_and_a_sender_that_no_dsn_can_reach() {
    let Some(mut world) = mixed() else { return };
    let to = [BRUNO, CARLA];
    let mail = letter("x@posta.example", &to.join(", "), "x");
    for sender in ["dario", "dario@", "@posta.example", "da rio@posta.example"] {
        let reply = world.arrive(sender, &to, &mail).reply;
        assert_eq!(
            (reply.code, reply.status.as_str()),
            (553, "5.1.7"),
            "{sender}"
        );
    }
    assert!(world.kinds(CARLA).is_empty() && world.outside.is_empty());
    // Where all take it there is nothing to tell, and the address does not matter.
    assert_eq!(world.arrive("dario", &[CARLA], &mail).reply.code, 250);
    assert_eq!(world.kinds(CARLA), ["anomaly-envelope"]);
}

/// A bounce that nobody can be given, from our own mail server, which cannot take it back either:
/// the operators hear of it, and SMTP is not asked to do the impossible.
#[test]
fn our_own_bounce_that_cannot_be_delivered_is_for_the_operators() {
    let Some(mut world) = World::with(Difference {
        alfa: Some(&|settings| {
            settings.mailboxes = MailboxList::Listed(vec![Mailbox {
                address: address(ANNA),
                ordinary_mail: None,
                further_addresses: Vec::new(),
                certified_only: false,
            }]);
        }),
        ..Default::default()
    }) else {
        return;
    };
    // Of a receipt that Alfa sent: it comes back to the service address, which is no mailbox.
    let service = "posta-certificata@pec.alfa.example";
    let message = bounce(
        service,
        BRUNO,
        "failed",
        "5.1.1",
        "receipt@pec.alfa.example",
    );
    let own = ArrivalSource::OwnMailServer;
    let committed = world
        .alfa
        .arrive_by(own, "", &[service], message.as_bytes());
    assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);
    let [notice] = committed.notices.as_slice() else {
        panic!("{:?}", committed.notices)
    };
    assert_eq!(notice.recipient, "");
    assert!(notice.text.contains("no such mailbox"), "{}", notice.text);
    assert!(
        notice.text.contains("bounce@mx.pec.alfa.example"),
        "{}",
        notice.text
    );
    world.settle();
    assert!(world.kinds(service).is_empty() && world.outside.is_empty());
    // From the network the same is refused: its server may keep it.
    let reply = world.alfa.arrive("", &[service], message.as_bytes()).reply;
    assert_eq!(reply.code, 550);
}
