//! The table.

use super::*;

use ceralacca::event::{ContentQuery, Examination};
use ceralacca::limits::Limits;

use crate::large::Filling;
use crate::story::large_letter;

/// All mistakes, in the order in which an instance meets them.
pub fn all(place: &Path) -> Vec<Asked> {
    let mut table = Table {
        alfa: story::alfa(place),
        begun: 0,
        bounded: false,
        asked: Vec::new(),
    };
    table.frames();
    table.values();
    table.facts();
    table.limits();
    table.first_answers();
    table.wrong_answers();
    table.interleaved();
    table.traps();
    table.asked
}

struct Table {
    alfa: Station,
    /// How many conversations the instance has begun.
    begun: u64,
    bounded: bool,
    asked: Vec<Asked>,
}

impl Table {
    /// Frames that are none, and calls that are none: on the Extism face only.
    fn frames(&mut self) {
        let call = frame::write(&self.submission());
        let cut = call[..call.len() - 1].to_vec();
        let surplus = [&*call, b"\r\n"].concat();
        let pointing = |place: &str| {
            let header = format!("{{\"settings\": {{\"octets\": {place}}}}}");
            [&raw(&header), b"12345678".as_slice()].concat()
        };
        for (what, frame) in [
            ("nothing", Vec::new()),
            ("half a size", vec![0, 0]),
            ("no header", vec![0, 0, 0, 9]),
            ("a size beyond the frame", vec![255; 4]),
            ("no JSON", raw("{\"context\": ")),
            ("no UTF-8", vec![0, 0, 0, 2, 0xff, 0xff]),
            ("a frame without its last octet", cut),
            ("a frame with something behind it", surplus),
            ("octets that are not there", pointing("[0, 9]")),
            ("octets that nothing points to", pointing("[1, 7]")),
            (
                "octets beyond all numbers",
                pointing("[8, 18446744073709551615]"),
            ),
            ("half a place", pointing("[8]")),
            (
                "octets that overlap",
                pointing("[0, 8]}, \"x\": {\"octets\": [7, 1]"),
            ),
        ] {
            self.mistake(what, "submit", frame, on_extism("frame"));
        }
        for (what, header) in [
            ("a call that is no object", "[]"),
            ("a call without an event", "{\"context\": {}}"),
            (
                "a call with one field too many",
                "{\"context\": {}, \"event\": {}, \"x\": 1}",
            ),
        ] {
            self.mistake(what, "submit", raw(header), on_extism("event"));
        }
        for number in [0, 7_000] {
            let header = format!("{{\"transaction\": {number}, \"answers\": []}}");
            let what = "answers to nothing";
            self.mistake(what, "advance", raw(&header), on_extism("finished"));
        }
    }

    /// Values of other types than they should have; components cannot even be given them.
    fn values(&mut self) {
        let octets = || Value::Seq(vec![Value::U64(67), Value::U64(105)]);
        let crowd = Value::Seq(vec![Value::U64(0); Limits::DEFAULT.items + 1]);
        let tag = map([("tag", text("perhaps"))]);
        for (what, path, value) in [
            ("a negative instant", "context.now", Some(Value::I64(-1))),
            ("half a second", "context.now", Some(Value::F64(0.5))),
            ("an instant in words", "context.now", Some(text("today"))),
            ("entropy in words", "context.entropy", Some(text("random"))),
            (
                "a surplus setting",
                "context.settings.x",
                Some(Value::U64(1)),
            ),
            ("a missing setting", "context.settings.limits", None),
            (
                "an unknown case",
                "context.settings.ordinaryMail",
                Some(tag),
            ),
            ("a missing message", "event.message", None),
            (
                "a message that is text",
                "event.message",
                Some(text("Ciao")),
            ),
            ("a message of numbers", "event.message", Some(octets())),
            (
                "a message that is a number",
                "event.message",
                Some(Value::U64(7)),
            ),
            ("a surplus field", "event.urgent", Some(Value::Bool(true))),
            (
                "one recipient, no list",
                "event.recipients",
                Some(text(BRUNO)),
            ),
            (
                "more recipients than any event has",
                "event.recipients",
                Some(crowd),
            ),
        ] {
            let mut call = self.submission();
            set(&mut call, path, value);
            self.mistake(what, "submit", frame::write(&call), in_values("event"));
        }
        let settings = map([("settings", Value::U64(1))]);
        let (what, frame) = ("settings that are none", frame::write(&settings));
        self.mistake(what, "check_settings", frame, in_values("event"));
        let dossier = map([("now", Value::U64(START)), ("dossier", map([]))]);
        let (what, frame) = ("a dossier without rows", frame::write(&dossier));
        self.mistake(what, "audit", frame, in_values("event"));
    }

