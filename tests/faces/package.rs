//! The npm package as somebody uses it who writes TypeScript.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ceralacca::Step;
use ceralacca::extism::frame;
use ceralacca::values::{self, Event, Value};
use tempfile::TempDir;

use super::hosts::{chromium, installed, modules, script, target};
use super::record::{Exchange, Station};
use super::value::{crossed, difference, field, list, map, number, part, read, text};
use super::{story, write};

/// What the story calls the submission that is made again.
const SUBMISSION: &str = "a submission";

/// As strict as the compiler goes.
const TSCONFIG: &str = r#"{
  "compilerOptions": {
    "strict": true, "exactOptionalPropertyTypes": true, "noUncheckedIndexedAccess": true,
    "noImplicitOverride": true, "noUnusedLocals": true, "skipLibCheck": false,
    "module": "nodenext", "target": "es2022", "lib": ["es2022", "dom"], "types": []
  },
  "files": ["consumer.ts", "handed.ts"]
}"#;

/// The mistakes that `consumer.ts` makes, in its order.
const CAUGHT: [&str; 20] = [
    "SettingsError settings",
    "EntropyError entropy",
    "EventError event",
    "EventError event",
    "EventError event",
    "EventError event",
    "EventError event",
    "WrongAnswersError wrong-answers",
    "WrongAnswersError wrong-answers",
    "WrongAnswersError wrong-answers",
    "WrongAnswersError wrong-answers",
    "WrongAnswersError wrong-answers",
    "WrongAnswersError wrong-answers",
    "TooLargeError too-large",
    "FinishedError finished",
    "TooLargeError too-large",
    "TooLargeError too-large",
    "FinishedError finished",
    "EventError event",
    "SettingsError settings",
];

/// The errors that `consumer.ts` makes of all classes, and whether each is what it should be.
const MADE: [(&str, &str); 8] = [
    ("PecError", "newer"),
    ("SettingsError", "settings"),
    ("WrongAnswersError", "wrong-answers"),
    ("FinishedError", "finished"),
    ("EntropyError", "entropy"),
    ("EventError", "event"),
    ("TooLargeError", "too-large"),
    ("BrokenError", "broken"),
];

/// Compiles `consumer.ts` (and `handed.ts`, for `ceralacca/init`) strictly against the package, and has
/// it submit what the story did, with WebCrypto for a signer and `fetch` for the directory: the outcome
/// is the story's, octet for octet.
#[test]
fn it_serves_a_typescript_user() {
    if !installed("npm", "make npm") {
        return;
    }
    let user = User::new();
    for name in ["consumer.ts", "handed.ts"] {
        fs::copy(script(name), user.file(name)).expect("a file");
    }
    fs::write(user.file("tsconfig.json"), TSCONFIG).expect("a file");
    let compiler = target().join("tools/hosts/node_modules/typescript/bin/tsc");
    run(Command::new("node").arg(compiler).current_dir(&user.place));

    let (first, last) = user.told(SUBMISSION);
    let providers = user.providers(first, last);
    let directory = frame::write(&Value::Map(providers.clone()));
    fs::write(user.file("directory"), directory).expect("a file");
    run(Command::new("node")
        .arg(script("consumer_run.mjs"))
        .arg(user.file("consumer.js"))
        .args([user.key(), user.file("directory"), user.file("calls")])
        .args([first.to_string(), last.to_string()]));

    let domains = providers.keys().cloned().collect();
    let made = MADE.map(|(name, code)| {
        let why = match code {
            "broken" => {
                "the transaction ended in a trap, or another one did while it stood: begin anew"
            }
            _ => "why",
        };
        Value::Seq(
            [name, code, why]
                .map(text)
                .into_iter()
                .chain([Value::Bool(true)])
                .collect(),
        )
    });
    let expected = map([
        ("outcome", user.outcome(last).clone()),
        ("made", user.made(first, last)),
        ("fetched", Value::Seq(domains)),
        ("caught", Value::Seq(CAUGHT.map(text).to_vec())),
        ("errors", Value::Seq(made.to_vec())),
    ]);
    user.assert_said("consumer.answer", &expected);
}

/// What a host hands over by mistake, or does while it is read, costs no other transaction.
#[test]
fn strange_values_cost_nobody_else() {
    if !installed("npm", "make npm") {
        return;
    }
    let user = User::new();
    let (first, last) = user.told(SUBMISSION);
    user.runs("strange_values.mjs", first, last);
    let said = read(fs::read(user.file("calls/strange.answer")).expect("an answer"));
    let outcomes = list(field(&said, "outcomes"));
    assert_eq!(outcomes.len(), STRANGE);
    for outcome in outcomes {
        assert_same(user.outcome(last), outcome);
    }
}

