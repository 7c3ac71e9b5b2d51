//! The stories of the demonstration: what people do, and what has to come of it.

use ceralacca_host::pec::MessageKind::{
    self, AnomalyEnvelope, Delivery, NonAcceptance, NonDelivery, Ordinary, ServerUserAcceptance,
    Timeout, TransportEnvelope, VirusNonAcceptance, VirusNonDelivery,
};

use super::cast::{
    ALFA, ANNA, BETA, BRUNA, BRUNO, CARLA, DARIO, ELENA, FABIO, FABIO_AT_HOME, Player,
};
use super::letters;
use super::proof;
use super::scene::{Act, Scene};
use super::trouble::{Change, Trouble};

/// All stories, in the order in which they are told.
pub const SCENES: [Scene; 15] = [
    OFFER,
    COLLEAGUE,
    BRIEF,
    CONCISE,
    TWICE, // RECEIPTS
    HIDDEN,
    VIRUS_AT_ALFA, // REFUSED
    UNKNOWN,
    FULL,
    VIRUS_AT_BETA,
    ALTERED, // UNDELIVERED
    ORDINARY,
    DAMAGED, // UNCERTIFIED
    NETWORK_DOWN,
    STUCK, // LATE: the last one leaves something undone
];

// ---- from sender to receipt ------------------------------------------------------------------

const RECEIPTS: &str = "From sender to receipt";

const OFFER: Scene = Scene {
    chapter: RECEIPTS,
    title: "An offer to two certified recipients and an ordinary one",
    proves: "The sender holds proof of sending, and of delivery to each certified mailbox.",
    opening: "Anna sends an offer with a PDF to Bruno, with a copy to Carla; both have certified \
              mailboxes at another provider. Dario, whose mailbox is an ordinary one, gets it, too.",
    outcome: "accepted, two delivery receipts",
    moral: "Anna holds one acceptance receipt and two delivery receipts: proof of what she sent, \
            when, and that it reached two mailboxes. Bruno’s receipt contains the offer itself, \
            Carla’s the certified facts only, because she was in Cc. From Dario nothing comes \
            back: his provider certifies nothing.",
    players: &[
        Player::Person(ANNA),
        Player::Provider(ALFA),
        Player::Provider(BETA),
        Player::Person(BRUNO),
        Player::Person(CARLA),
        Player::Person(DARIO),
    ],
    acts: &[Act::Submit {
        rcpt: &[BRUNO.address, DARIO.address, CARLA.address],
        write: letters::offer,
    }],
    expected: &[
        (ANNA, &[ServerUserAcceptance, Delivery, Delivery]),
        (BRUNO, ENVELOPE),
        (CARLA, ENVELOPE),
        (DARIO, ENVELOPE),
    ],
    proof: None,
};

const COLLEAGUE: Scene = Scene {
    chapter: RECEIPTS,
    title: "A colleague with the same provider",
    proves: "Mail that never leaves the provider goes through every check and receipt all the same.",
    opening: "Anna writes to Elena, whose mailbox is at Alfa, too.",
    outcome: "accepted, delivery receipt",
    moral: "There is no short cut: the message goes through the same envelope, the same checks \
            and the same receipts, although it never leaves the provider (RFC 6109 §3.4).",
    players: &[
        Player::Person(ANNA),
        Player::Provider(ALFA),
        Player::Person(ELENA),
    ],
    acts: &[Act::Submit {
        rcpt: &[ELENA.address],
        write: letters::minutes,
    }],
    expected: &[(ANNA, DELIVERED), (ELENA, ENVELOPE)],
    proof: None,
};

const BRIEF: Scene = Scene {
    chapter: RECEIPTS,
    title: "A brief receipt",
    proves: "A hash in the receipt stands for the attachment, and anyone can compute it again.",
    opening: "Anna sends an invoice and asks for a brief receipt, with `X-TipoRicevuta: breve`: \
              who sends thousands does not want every attachment back.",
    outcome: "accepted, brief delivery receipt",
    moral: "The receipt contains the message, but in the place of the PDF a file \
            `fattura-31-2026.pdf.hash`. Together with the PDF that Anna kept, it proves what was \
            delivered as well as a complete receipt does (RFC 6109 §3.3.2.2).",
    players: TWO_PROVIDERS,
    acts: &[Act::Submit {
        rcpt: &[BRUNO.address],
        write: letters::invoice,
    }],
    expected: &[(ANNA, DELIVERED), (BRUNO, ENVELOPE)],
    proof: Some(proof::hash_of_the_pdf),
};