    /// Values of the right types that no host may pass.
    fn facts(&mut self) {
        let late = Value::U64(253_402_300_800);
        let bytes = |octets: usize| Value::Bytes(vec![7; octets]);
        let wrong_text = Value::Seq(vec![map([
            ("key", text("acceptance.body.it")),
            ("template", text("{unknown}")),
        ])]);
        for (what, path, value, code) in [
            (
                "an instant after year 9999",
                "context.now",
                late.clone(),
                "event",
            ),
            (
                "31 octets of entropy",
                "context.entropy",
                bytes(31),
                "entropy",
            ),
            (
                "an unknown placeholder",
                "context.settings.texts",
                wrong_text,
                "settings",
            ),
        ] {
            let mut call = self.submission();
            set(&mut call, path, Some(value));
            self.mistake(what, "submit", frame::write(&call), everywhere(code));
        }
        let nobody = map([
            ("reversePath", text(ANNA)),
            ("recipients", Value::Seq(vec![text("nobody")])),
            ("source", text("encrypted")),
            ("message", Value::Bytes(letter(ANNA, BRUNO))),
        ]);
        self.event("a recipient that is no address", "arrive", nobody, "event");
        let failure = map([
            ("status", text("")),
            ("code", Value::U64(550)),
            ("text", text("")),
            ("noSuchDomain", Value::Bool(false)),
        ]);
        let relay = map([
            ("kind", map([("tag", text("transport-envelope"))])),
            ("pecId", text("no id")),
            ("recipient", text(BRUNO)),
            ("failure", failure),
        ]);
        self.event("a PEC id that is none", "fail_relay", relay, "event");

        let mut settings = values::write(&self.alfa.context.settings);
        set(&mut settings, "mailDomain", Some(text("no domain")));
        let (what, call) = ("a bad setting", map([("settings", settings)]));
        let frame = frame::write(&call);
        self.mistake(what, "check_settings", frame, everywhere("settings"));
        let dossier = map([("pecId", text("")), ("entries", Value::Seq(Vec::new()))]);
        let (what, call) = ("a late audit", map([("now", late), ("dossier", dossier)]));
        self.mistake(what, "audit", frame::write(&call), everywhere("event"));
    }

    /// More octets than the host has said that it has room for.
    fn limits(&mut self) {
        let message = letter(ANNA, BRUNO);
        let size = message.len() as u64;
        let limited = |mut call: Value, largest| {
            set(&mut call, "context.largest", Some(Value::U64(largest)));
            frame::write(&call)
        };
        let too_large = || everywhere("too-large");
        let submission = self.submission();
        let frame = limited(submission.clone(), size - 1);
        self.mistake("a message over the limit", "submit", frame, too_large());
        // Exactly as much is taken.
        self.alfa.context.largest = Some(size);
        self.good("a message of just the limit");
        self.alfa.context.largest = None;

        let mut examination = submission.clone();
        let contents = map([("original", Value::Bytes(message.clone()))]);
        let event = map([("message", Value::Bytes(message)), ("contents", contents)]);
        set(&mut examination, "event", Some(event));
        let frame = limited(examination, 2 * size - 1);
        self.mistake("two messages over the limit", "examine", frame, too_large());
        let mut update = submission;
        let event = map([("content", Value::Bytes(self.alfa.ldif()))]);
        set(&mut update, "event", Some(event));
        let frame = limited(update, 100);
        self.mistake(
            "a directory over the limit",
            "load_directory",
            frame,
            too_large(),
        );
    }

    /// Answers before anything was asked; and `advance` again when a fault has ended a transaction. (On
    /// the Extism face an event takes its first step itself.)
    fn first_answers(&mut self) {
        let answers = Value::Seq(vec![map([
            ("tag", text("scanned")),
            ("val", map([("tag", text("clean"))])),
        ])]);
        let spoilt = |mut call: Value, fields: &[(&str, Value)]| {
            for (path, value) in fields {
                set(&mut call, path, Some(value.clone()));
            }
            frame::write(&call)
        };
        let again = || ("again", Value::Bool(true));
        let not_on_extism =
            |[core, _, javascript, component]: Says| [core, None, javascript, component];
        let what = "answers before any question";
        let first = ("first", answers);
        let frame = spoilt(self.submission(), std::slice::from_ref(&first));
        self.mistake(
            what,
            "submit",
            frame,
            not_on_extism(everywhere("wrong-answers")),
        );
        let frame = spoilt(
            self.submission(),
            &[("context.entropy", Value::Bytes(Vec::new())), again()],
        );
        self.mistake(
            "a step after a fault",
            "submit",
            frame,
            not_on_extism(everywhere("finished")),
        );

        // It begins nevertheless; on the Extism face without them.
        let mut recorder = self.recorder();
        let standing = self.begin(&mut recorder, what);
        let plain = self.asked.last_mut().expect("a call");
        let says = plain.says.clone();
        plain.says = [None, says[1].clone(), None, None];
        let frame = spoilt(read(plain.frame.clone()), &[first, again()]);
        self.ask(what, "submit", frame, not_on_extism(says));
        self.finish(&mut recorder, standing);
        self.good("after answers that came too early");
    }