/// What is not led to its end costs no memory, and who hears that nobody answers may fail.
#[test]
fn what_is_given_up_costs_nothing() {
    if !installed("npm", "make npm") {
        return;
    }
    let user = User::new();
    let (first, last) = user.told(SUBMISSION);
    user.runs("given_up.mjs", first, last);
}

/// What the package's README shows runs as it stands, and seals what the core seals.
#[test]
fn its_readme_can_be_pasted() {
    if !installed("npm", "make npm") {
        return;
    }
    let user = User::new();
    let (directory, _) = user.told("the directory");
    let (examination, examined) = user.told("an envelope, examined");
    let (submission, _) = user.told(SUBMISSION);
    run(Command::new("node")
        .arg(script("readme_run.mjs"))
        .arg(user.file("node_modules/ceralacca/README.md"))
        .args([user.file("pec.alfa.example"), user.file("calls")])
        .args([directory, examination, submission].map(|number| number.to_string())));

    let said = read(fs::read(user.file("calls/readme.answer")).expect("an answer"));
    let finding = field(user.outcome(examined), "finding");
    assert_eq!(field(finding, "holds"), &Value::Bool(true));
    let expected = part(finding, ["kind", "holds", "issuer", "data"]);
    assert_same(&expected, field(&said, "finding"));

    let (context, event) = (field(&said, "context"), field(&said, "event"));
    let outcome = user.submits(context.clone(), event.clone());
    assert_eq!(list(field(&outcome, "messages")).len(), 2);
    assert_same(&outcome, field(&said, "outcome"));
    let made = made(&outcome, field(event, "message"));
    assert_same(&made, field(&said, "made"));
}

/// A bundler takes the package into a page, and the page finds in a browser what the core has found.
#[test]
fn a_bundler_takes_it_into_a_page() {
    if !installed("npm", "make npm") || !chromium() {
        return;
    }
    let user = User::new();
    fs::copy(script("bundled.js"), user.file("bundled.js")).expect("a file");
    let frames = script("../../../examples/node-extism/frame.mjs");
    fs::copy(frames, user.file("frame.mjs")).expect("a file");
    let (first, last) = user.told("an envelope, examined");
    let answers = user.exchanges[first + 1..=last].iter();
    let answers = answers.flat_map(|e| list(field(&e.asked, "answers")).to_vec());
    let answers = map([("answers", Value::Seq(answers.collect()))]);
    fs::create_dir(user.file("out")).expect("a folder");
    for (name, value) in [
        ("asked", &user.exchanges[first].asked),
        ("answers", &answers),
    ] {
        fs::write(user.file("out").join(name), frame::write(value)).expect("a file");
    }
    run(Command::new("node")
        .arg(script("bundle_run.mjs"))
        .arg(target().join("tools/hosts"))
        .arg(user.place.path()));
    let found = fs::read(user.file("found")).expect("what the page has found");
    let expected = map([
        ("outcome", user.outcome(last).clone()),
        // Minified as it is.
        (
            "caught",
            Value::Seq(CAUGHT[..1].iter().copied().map(text).collect()),
        ),
    ]);
    assert_same(&expected, &read(found));
}

/// Transactions beside which `strange_values.mjs` makes a mistake, and those that only look like one.
const STRANGE: usize = 38;

/// Somebody who has the package in a folder, and the story to compare with.
struct User {
    place: TempDir,
    exchanges: Vec<Exchange>,
    alfa: Station,
}

impl User {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let (exchanges, alfa) = story::tell(place.path());
        let user = Self {
            place,
            exchanges,
            alfa,
        };
        fs::write(user.file("package.json"), r#"{"type": "module"}"#).expect("a file");
        user.install();
        fs::create_dir(user.file("calls")).expect("a folder");
        write(&user.exchanges, &user.file("calls"));
        user
    }

