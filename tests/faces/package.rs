//! The npm package as somebody uses it who writes TypeScript.

use std::fs;
use std::process::Command;

use ceralacca::values::Value;

use super::hosts::{installed, script, target};
use super::record::Exchange;
use super::value::{crossed, difference, map, read, text};
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
  "files": ["consumer.ts"]
}"#;

/// The mistakes that `consumer.ts` makes, in its order.
const CAUGHT: [&str; 12] = [
    "SettingsError settings",
    "EntropyError entropy",
    "EventError event",
    "EventError event",
    "EventError event",
    "WrongAnswersError wrong-answers",
    "WrongAnswersError wrong-answers",
    "WrongAnswersError wrong-answers",
    "TooLargeError too-large",
    "TooLargeError too-large",
    "EventError event",
    "SettingsError settings",
];

/// Compiles `consumer.ts` strictly against the package, and has it submit what the story did, with
/// WebCrypto for a signer: the outcome is the story's, octet for octet.
#[test]
fn it_serves_a_typescript_user() {
    if !installed("npm", "make npm") {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let exchanges = story::tell(place.path());
    let key = place.path().join("pec.alfa.example/key.pem");
    let modules = place.path().join("node_modules");
    fs::create_dir(&modules).expect("a folder");
    let package = target().join("npm").canonicalize().expect("a path");
    std::os::unix::fs::symlink(package, modules.join("ceralacca")).expect("a link");
    fs::write(place.path().join("package.json"), r#"{"type": "module"}"#).expect("a file");
    fs::copy(script("consumer.ts"), place.path().join("consumer.ts")).expect("a file");
    fs::write(place.path().join("tsconfig.json"), TSCONFIG).expect("a file");
    let compiler = target().join("tools/hosts/node_modules/typescript/bin/tsc");
    run(Command::new("node").arg(compiler).current_dir(&place));

    let calls = place.path().join("calls");
    fs::create_dir(&calls).expect("a folder");
    write(&exchanges, &calls);
    let of_it = |e: &Exchange| e.name == SUBMISSION;
    let first = exchanges.iter().position(of_it).expect("it is told");
    let last = exchanges.iter().rposition(of_it).expect("it is told");
    run(Command::new("node")
        .arg(script("consumer_run.mjs"))
        .arg(place.path().join("consumer.js"))
        .arg(key)
        .arg(&calls)
        .args([first.to_string(), last.to_string()]));

    let said = read(fs::read(calls.join("consumer.answer")).expect("an answer"));
    let answered = exchanges[last].answered.as_ref().expect("an outcome");
    let outcome = field(field(answered, "step"), "val");
    let original = field(field(&exchanges[first].asked, "event"), "message");
    let made = list(field(outcome, "messages")).iter();
    let made = made.map(|message| spliced(message, original));
    let expected = map([
        ("outcome", outcome.clone()),
        ("made", Value::Seq(made.collect())),
        ("caught", Value::Seq(CAUGHT.map(text).to_vec())),
    ]);
    if let Some(difference) = difference(&crossed(&expected), &said, "") {
        panic!("the consumer says otherwise: {difference}");
    }
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

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    match value {
        Value::Map(fields) => &fields[&text(name)],
        other => panic!("no record: {other:?}"),
    }
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::Seq(list) => list,
        other => panic!("no list: {other:?}"),
    }
}

fn number(value: &Value) -> usize {
    match value {
        Value::U64(number) => usize::try_from(*number).expect("a size"),
        other => panic!("no number: {other:?}"),
    }
}

/// The types say what is what: none is `any`.
#[test]
fn no_type_is_any() {
    for name in ["index.d.ts", "types.d.ts"] {
        let file = target().join("npm").join(name);
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

fn run(command: &mut Command) {
    let output = command.output().expect("node runs");
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    assert!(output.status.success(), "{command:?}: {said:?}");
}
