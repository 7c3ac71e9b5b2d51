//! What happens to the two providers: every kind of event, good and bad, with every kind of
//! question and effect that two providers and their mail can bring about.

use std::path::Path;

use ceralacca::address::{DomainName, EmailAddress};
use ceralacca::event::{
    Arrival, ArrivalSource, ContentQuery, Context, DepositResult, DepositVerdict, DirectoryUpdate,
    DueRecipient, Examination, Failure, RecordRequest, RelayFailure, SecondaryEnvironment,
    Submission, Tick,
};
use ceralacca::outcome::{MessageKind, Outcome};
use ceralacca::question::{Answer, OrdinaryMailPolicy, Question};
use ceralacca::settings::{Settings, TextOverride};
use ceralacca::values::{self, Value};
use ceralacca::{Fault, Step, Transaction};
use serde::Serialize;

use super::large::{self, Filling};
use super::record::{Exchange, Recorder, START, Station, VIRUS, instant, made};
use super::value::map;

pub const ANNA: &str = "anna@pec.alfa.example";
pub const BRUNO: &str = "bruno@pec.beta.example";
const CARLA: &str = "carla@pec.beta.example";
const DARIO: &str = "dario@posta.example";

/// The whole story, told anew in `place`, and Alfa as it is after it.
pub fn tell(place: &Path) -> (Vec<Exchange>, Station) {
    let mut story = Story::begin(place);
    story.directories();
    let (offer, envelope) = story.certified_mail();
    story.deposits(&envelope);
    story.examinations(&offer, &envelope);
    story.refusals(&envelope);
    story.time();
    story.own_record();
    story.audits();
    story.settings();
    story.slips_of_the_host();
    (story.recorder.exchanges, story.alfa)
}

/// Alfa as it is before the story: it has a directory.
pub fn alfa(place: &Path) -> Station {
    let mut story = Story::begin(place);
    story.directories();
    story.alfa
}

struct Story {
    recorder: Recorder,
    alfa: Station,
    beta: Station,
}

impl Story {
    fn begin(place: &Path) -> Self {
        let alfa = Station::found("Alfa S.p.A.", "pec.alfa.example", None, place);
        let beta = Station::found("Beta S.p.A.", "pec.beta.example", Some(&alfa), place);
        Self {
            recorder: Recorder::default(),
            alfa,
            beta,
        }
    }

    fn directories(&mut self) {
        let content = self.beta.ldif();
        for alfa in [true, false] {
            let event = DirectoryUpdate {
                content: content.clone(),
            };
            let call = ("the directory", "load_directory");
            let _ = self.tell(alfa, call, ceralacca::load_directory, event, &[]);
        }
        let event = DirectoryUpdate {
            content: content[..content.len() / 2].to_vec(),
        };
        let call = ("half a directory", "load_directory");
        let _ = self.tell(true, call, ceralacca::load_directory, event, &[]);
    }

    /// From the sender to both receipts.
    fn certified_mail(&mut self) -> (Vec<u8>, Vec<u8>) {
        let offer = offer();
        let sent = self.submit("a submission", &[BRUNO, DARIO, CARLA], &offer);
        assert_eq!(sent.reply.code, 250, "{:?}", sent.reply);
        let envelope = made(&sent, &MessageKind::TransportEnvelope, &offer);
        let taken = self.arrive("an envelope", false, &[BRUNO, CARLA], &envelope);
        let receipt = made(&taken, &MessageKind::ServerServerAcceptance, &envelope);
        let _ = self.arrive(
            "a presa in carico",
            true,
            &["ricevute@pec.alfa.example"],
            &receipt,
        );
        (offer, envelope)
    }