    /// As from a registry: what the package lacks is not here either.
    fn install(&self) {
        let npm = |command: &str| {
            let mut npm = Command::new("npm");
            npm.args([
                command,
                "--offline",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
            ])
            .arg(format!("--cache={}", self.file("npm-cache").display()))
            .current_dir(&self.place);
            npm
        };
        let package = modules().join("npm").canonicalize().expect("a path");
        run(npm("pack").arg(package));
        let packed = format!("./ceralacca-{}.tgz", env!("CARGO_PKG_VERSION"));
        run(npm("install").arg(packed));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Runs a program that imports the package itself and knows these calls.
    fn runs(&self, program: &str, first: usize, last: usize) {
        run(Command::new("node")
            .arg(script(program))
            .arg(self.file("node_modules/ceralacca/node.js"))
            .arg(self.file("calls"))
            .args([first.to_string(), last.to_string()]));
    }

    fn key(&self) -> PathBuf {
        self.file("pec.alfa.example/key.pem")
    }

    /// The first and the last call of a conversation of this name.
    fn told(&self, name: &str) -> (usize, usize) {
        let exchanges = &self.exchanges;
        let of_it = |e: &Exchange| e.name == name;
        let first = exchanges.iter().position(of_it).expect("it is told");
        let rest = exchanges[first + 1..].iter();
        let more = rest.take_while(|e| of_it(e) && e.function == "advance");
        (first, first + more.count())
    }

    /// What a conversation came to in this call.
    fn outcome(&self, last: usize) -> &Value {
        let answered = self.exchanges[last].answered.as_ref();
        field(field(answered.expect("an outcome"), "step"), "val")
    }

    /// The providers of each domain that is asked about in these calls.
    fn providers(&self, first: usize, last: usize) -> BTreeMap<Value, Value> {
        let exchanges = &self.exchanges[first..=last];
        let asked = exchanges
            .iter()
            .zip(&exchanges[1..])
            .flat_map(|(ask, answer)| {
                let step = field(ask.answered.as_ref().expect("a step"), "step");
                list(field(step, "val"))
                    .iter()
                    .zip(list(field(&answer.asked, "answers")))
            });
        asked
            .filter(|(question, _)| field(question, "tag") == &text("provider-of-domain"))
            .map(|(question, answer)| {
                (field(question, "val").clone(), field(answer, "val").clone())
            })
            .collect()
    }

    /// The messages that it made, whole.
    fn made(&self, first: usize, last: usize) -> Value {
        let original = field(field(&self.exchanges[first].asked, "event"), "message");
        made(self.outcome(last), original)
    }

    /// What the core makes of a submission to Alfa.
    fn submits(&self, context: Value, event: Value) -> Value {
        let context = values::context(context).expect("a context");
        let begun = values::begin(Event::Submit, context, event);
        let mut transaction = begun.expect("a submission");
        let mut answers = Vec::new();
        loop {
            match transaction.advance(answers).expect("no fault") {
                Step::Done(outcome) => return values::write(&outcome),
                Step::Ask(questions) => {
                    let questions = questions.into_iter();
                    answers = questions.map(|q| self.alfa.answer(q, &[])).collect();
                }
            }
        }
    }

    /// A program of this user has left what it should in this file.
    fn assert_said(&self, name: &str, expected: &Value) {
        let said = fs::read(self.file("calls").join(name)).expect("an answer");
        assert_same(expected, &read(said));
    }
}

fn assert_same(expected: &Value, said: &Value) {
    if let Some(difference) = difference(&crossed(expected), said, "") {
        panic!("it says otherwise: {difference}");
    }
}

/// The messages of an outcome, whole.
fn made(outcome: &Value, original: &Value) -> Value {
    let made = list(field(outcome, "messages")).iter();
    Value::Seq(made.map(|message| spliced(message, original)).collect())
}

/// The octets of a message of the outcome.
fn spliced(message: &Value, original: &Value) -> Value {
    let segments = list(field(message, "segments")).iter();
    let pieces = segments.map(|segment| match (field(segment, "val"), original) {
        (Value::Bytes(octets), _) => octets.as_slice(),
        (span, Value::Bytes(original)) => {
            let start = number(field(span, "start"));
            &original[start..start + number(field(span, "length"))]
        }
        (_, other) => panic!("no message: {other:?}"),
    });
    Value::Bytes(pieces.collect::<Vec<_>>().concat())
}

/// The types say what is what: none is `any`.
#[test]
fn no_type_is_any() {
    for name in [
        "index.d.ts",
        "types.d.ts",
        "init.d.ts",
        "ceralacca.wasm.d.ts",
    ] {
        let file = modules().join("npm").join(name);
        if !file.exists() && !installed("npm", "make npm") {
            return;
        }
        let types = fs::read_to_string(file).expect("types");
        let code = types.lines().filter(|line| {
            let line = line.trim_start();
            !line.starts_with("*") && !line.starts_with("/")
        });
        for line in code {
            let words = line.split(|c: char| !c.is_alphanumeric());
            assert!(
                !words.into_iter().any(|word| word == "any"),
                "{name}: {line}"
            );
        }
    }
}

/// What a program says that succeeds.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    assert!(output.status.success(), "{command:?}: {said:?}");
    said[0].to_string()
}