    /// Too few, too many, of the wrong kind; then the right ones, and one call too many.
    fn wrong_answers(&mut self) {
        let mut recorder = self.recorder();
        let mut standing = self.begin(&mut recorder, "wrong answers");
        let octets = Value::Bytes(vec![0; Limits::DEFAULT.call + 1]);
        let answer = map([("tag", text("signature")), ("val", octets)]);
        let call = map([
            ("transaction", Value::U64(recorder.begun)),
            ("answers", Value::Seq(vec![answer])),
        ]);
        let says = [None, code("too-large"), code("too-large"), None];
        let what = "an answer over all limits";
        self.ask(what, "advance", frame::write(&call), says);
        while let Some(right) = self.right(&standing) {
            let surplus = [right.clone(), vec![Answer::Usage(1)]].concat();
            let wrong = vec![Answer::Tracked(None); right.len()];
            for answers in [Vec::new(), surplus, wrong] {
                recorder.advance(&mut standing, answers);
            }
            self.note(&mut recorder, Some(everywhere("wrong-answers")));
            let nobody = Value::Seq(vec![text("nobody")]);
            let answer = |tag, val| Value::Seq(vec![map([("tag", text(tag)), ("val", val)])]);
            for (what, answers, says) in [
                (
                    "an answer of no kind",
                    answer("perhaps", Value::U64(1)),
                    in_values("wrong-answers"),
                ),
                (
                    "no list of answers",
                    text("yes"),
                    in_values("wrong-answers"),
                ),
                (
                    "a negative answer",
                    answer("usage", Value::I64(-1)),
                    in_values("wrong-answers"),
                ),
                (
                    "an answer with no address",
                    answer("recipients", nobody),
                    everywhere("wrong-answers"),
                ),
            ] {
                let number = Value::U64(recorder.begun);
                let call = map([("transaction", number), ("answers", answers)]);
                self.ask(what, "advance", frame::write(&call), says);
            }
            recorder.advance(&mut standing, right);
            self.note(&mut recorder, None);
        }
        recorder.advance(&mut standing, Vec::new());
        self.note(&mut recorder, Some(everywhere("finished")));
        self.good("after wrong answers");
    }

    /// Two conversations at once: an Extism instance has one, and the new one ends the old.
    fn interleaved(&mut self) {
        let mut recorder = self.recorder();
        let mut first = self.begin(&mut recorder, "the first of two");
        let mut second = self.begin(&mut recorder, "the second of two");
        let answers = self.right(&first).expect("a question");
        recorder.advance(&mut first, answers);
        let [core, _, javascript, component] = said(&recorder.exchanges[0]);
        self.note(
            &mut recorder,
            Some([core, code("finished"), javascript, component]),
        );
        while let Some(answers) = self.right(&second) {
            recorder.advance(&mut second, answers);
        }
        self.note(&mut recorder, None);
        self.good("after two at once");
    }