    fn deposits(&mut self, envelope: &[u8]) {
        let failed = DepositVerdict::Failed(Failure {
            status: "5.2.2".to_owned(),
            code: 552,
            text: "Quota exceeded".to_owned(),
            no_such_domain: false,
        });
        for (name, recipient, verdict, kind) in [
            (
                "a deposit",
                BRUNO,
                DepositVerdict::Deposited,
                MessageKind::Delivery,
            ),
            ("a failed deposit", CARLA, failed, MessageKind::NonDelivery),
        ] {
            let event = DepositResult {
                reverse_path: ANNA.to_owned(),
                recipient: address(recipient),
                message: envelope.to_vec(),
                verdict,
            };
            let call = (name, "finish_deposit");
            let ended = self.tell(false, call, ceralacca::finish_deposit, event, envelope);
            let receipt = made(&ended.expect("an outcome"), &kind, envelope);
            let _ = self.arrive("a receipt", true, &[ANNA], &receipt);
        }
        let event = RelayFailure {
            kind: MessageKind::TransportEnvelope,
            pec_id: self.alfa.tracked()[0].pec_id.to_string(),
            recipient: address(BRUNO),
            failure: Failure {
                status: String::new(),
                code: 0,
                text: "Host or domain name not found".to_owned(),
                no_such_domain: true,
            },
        };
        let call = ("a relay that failed", "fail_relay");
        let _ = self.tell(true, call, ceralacca::fail_relay, event, &[]);
    }

    fn examinations(&mut self, offer: &[u8], envelope: &[u8]) {
        let ordinary = letter(DARIO, BRUNO);
        let mut damaged = envelope.to_vec();
        let place = damaged.len() / 2;
        damaged[place] ^= 1;
        for (name, message, original) in [
            ("an envelope, examined", envelope, Some(offer)),
            ("a damaged envelope, examined", &damaged, None),
            ("ordinary mail, examined", &ordinary, Some(&*ordinary)),
            ("nothing, examined", b"".as_slice(), None),
        ] {
            let event = Examination {
                message: message.to_vec(),
                at: original.map(|_| instant(START + 60)),
                contents: Some(ContentQuery {
                    original: original.map(<[u8]>::to_vec),
                }),
            };
            let call = (name, "examine");
            let _ = self.tell(false, call, ceralacca::examine, event, message);
        }
        let _ = self.arrive("a damaged envelope", false, &[BRUNO], &damaged);
    }

    fn refusals(&mut self, envelope: &[u8]) {
        let infected = [letter(ANNA, BRUNO), VIRUS.to_vec(), b"\r\n".to_vec()].concat();
        let _ = self.submit("an infected submission", &[BRUNO], &infected);
        let _ = self.submit(
            "a submission from a stranger",
            &[BRUNO],
            &letter(DARIO, BRUNO),
        );
        let mut large = letter(ANNA, BRUNO);
        large.resize(1_000_000, b'x');
        let _ = self.submit("lines that are too long", &[BRUNO], &large);
        let _ = self.arrive(
            "ordinary mail",
            false,
            &[BRUNO, "nessuno@pec.beta.example"],
            &letter(DARIO, BRUNO),
        );
        self.beta.context.settings.ordinary_mail =
            OrdinaryMailPolicy::Redirect(address("bruno@posta.example"));
        let _ = self.arrive("redirected mail", false, &[BRUNO], &letter(DARIO, BRUNO));
        self.beta.context.settings.ordinary_mail = OrdinaryMailPolicy::Refuse;
        let _ = self.arrive("refused mail", false, &[BRUNO], &letter(DARIO, BRUNO));
        let _ = self.arrive("an envelope again", false, &[BRUNO], envelope);
        let bounce = Arrival {
            reverse_path: String::new(),
            recipients: vec![address("nessuno@pec.beta.example")],
            source: ArrivalSource::OwnMailServer,
            message: letter(DARIO, BRUNO),
        };
        let call = ("a bounce for nobody, told to operators", "arrive");
        let _ = self.tell(false, call, ceralacca::arrive, bounce, &[]);
    }

    fn time(&mut self) {
        for (name, hours) in [("twelve hours", 13), ("a day", 25)] {
            let due = self.alfa.tracked().into_iter().map(|message| DueRecipient {
                message,
                recipient: address(CARLA),
            });
            let event = Tick { due: due.collect() };
            let context = self.alfa.context(START + hours * 3_600);
            let alfa = &self.alfa;
            let _ = self
                .recorder
                .converse(
                    (name, "pass_time"),
                    ceralacca::pass_time,
                    (context, event),
                    |q| alfa.answer(q, &[]),
                )
                .expect("an outcome");
        }
    }