const CONCISE: Scene = Scene {
    chapter: RECEIPTS,
    title: "A concise receipt",
    proves: "A receipt may state the certified facts alone: who, to whom, when.",
    opening: "Anna asks for a concise receipt, with `X-TipoRicevuta: sintetica`.",
    outcome: "accepted, concise delivery receipt",
    moral: "The receipt holds `daticert.xml` and no `postacert.eml`: it proves that the message was \
            delivered, and leaves it to Anna to say what was in it (RFC 6109 §3.3.2.3).",
    players: TWO_PROVIDERS,
    acts: &[Act::Submit {
        rcpt: &[BRUNO.address],
        write: letters::summons,
    }],
    expected: &[(ANNA, DELIVERED), (BRUNO, ENVELOPE)],
    proof: None,
};

const TWICE: Scene = Scene {
    chapter: RECEIPTS,
    title: "The same envelope twice",
    proves: "What the network repeats is delivered once and acknowledged once.",
    opening: "Beta takes the envelope, but Alfa does not hear the reply, so it sends it again by \
              another server. That is how SMTP works: better twice than never.",
    outcome: "accepted, one delivery receipt",
    moral: "The second time Beta says yes and does nothing: Bruno has one message, Anna one receipt. \
            The identifier that the envelope carries tells that it is the same one, although a \
            server on the way has written a line on top.",
    players: TWO_PROVIDERS,
    acts: &[
        Act::Trouble(Trouble::EnvelopeTwice),
        Act::Submit {
            rcpt: &[BRUNO.address],
            write: letters::notice,
        },
    ],
    expected: &[(ANNA, DELIVERED), (BRUNO, ENVELOPE)],
    proof: None,
};

// ---- not accepted ----------------------------------------------------------------------------

const REFUSED: &str = "Not accepted";

const HIDDEN: Scene = Scene {
    chapter: REFUSED,
    title: "A hidden recipient",
    proves: "What the rules do not allow is refused as a whole, with a notice that says why.",
    opening: "Anna writes to Bruno and hides Carla in Bcc. A receipt names every recipient, so \
              certified mail cannot keep one secret.",
    outcome: "not accepted",
    moral: "The notice says why, and nothing was sent to anybody: neither to Carla nor to Bruno.",
    players: &[
        Player::Person(ANNA),
        Player::Provider(ALFA),
        Player::Provider(BETA),
        Player::Person(BRUNO),
        Player::Person(CARLA),
    ],
    acts: &[Act::Submit {
        rcpt: &[BRUNO.address, CARLA.address],
        write: letters::secret,
    }],
    expected: &[(ANNA, &[NonAcceptance])],
    proof: None,
};

const VIRUS_AT_ALFA: Scene = Scene {
    chapter: REFUSED,
    title: "A virus that the sender’s provider finds",
    proves: "An infected message goes no further than the sender’s own provider.",
    opening: "Anna attaches a file with a virus, and does not know it. The virus is the harmless test \
              file that all scanners know; the scanner is one for demonstrations, and knows no other.",
    outcome: "not accepted, for a virus",
    moral: "Anna is told at once, and in no doubt about the cause. Alfa keeps the message apart for \
            thirty months, as the law wants (RFC 6109 §2.2.4, §3.1.3).",
    players: TWO_PROVIDERS,
    acts: &[Act::Submit {
        rcpt: &[BRUNO.address],
        write: letters::infected,
    }],
    expected: &[(ANNA, &[VirusNonAcceptance])],
    proof: None,
};

// ---- accepted, not delivered -----------------------------------------------------------------

const UNDELIVERED: &str = "Accepted, not delivered";

const UNKNOWN: Scene = Scene {
    chapter: UNDELIVERED,
    title: "An address that does not exist",
    proves: "Whoever takes charge of a message has to say what became of it.",
    opening: "Anna mistypes Bruno’s address. Its domain is certified, so the message is accepted \
              and travels; whether there is such a mailbox, only Beta knows.",
    outcome: "accepted, then a non-delivery notice",
    moral: "Beta took charge of the message and therefore has to say what became of it. The \
            notice names the reason and its code, 5.1.1: there is no such mailbox.",
    players: &[
        Player::Person(ANNA),
        Player::Provider(ALFA),
        Player::Provider(BETA),
    ],
    acts: &[Act::Submit {
        rcpt: &[BRUNA],
        write: letters::reminder,
    }],
    expected: &[(ANNA, UNDELIVERED_NOTICE)],
    proof: None,
};