    /// Instances whose memory is exhausted. What they say then, and that a new one is as good as the
    /// first.
    fn traps(&mut self) {
        self.bounded = true;
        // The trap itself, which the host sees; then what the module, or who runs it, says of it.
        let trap = || [None, code("trap"), code("trap"), code("trap")];
        let broken = || [None, code("broken"), code("broken"), code("broken")];
        self.renew_within([PAGES; 2], megabytes(7));
        let mut recorder = self.recorder();
        let mut standing = self.begin(&mut recorder, "before a trap");
        let answers = self.right(&standing).expect("a question");
        let what = "a message that exhausts memory when it is re-encoded";
        let mut heavy = self.begin_with(&mut recorder, what, eight_bit(6_500_000));
        recorder.advance(&mut heavy, answers.clone());
        self.note(&mut recorder, Some(trap()));
        recorder.advance(&mut standing, answers);
        self.note(&mut recorder, Some(broken()));
        // JavaScript's package starts its module anew by itself, the others are to be dropped.
        let _ = self.begin(&mut recorder, "after a trap");
        let last = self.asked.last_mut().expect("a call");
        last.says = [None, code("broken"), last.says[2].clone(), code("broken")];
        self.renew();
        self.good("in a new instance");

        self.renew_within([PAGES; 2], megabytes(7));
        let says = [None, None, code("too-large"), None];
        let mut call = self.submission();
        let message = Value::Bytes(eight_bit(15_000_000));
        set(&mut call, "event.message", Some(message));
        let what = "a message for which there is no room";
        self.ask(what, "submit", frame::write(&call), says);
        let good = self.asked.len();
        self.good("after a message for which there was no room");
        for asked in &mut self.asked[good..] {
            asked.says = [None, None, asked.says[2].clone(), None];
        }
        self.large_messages();
        self.renew();
        self.good("in a new instance again");
    }

    /// Messages of 30 MB, which a provider must by law take, are sealed, and verified with all that is in
    /// them, in the memory that README.md says. (Components take octets one by one in Python: each
    /// would take half a minute or more.)
    fn large_messages(&mut self) {
        let first = self.asked.len();
        for (what, filling, memory) in [
            ("30 MB of 7-bit, sealed", Filling::SevenBit, [33, 33]),
            ("30 MB of base64, sealed", Filling::Base64, [56, 56]),
            (
                "30 MB of quoted-printable, sealed",
                Filling::QuotedPrintable,
                [63, 63],
            ),
            ("30 MB inside, sealed", Filling::Enclosed, [63, 63]),
            ("30 MB of 8-bit, sealed", Filling::EightBit, [75, 117]),
        ] {
            // What comes in and what goes out.
            self.renew_within(memory.map(megabytes), megabytes(75));
            let mut recorder = self.recorder();
            let message = large_letter(29_999_000, filling);
            let standing = self.begin_with(&mut recorder, what, message);
            self.finish(&mut recorder, standing);
        }
        for (what, filling, memory) in [
            ("30 MB of 7-bit, examined", Filling::SevenBit, [33, 33]),
            ("30 MB of 8-bit, examined", Filling::EightBit, [33, 33]),
            ("30 MB of base64, examined", Filling::Base64, [56, 56]),
            (
                "30 MB of quoted-printable, examined",
                Filling::QuotedPrintable,
                [63, 63],
            ),
            ("30 MB inside, examined", Filling::Enclosed, [63, 93]),
        ] {
            // What comes in and what goes out.
            self.renew_within(memory.map(megabytes), megabytes(75));
            let mut recorder = self.recorder();
            let context = self.alfa.context(START);
            let event = Examination {
                message: large_letter(29_999_000, filling),
                at: None,
                contents: Some(ContentQuery { original: None }),
            };
            let transaction = ceralacca::examine(context.clone(), event.clone());
            let standing = recorder.begin((what, "examine"), transaction, (&context, &event));
            self.finish(&mut recorder, standing);
        }
        for asked in &mut self.asked[first..] {
            let [_, extism, javascript, _] = asked.says.clone();
            asked.says = [None, extism, javascript, None];
        }
    }

    /// The rest of a conversation, as it should go.
    fn finish(&mut self, recorder: &mut Recorder, mut standing: Standing) -> Standing {
        while let Some(answers) = self.right(&standing) {
            recorder.advance(&mut standing, answers);
        }
        self.note(recorder, None);
        standing
    }

    /// One mistake, and a good conversation after it.
    fn mistake(&mut self, what: &'static str, function: &'static str, frame: Vec<u8>, says: Says) {
        self.ask(what, function, frame, says);
        self.good(what);
    }

    fn event(
        &mut self,
        what: &'static str,
        function: &'static str,
        event: Value,
        code: &'static str,
    ) {
        let mut call = self.submission();
        set(&mut call, "event", Some(event));
        self.mistake(what, function, frame::write(&call), everywhere(code));
    }

    /// The host takes a new instance.
    fn renew(&mut self) {
        self.renew_of(map([]));
    }

    /// The same, of at most so many pages of memory: with JavaScript and as a component, and with Extism.
    /// `beside` is for what Extism keeps of a call, where its host counts that too.
    fn renew_within(&mut self, [pages, extism]: [u64; 2], beside: u64) {
        self.renew_of(map([
            ("pages", Value::U64(pages)),
            ("extism", Value::U64(extism)),
            ("beside", Value::U64(beside)),
        ]));
    }