    fn own_record(&mut self) {
        let settings = &self.beta.context.settings;
        let event = RecordRequest {
            managed_domains: vec![domain("pec.alfa.example")],
            further_certificates: settings.certificates[..1].to_vec(),
            location: Some("https://alfa.example/pec/record.ldif.p7m".to_owned()),
            description: None,
            units: vec![SecondaryEnvironment {
                name: "Sanità".to_owned(),
                mail_receipt: address("ricevute@comune.alfa.example"),
                certificates: settings.certificates[..1].to_vec(),
                managed_domains: vec![domain("comune.alfa.example")],
                description: Some("Un comune".to_owned()),
            }],
        };
        let call = ("our own record", "compose_record");
        let _ = self.tell(true, call, ceralacca::compose_record, event, &[]);
    }

    /// The log of a message, as it is and with its acceptance doubled.
    fn audits(&mut self) {
        let pec_id = self.alfa.tracked()[0].pec_id.clone();
        let whole = self.alfa.dossier(&pec_id);
        let mut damaged = whole.clone();
        damaged.entries.push(damaged.entries[0].clone());
        for (name, dossier, broken) in [
            ("an audit", whole, false),
            ("an audit of a doubled log", damaged, true),
        ] {
            let now = START + 3_600;
            let findings = ceralacca::audit(instant(now), &dossier);
            assert_eq!(findings.is_empty(), !broken, "{findings:?}");
            let asked = map([
                ("now", Value::U64(now)),
                ("dossier", values::write(&dossier)),
            ]);
            self.recorder
                .call((name, "audit"), asked, Ok(values::write(&findings)));
        }
    }

    fn settings(&mut self) {
        let good = self.alfa.context.settings.clone();
        let bad = Settings {
            mail_domain: "no domain".to_owned(),
            ..good.clone()
        };
        for (name, settings) in [("good settings", good), ("a bad setting", bad)] {
            let asked = map([("settings", values::write(&settings))]);
            let said = ceralacca::check_settings(settings).map(|()| Value::Option(None));
            self.recorder.call((name, "check_settings"), asked, said);
        }
    }

    /// Faults, and the answer that cannot be had.
    fn slips_of_the_host(&mut self) {
        let name = "little entropy";
        let context = Context {
            entropy: vec![1; 31],
            ..self.alfa.context(START)
        };
        self.slip((name, "submit"), context);
        let mut context = self.alfa.context(START);
        context.settings.texts.push(TextOverride {
            key: "acceptance.body.it".to_owned(),
            template: "{unknown}".to_owned(),
        });
        self.slip(("a wrong setting", "submit"), context);

        let event = submission(&[BRUNO], letter(ANNA, BRUNO));
        let context = self.alfa.context(START);
        let _ = self
            .recorder
            .converse(
                ("no signature to be had", "submit"),
                ceralacca::submit,
                (context, event),
                |q| match q {
                    Question::Sign(_) => Answer::Unavailable("the HSM is away".to_owned()),
                    other => self.alfa.answer(other, &[]),
                },
            )
            .expect("an outcome");
        self.wrong_answers();
    }

    /// A fault that is met when the transaction takes its first step.
    fn slip(&mut self, call: (&'static str, &'static str), context: Context) {
        let event = submission(&[BRUNO], letter(ANNA, BRUNO));
        let alfa = &self.alfa;
        let ended = self
            .recorder
            .converse(call, ceralacca::submit, (context, event), |q| {
                alfa.answer(q, &[])
            });
        assert!(ended.is_none());
    }