const FULL: Scene = Scene {
    chapter: UNDELIVERED,
    title: "A full mailbox",
    proves: "The notice says by a code why there was no delivery, so that programs can act upon it.",
    opening: "Bruno’s mailbox is full.",
    outcome: "accepted, then a non-delivery notice",
    moral: "The code is 5.2.2, mailbox full: the address is right, and Anna may try again later.",
    players: TWO_PROVIDERS,
    acts: &[
        Act::Trouble(Trouble::MailboxFull(BRUNO.address)),
        Act::Submit {
            rcpt: &[BRUNO.address],
            write: letters::notice,
        },
    ],
    expected: &[(ANNA, UNDELIVERED_NOTICE)],
    proof: None,
};

const VIRUS_AT_BETA: Scene = Scene {
    chapter: UNDELIVERED,
    title: "A virus that only the recipient’s provider finds",
    proves: "A virus found late reaches nobody: the providers settle it, and the sender is told.",
    opening: "The same attachment a little later, but Alfa’s scanner has yesterday’s list of viruses. \
              Beta’s has today’s.",
    outcome: "accepted, then a virus notice",
    moral: "Beta delivers nothing and tells Alfa; Alfa, whose user Anna is, tells her. Bruno never \
            sees the message, which Beta keeps apart for thirty months (RFC 6109 §3.2.3, §3.2.4).",
    players: TWO_PROVIDERS,
    acts: &[
        Act::Trouble(Trouble::OldSignatures(ALFA)),
        Act::Submit {
            rcpt: &[BRUNO.address],
            write: letters::infected,
        },
    ],
    expected: &[(ANNA, &[ServerUserAcceptance, VirusNonDelivery])],
    proof: None,
};

const ALTERED: Scene = Scene {
    chapter: UNDELIVERED,
    title: "A price that changes on its way",
    proves: "One altered digit breaks the signature, and the message is refused at the door.",
    opening: "Anna names a price. Somebody between the providers can read and write what passes, \
              and makes a seven of the one.",
    outcome: "accepted, refused by Beta, non-delivery notice",
    moral: "What arrives is not what Alfa signed, so for Beta it is mail of unknown origin, which \
            Bruno’s mailbox does not take. Alfa hears the refusal and tells Anna. The forgery is \
            kept here as text: it does not verify, and everything called `.eml` here does.",
    players: &[
        Player::Person(ANNA),
        Player::Provider(ALFA),
        Player::Between {
            name: "Somebody",
            detail: "on the way",
        },
        Player::Provider(BETA),
        Player::Person(BRUNO),
    ],
    acts: &[
        Act::Trouble(Trouble::EnvelopeChanged(Change::Content(
            letters::PRICE.0,
            letters::PRICE.1,
        ))),
        Act::Submit {
            rcpt: &[BRUNO.address],
            write: letters::price,
        },
    ],
    expected: &[(ANNA, UNDELIVERED_NOTICE)],
    proof: None,
};

// ---- mail that certifies nothing -------------------------------------------------------------

const UNCERTIFIED: &str = "Nothing certified";

const ORDINARY: Scene = Scene {
    chapter: UNCERTIFIED,
    title: "Ordinary mail for three certified mailboxes",
    proves: "Each mailbox decides about ordinary mail, and none can take it for certified mail.",
    opening: "Dario writes from his ordinary mailbox: to Bruno, who takes certified mail only, to \
              Carla, who takes both, and to Fabio, who has ordinary mail sent on to another \
              mailbox of his.",
    outcome: "refused, in an anomaly envelope, redirected",
    moral: "Bruno’s provider refuses with an SMTP error, so that Dario knows. Carla gets the mail \
            inside an anomaly envelope, which says that neither its origin nor its time is \
            certified. Fabio’s is passed on as it came. None of them causes a receipt.",
    players: &[
        Player::Person(DARIO),
        Player::Provider(BETA),
        Player::Person(BRUNO),
        Player::Person(CARLA),
        Player::Person(FABIO_AT_HOME),
    ],
    acts: &[
        Act::Arrive {
            from: DARIO,
            to: BRUNO,
            write: letters::ordinary_to_bruno,
        },
        Act::Arrive {
            from: DARIO,
            to: CARLA,
            write: letters::ordinary_to_carla,
        },
        Act::Arrive {
            from: DARIO,
            to: FABIO,
            write: letters::ordinary_to_fabio,
        },
    ],
    expected: &[(CARLA, &[AnomalyEnvelope]), (FABIO_AT_HOME, &[Ordinary])],
    proof: None,
};