    fn renew_of(&mut self, memory: Value) {
        let ok = Saying::This(map([("tag", text("ok"))]));
        let says = [None, Some(ok.clone()), Some(ok.clone()), Some(ok)];
        self.ask("a new instance", "renew", frame::write(&memory), says);
        self.begun = 0;
    }

    /// A submission to its end.
    fn good(&mut self, what: &'static str) {
        let mut recorder = self.recorder();
        let standing = self.begin(&mut recorder, what);
        let standing = self.finish(&mut recorder, standing);
        assert!(matches!(standing.said(), Ok(Step::Done(outcome)) if outcome.reply.code == 250));
    }

    fn begin(&mut self, recorder: &mut Recorder, what: &'static str) -> Standing {
        self.begin_with(recorder, what, letter(ANNA, BRUNO))
    }

    fn begin_with(
        &mut self,
        recorder: &mut Recorder,
        what: &'static str,
        message: Vec<u8>,
    ) -> Standing {
        let context = self.alfa.context(START);
        let event = submission(&[BRUNO], message);
        let transaction = ceralacca::submit(context.clone(), event.clone());
        let standing = recorder.begin((what, "submit"), transaction, (&context, &event));
        self.note(recorder, None);
        standing
    }

    /// The right answers to what is asked, if anything is.
    fn right(&self, standing: &Standing) -> Option<Vec<Answer>> {
        let Ok(Step::Ask(questions)) = standing.said() else {
            return None;
        };
        let message = letter(ANNA, BRUNO);
        let answers = questions.iter();
        Some(
            answers
                .map(|q| self.alfa.answer(q.clone(), &message))
                .collect(),
        )
    }

    fn recorder(&self) -> Recorder {
        Recorder {
            begun: self.begun,
            ..Recorder::default()
        }
    }

    /// A good submission, as a value that can be spoilt.
    fn submission(&mut self) -> Value {
        let event = submission(&[BRUNO], letter(ANNA, BRUNO));
        map([
            ("context", values::write(&self.alfa.context(START))),
            ("event", values::write(&event)),
        ])
    }

    /// Takes over what was recorded; without `says` it is what the core said.
    fn note(&mut self, recorder: &mut Recorder, says: Option<Says>) {
        self.begun = recorder.begun;
        for exchange in std::mem::take(&mut recorder.exchanges) {
            let says = says.clone().unwrap_or_else(|| said(&exchange));
            let frame = frame::write(&exchange.asked);
            self.ask(exchange.name, exchange.function, frame, says);
        }
    }

    fn ask(&mut self, what: &'static str, function: &'static str, frame: Vec<u8>, says: Says) {
        self.asked.push(Asked {
            what,
            function,
            frame,
            says,
            bounded: self.bounded,
        });
    }
}

/// What the core said, on all faces.
fn said(exchange: &Exchange) -> Says {
    let answered = exchange.answered.clone().expect("no fault");
    let said = crossed(&map([("tag", text("ok")), ("val", answered)]));
    std::array::from_fn(|_| Some(Saying::This(said.clone())))
}

fn code(code: &'static str) -> Option<Saying> {
    Some(Saying::Code(code))
}

fn everywhere(name: &'static str) -> Says {
    [code(name), code(name), code(name), code(name)]
}

/// Where values are plain: types would not let it pass.
fn in_values(name: &'static str) -> Says {
    [code(name), code(name), code(name), None]
}

fn on_extism(name: &'static str) -> Says {
    [None, code(name), None, None]
}

/// Pages of memory.
fn megabytes(size: u64) -> u64 {
    size * 1_000_000 / 65_536
}

/// What takes most memory to seal.
fn eight_bit(size: usize) -> Vec<u8> {
    large_letter(size, Filling::EightBit)
}

/// A frame of this header and nothing else.
fn raw(header: &str) -> Vec<u8> {
    [&(header.len() as u32).to_be_bytes(), header.as_bytes()].concat()
}

/// Sets, or removes, a field of a record inside records.
fn set(value: &mut Value, path: &str, field: Option<Value>) {
    let Value::Map(fields) = value else {
        panic!("no record at {path}");
    };
    match (path.split_once('.'), field) {
        (Some((first, rest)), field) => {
            set(fields.get_mut(&text(first)).expect("a field"), rest, field);
        }
        (None, Some(field)) => {
            fields.insert(text(path), field);
        }
        (None, None) => {
            fields.remove(&text(path)).expect("a field");
        }
    }
}

/// 13 MB: enough to begin with a message of 6.5 MB, not to re-encode it, and for none of 15 MB.
const PAGES: u64 = 200;