    /// Too few, too many, of the wrong kind; then the right ones, and one call too many.
    fn wrong_answers(&mut self) {
        let event = submission(&[BRUNO], letter(ANNA, BRUNO));
        let context = self.alfa.context(START);
        let call = ("wrong answers", "submit");
        let mut standing = self.recorder.begin(
            call,
            ceralacca::submit(context.clone(), event.clone()),
            (&context, &event),
        );
        while let Ok(Step::Ask(questions)) = standing.said() {
            let right: Vec<Answer> = questions
                .iter()
                .map(|question| self.alfa.answer(question.clone(), &event.message))
                .collect();
            let surplus = [right.clone(), vec![Answer::Usage(1)]].concat();
            let wrong = vec![Answer::Tracked(None); right.len()];
            for answers in [Vec::new(), surplus, wrong] {
                self.recorder.advance(&mut standing, answers);
            }
            self.recorder.advance(&mut standing, right);
        }
        self.recorder.advance(&mut standing, Vec::new());
        assert!(matches!(standing.said(), Err(Fault::Finished)));
    }

    fn submit(&mut self, name: &'static str, to: &[&str], message: &[u8]) -> Outcome {
        let event = submission(to, message.to_vec());
        self.tell(true, (name, "submit"), ceralacca::submit, event, message)
            .expect("an outcome")
    }

    fn arrive(&mut self, name: &'static str, alfa: bool, to: &[&str], message: &[u8]) -> Outcome {
        let event = Arrival {
            reverse_path: ANNA.to_owned(),
            recipients: to.iter().map(|to| address(to)).collect(),
            source: ArrivalSource::Encrypted,
            message: message.to_vec(),
        };
        self.tell(alfa, (name, "arrive"), ceralacca::arrive, event, message)
            .expect("an outcome")
    }

    /// Something happens to Alfa or to Beta, who remember what becomes of it.
    fn tell<E: Clone + Serialize>(
        &mut self,
        alfa: bool,
        call: (&'static str, &'static str),
        begin: fn(Context, E) -> Transaction,
        event: E,
        message: &[u8],
    ) -> Option<Outcome> {
        let station = if alfa { &mut self.alfa } else { &mut self.beta };
        let context = station.context(START);
        let outcome = self.recorder.converse(call, begin, (context, event), |q| {
            station.answer(q, message)
        })?;
        station.commit(&outcome);
        Some(outcome)
    }
}

pub fn submission(to: &[&str], message: Vec<u8>) -> Submission {
    Submission {
        account: Some(ANNA.to_owned()),
        addresses: vec![address(ANNA)],
        reverse_path: ANNA.to_owned(),
        recipients: to.iter().map(|to| (*to).to_owned()).collect(),
        message,
    }
}

/// A message that cannot go into a signature as it is: 8-bit text, an attachment, a long line.
fn offer() -> Vec<u8> {
    format!(
        "Date: Sat, 19 Sep 2026 15:41:17 +0200\r\nFrom: \"Rossi, Anna\" <{ANNA}>\r\n\
         To: Bruno <{BRUNO}>,\r\n {DARIO}\r\nCc: {CARLA}\r\n\
         Subject: =?utf-8?Q?Offerta_per_la_citt=C3=A0?=\r\n\
         Message-ID: <client-1@mua.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"mua\"\r\n\r\n\
         --mua\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nGentile città,\r\n{}\r\n\r\n\
         --mua\r\nContent-Type: application/pdf; name=\"offerta.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}--mua--\r\n",
        "è ".repeat(700),
        "JVBERi0xLjQKJVBERi0xLjQKJVBERi0xLjQK\r\n".repeat(2_000),
    )
    .into_bytes()
}

pub fn letter(from: &str, to: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Buongiorno\r\n\
         Message-ID: <client-2@mua.example>\r\n\r\nBuongiorno.\r\n"
    )
    .into_bytes()
}

/// A letter of `size` octets or a few less.
pub fn large_letter(size: usize, filling: Filling) -> Vec<u8> {
    large::letter([ANNA, BRUNO], size, filling)
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::try_from(text).expect("an address")
}

fn domain(text: &str) -> DomainName {
    DomainName::try_from(text).expect("a domain")
}