const DAMAGED: Scene = Scene {
    chapter: UNCERTIFIED,
    title: "An envelope that loses its form on the way",
    proves: "What a provider signed must be delivered even if damaged, but certifies nothing any more.",
    opening: "A gateway between the providers gives every message a Message-ID of its own. The \
              signature still holds, since that line is outside of it, but the envelope does not \
              agree with itself any more.",
    outcome: "accepted, an anomaly envelope, two timeout notices",
    moral: "The message comes from a provider, so Bruno gets it, inside an anomaly envelope (RFC 6109 \
            §2.2.2, third case). Beta takes charge of nothing and issues no receipt. Alfa hears \
            nothing and warns Anna after twelve hours, and before twenty-four are over.",
    players: &[
        Player::Person(ANNA),
        Player::Provider(ALFA),
        Player::Between {
            name: "Gateway",
            detail: "rewrites headers",
        },
        Player::Provider(BETA),
        Player::Person(BRUNO),
    ],
    acts: &[
        Act::Trouble(Trouble::EnvelopeChanged(Change::MessageId(
            "<0001@gateway.example>",
        ))),
        Act::Submit {
            rcpt: &[BRUNO.address],
            write: letters::notice,
        },
        Act::Wait(DAY),
    ],
    expected: &[
        (ANNA, &[ServerUserAcceptance, Timeout, Timeout]),
        (BRUNO, &[AnomalyEnvelope]),
    ],
    proof: None,
};

// ---- too late --------------------------------------------------------------------------------

const LATE: &str = "Twelve hours, twenty-four hours";

const NETWORK_DOWN: Scene = Scene {
    chapter: LATE,
    title: "A day without network",
    proves: "Silence is reported after 12 h and before 24 h; a late delivery overrides both notices.",
    opening: "Alfa accepts Anna’s message and cannot reach Beta: not now, not for a whole day.",
    outcome: "accepted, two timeout notices, late delivery receipt",
    moral: "After twelve hours Anna knows that nobody answers for her message yet, after twenty-three \
            that it will not be there in time, and can act. Alfa goes on trying. When the network is \
            back, the message is delivered, and the receipt counts: it is dated, and says when.",
    players: TWO_PROVIDERS,
    acts: &[
        Act::Trouble(Trouble::NetworkDown),
        Act::Submit {
            rcpt: &[BRUNO.address],
            write: letters::notice,
        },
        Act::Wait(DAY),
        Act::Mended,
        Act::Wait(HOUR),
    ],
    expected: &[
        (ANNA, &[ServerUserAcceptance, Timeout, Timeout, Delivery]),
        (BRUNO, ENVELOPE),
    ],
    proof: None,
};

const STUCK: Scene = Scene {
    chapter: LATE,
    title: "Taken charge of, and not delivered",
    proves: "Once a provider has taken charge, only the second notice is due, and it comes in time.",
    opening: "Beta takes charge of the message and says so to Alfa. Then the store that holds \
              Carla’s mailbox stops answering.",
    outcome: "accepted, one timeout notice",
    moral: "There is no notice after twelve hours, because Beta has answered for the message. But the \
            law counts delivery: after twenty-three hours without it Anna is told. The message \
            waits at Beta: `ceralacca status --provider providers/beta` shows it, and \
            `ceralacca tick --provider providers/beta` delivers it.",
    players: &[
        Player::Person(ANNA),
        Player::Provider(ALFA),
        Player::Provider(BETA),
        Player::Person(CARLA),
    ],
    acts: &[
        Act::Trouble(Trouble::MailboxDown(CARLA.address)),
        Act::Submit {
            rcpt: &[CARLA.address],
            write: letters::to_carla,
        },
        Act::Wait(DAY),
    ],
    expected: &[(ANNA, &[ServerUserAcceptance, Timeout])],
    proof: None,
};

/// Anna, her provider, Bruno’s, Bruno.
const TWO_PROVIDERS: &[Player] = &[
    Player::Person(ANNA),
    Player::Provider(ALFA),
    Player::Provider(BETA),
    Player::Person(BRUNO),
];
const ENVELOPE: &[MessageKind] = &[TransportEnvelope];
const DELIVERED: &[MessageKind] = &[ServerUserAcceptance, Delivery];
const UNDELIVERED_NOTICE: &[MessageKind] = &[ServerUserAcceptance, NonDelivery];
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

#[cfg(test)]
mod tests {
    use super::*;

    /// In a terminal it stands on one line, and says one thing.
    #[test]
    fn what_a_story_proves_is_one_line() {
        for scene in &SCENES {
            assert!(scene.proves.chars().count() <= 97, "{}", scene.proves);
            assert_eq!(scene.proves.find(". "), None, "{}", scene.proves);
            assert!(scene.proves.ends_with('.') && !scene.proves.contains('`'));
        }
    }

    #[test]
    fn stories_of_a_chapter_stand_together() {
        let mut chapters: Vec<&str> = SCENES.iter().map(|scene| scene.chapter).collect();
        chapters.dedup();
        let count = chapters.len();
        chapters.sort_unstable();
        chapters.dedup();
        assert_eq!(chapters.len(), count);
    }
}
