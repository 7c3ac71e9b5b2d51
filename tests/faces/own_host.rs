//! Our own host: the same calls as the foreign ones get, through the types that its users have.

use std::collections::HashMap;

use ceralacca::extism::frame;
use ceralacca::values::Value;
use ceralacca_host::{Dialogue, Engine as _, Event, Limits, Plugin, PluginError, pec};

use super::hosts::modules;
use super::value::{crossed, field, map, number, text};
use super::wit;

/// Its answers to these calls.
pub fn answer<'a>(calls: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<Value> {
    // Many conversations of the stories are left standing.
    let mut limits = Limits::default();
    limits.conversations = 256;
    let path = modules().join("ceralacca.component.wasm");
    let mut host = OwnHost {
        plugin: Plugin::load(&path, None, limits).expect("the plug-in"),
        standing: HashMap::new(),
        begun: 0,
    };
    let answer = |(function, frame): (&str, &[u8])| {
        let asked = frame::read(frame.to_vec()).expect("a frame");
        crossed(&host.answer(function, &asked))
    };
    calls.map(answer).collect()
}

struct OwnHost {
    plugin: Plugin,
    standing: HashMap<usize, Box<dyn Dialogue>>,
    /// How many conversations have begun.
    begun: usize,
}

impl OwnHost {
    fn answer(&mut self, function: &str, asked: &Value) -> Value {
        let said = match function {
            "check_settings" => {
                let settings: pec::Settings = wit::read(field(asked, "settings"));
                let checked = self.plugin.check_settings(&settings);
                checked.map(|()| Value::Option(None))
            }
            "audit" => {
                let dossier: pec::Dossier = wit::read(field(asked, "dossier"));
                let now = number(field(asked, "now")) as u64;
                let found = self.plugin.audit(now, &dossier);
                found.map(|found| wit::write(&found))
            }
            "advance" => {
                let transaction = number(field(asked, "transaction"));
                self.advance(transaction, wit::read(field(asked, "answers")))
            }
            begin => self.begin(begin, asked),
        };
        match said {
            Ok(val) => map([("tag", text("ok")), ("val", val)]),
            Err(PluginError::Fault(fault)) => {
                map([("tag", text("err")), ("val", wit::write(&fault))])
            }
            Err(other) => panic!("{function}: {other}"),
        }
    }

    /// One that is refused has no number.
    fn begin(&mut self, function: &str, asked: &Value) -> Result<Value, PluginError> {
        let context: pec::Context = wit::read(field(asked, "context"));
        let dialogue = self
            .plugin
            .begin(&context, event(function, field(asked, "event")))?;
        let transaction = self.begun + 1;
        self.standing.insert(transaction, dialogue);
        let given = |name| match asked {
            Value::Map(fields) => fields.get(&text(name)),
            _ => None,
        };
        let first = given("first").map_or_else(Vec::new, wit::read);
        let said = match self.advance(transaction, first) {
            Err(_) if given("again").is_some() => self.advance(transaction, Vec::new())?,
            said => said?,
        };
        self.begun = transaction;
        Ok(said)
    }

    fn advance(
        &mut self,
        transaction: usize,
        answers: Vec<pec::Answer>,
    ) -> Result<Value, PluginError> {
        let dialogue = self.standing.get_mut(&transaction).expect("it has begun");
        let step = dialogue.advance(answers)?;
        Ok(map([
            ("step", wit::write(&step)),
            ("transaction", Value::U64(transaction as u64)),
        ]))
    }
}

/// The event of a function.
pub fn event(function: &str, event: &Value) -> Event {
    match function {
        "submit" => Event::Submit(wit::read(event)),
        "arrive" => Event::Arrive(wit::read(event)),
        "finish_deposit" => Event::FinishDeposit(wit::read(event)),
        "fail_relay" => Event::FailRelay(wit::read(event)),
        "pass_time" => Event::PassTime(wit::read(event)),
        "load_directory" => Event::LoadDirectory(wit::read(event)),
        "compose_record" => Event::ComposeRecord(wit::read(event)),
        "examine" => Event::Examine(wit::read(event)),
        other => panic!("no event is called {other}"),
    }
}
