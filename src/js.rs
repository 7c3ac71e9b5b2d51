//! The face for JavaScript: `wasm-bindgen` carries values across, as objects and `Uint8Array`s.
//!
//! What people import is the npm package around it (`host-adapters/npm`), with types, error classes
//! and a driver. Refusals are thrown as objects of `code` and `text`.

use std::collections::BTreeMap;

use js_sys::{Array, JsString, Object, Reflect, Symbol, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::fault::Fault;
use crate::limits::Limits;
use crate::values::{self, Event, Refusal, Value};

/// A conversation that has begun.
#[allow(unsafe_code, reason = "generated bindings")]
#[wasm_bindgen]
pub struct Transaction(crate::Transaction);

#[allow(unsafe_code, reason = "generated bindings")]
#[wasm_bindgen]
impl Transaction {
    /// Gives answers, gets the next step.
    ///
    /// # Errors
    /// Throws a refusal; after `wrong-answers` and `too-large` the questions still stand.
    pub fn advance(&mut self, answers: &JsValue) -> Result<JsValue, JsValue> {
        let answers = read(answers).map_err(|unread| match unread {
            Unread::NoData(what) => thrown(Fault::WrongAnswers(what)),
            other => thrown(other),
        })?;
        let step = values::advance(&mut self.0, answers).map_err(thrown)?;
        show(&values::into_step(step))
    }
}

macro_rules! begin {
    ($($name:ident $event:ident;)+) => {$(
        /// Begins a conversation with an event of this kind.
        ///
        /// # Errors
        /// Throws a refusal.
        #[allow(unsafe_code, reason = "generated bindings")]
        #[wasm_bindgen(js_name = $name)]
        #[allow(non_snake_case, reason = "JavaScript's names")]
        pub fn $name(context: &JsValue, event: &JsValue) -> Result<Transaction, JsValue> {
            begin(Event::$event, context, event)
        }
    )+};
}

begin! {
    submit Submit;
    arrive Arrive;
    finishDeposit FinishDeposit;
    failRelay FailRelay;
    passTime PassTime;
    loadDirectory LoadDirectory;
    composeRecord ComposeRecord;
    examine Examine;
}

/// Tests settings.
///
/// # Errors
/// Throws a refusal.
#[allow(unsafe_code, reason = "generated bindings")]
#[wasm_bindgen(js_name = checkSettings)]
pub fn check_settings(settings: &JsValue) -> Result<(), JsValue> {
    let settings = read(settings).map_err(thrown)?;
    values::check_settings(settings).map_err(thrown)
}

/// The rules of the log that a dossier breaks.
///
/// # Errors
/// Throws a refusal.
#[allow(unsafe_code, reason = "generated bindings")]
#[wasm_bindgen]
pub fn audit(now: &JsValue, dossier: &JsValue) -> Result<JsValue, JsValue> {
    let now = read(now).map_err(thrown)?;
    let dossier = read(dossier).map_err(thrown)?;
    show(&values::audit(now, dossier).map_err(thrown)?)
}

/// Settings of somebody who is no provider, but for the trust anchors.
///
/// # Errors
/// None that could be met.
#[allow(unsafe_code, reason = "generated bindings")]
#[wasm_bindgen]
pub fn onlooker() -> Result<JsValue, JsValue> {
    written(&crate::settings::Settings::onlooker(Vec::new()))
}

fn begin(kind: Event, context: &JsValue, event: &JsValue) -> Result<Transaction, JsValue> {
    let context = read(context).map_err(thrown)?;
    let context = values::context(context).map_err(thrown)?;
    let event = Reader::new(context.most()).value(event).map_err(thrown)?;
    let transaction = values::begin(kind, context, event).map_err(thrown)?;
    Ok(Transaction(transaction))
}

fn read(js: &JsValue) -> Result<Value, Unread> {
    Reader::new(Limits::DEFAULT.call).value(js)
}

/// Why an argument cannot be read.
enum Unread {
    /// It is no plain data; what it holds instead.
    NoData(String),
    /// It is larger than is taken.
    TooLarge(Refusal),
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::NoData(what) => Fault::Event(what).into(),
            Unread::TooLarge(refusal) => refusal,
        }
    }
}

/// What one argument may still bring.
///
/// Reading may run code of the host's: getters, proxies. What that throws may not pass through the
/// module, whose memory it would leave half written: all that can throw is imported with `catch`.
struct Reader {
    /// Octets of octet strings, which may be as many as this.
    octets: usize,
    most: usize,
    /// Octets of text, of which there are never many.
    text: usize,
    items: usize,
    depth: usize,
}

impl Reader {
    fn new(most: usize) -> Self {
        Self {
            octets: 0,
            most,
            text: Limits::DEFAULT.call,
            items: Limits::DEFAULT.items,
            depth: MAX_DEPTH,
        }
    }

    fn value(&mut self, js: &JsValue) -> Result<Value, Unread> {
        if js.is_undefined() || js.is_null() {
            Ok(Value::Option(None))
        } else if let Some(bool) = js.as_bool() {
            Ok(Value::Bool(bool))
        } else if let Some(number) = js.as_f64() {
            Ok(values::number(number))
        } else if let Some(text) = js.dyn_ref::<JsString>() {
            self.text(text)
        } else if js.is_bigint() {
            u64::try_from(js.clone())
                .map(Value::U64)
                .map_err(|_| no_data("a bigint that is negative or above 64 bits"))
        } else if js.is_object() {
            // Objects that contain themselves end here.
            self.depth = self
                .depth
                .checked_sub(1)
                .ok_or_else(|| no_data("objects inside objects, deeper than any event has them"))?;
            let value = self.object(js);
            self.depth += 1;
            value
        } else {
            Err(no_data("a value that is no data"))
        }
    }

    fn text(&mut self, text: &JsString) -> Result<Value, Unread> {
        // At least; before it is copied.
        let units = text.length() as usize;
        if units > self.text {
            return Err(self.too_much_text(units));
        }
        room(units * MOST_OCTETS_OF_UNIT)?;
        let text = String::from(text);
        self.text = self
            .text
            .checked_sub(text.len())
            .ok_or_else(|| self.too_much_text(text.len()))?;
        Ok(Value::String(text))
    }

    fn too_much_text(&self, octets: usize) -> Unread {
        Unread::TooLarge(Refusal::too_large(octets, self.text))
    }

    fn object(&mut self, js: &JsValue) -> Result<Value, Unread> {
        // The brand of its view: `instanceof` knows only this realm's, and believes proxies.
        let brand = of_view(&Symbol::to_string_tag(), js)?;
        match brand.as_string().as_deref() {
            Some("Uint8Array") => self.octets(js),
            Some(other) => Err(no_data(&format!("a {other}: octets are a Uint8Array"))),
            None if is_array(js).map_err(threw)? => self.list(js),
            None => self.fields(js),
        }
    }

    fn octets(&mut self, view: &JsValue) -> Result<Value, Unread> {
        // Not that which it may have as a property of its own.
        let size = of_view(&"length".into(), view)?;
        let size = size.as_f64().unwrap_or_default() as usize;
        // Before they are copied.
        self.octets = self.octets.saturating_add(size);
        if self.octets > self.most {
            let refusal = Refusal::too_large(self.octets, self.most);
            return Err(Unread::TooLarge(refusal));
        }
        let mut copy = room(size)?;
        copy.resize(size, 0);
        // A view whose memory was transferred has no octets, and cannot be read either.
        copy_octets(&mut copy, view).map_err(threw)?;
        Ok(Value::Bytes(copy))
    }

    fn list(&mut self, list: &JsValue) -> Result<Value, Unread> {
        // A proxy may say anything.
        let length = Reflect::get(list, &"length".into()).map_err(threw)?;
        let length = length.as_f64().unwrap_or(f64::INFINITY);
        self.count(length)?;
        let mut values = Vec::new();
        for index in 0..length as u32 {
            let item = Reflect::get_u32(list.unchecked_ref(), index).map_err(threw)?;
            values.push(self.value(&item)?);
        }
        Ok(Value::Seq(values))
    }

    fn fields(&mut self, object: &JsValue) -> Result<Value, Unread> {
        let names = keys(object).map_err(threw)?;
        self.count(f64::from(names.length()))?;
        let mut fields = BTreeMap::new();
        for name in names.iter() {
            let value = Reflect::get(object, &name).map_err(threw)?;
            let value = self.value(&value)?;
            // A field that is undefined is not there.
            if value != Value::Option(None) {
                fields.insert(self.text(name.unchecked_ref())?, value);
            }
        }
        Ok(Value::Map(fields))
    }

    /// So many items or fields are about to be read.
    fn count(&mut self, items: f64) -> Result<(), Unread> {
        if !(0.0..=self.items as f64).contains(&items) {
            return Err(no_data("more lists and fields than any event has"));
        }
        self.items -= items as usize;
        Ok(())
    }
}

/// Room for so many octets. Where there is none, the glue would trap.
fn room(octets: usize) -> Result<Vec<u8>, Unread> {
    let mut room = Vec::new();
    room.try_reserve_exact(octets)
        .map_err(|_| Unread::TooLarge(Refusal::no_room(octets)))?;
    Ok(room)
}

/// What typed arrays have of themselves, whatever lies over it: undefined, or an error, if it is none.
fn of_view(name: &JsValue, view: &JsValue) -> Result<JsValue, Unread> {
    OCTETS
        .with(|prototype| get_of(prototype, name, view))
        .map_err(threw)
}

fn written(what: &impl serde::Serialize) -> Result<JsValue, JsValue> {
    show(&values::write(what))
}

fn show(value: &Value) -> Result<JsValue, JsValue> {
    Ok(match value {
        Value::Option(None) | Value::Unit => JsValue::UNDEFINED,
        Value::Option(Some(value)) | Value::Newtype(value) => show(value)?,
        Value::Bool(bool) => JsValue::from_bool(*bool),
        Value::U8(n) => JsValue::from(*n),
        Value::U16(n) => JsValue::from(*n),
        Value::U32(n) => JsValue::from(*n),
        // Seconds and sizes: none is near 2^53.
        Value::U64(n) => JsValue::from_f64(*n as f64),
        Value::I8(n) => JsValue::from(*n),
        Value::I16(n) => JsValue::from(*n),
        Value::I32(n) => JsValue::from(*n),
        Value::I64(n) => JsValue::from_f64(*n as f64),
        Value::F32(n) => JsValue::from(*n),
        Value::F64(n) => JsValue::from_f64(*n),
        Value::Char(c) => JsValue::from_str(&c.to_string()),
        Value::String(text) => JsValue::from_str(text),
        Value::Bytes(octets) => Uint8Array::from(octets.as_slice()).into(),
        Value::Seq(list) => {
            let array = Array::new();
            for value in list {
                array.push(&show(value)?);
            }
            array.into()
        }
        Value::Map(fields) => {
            let object = Object::new();
            for (name, value) in fields {
                let value = show(value)?;
                if let (Value::String(name), false) = (name, value.is_undefined()) {
                    Reflect::set(&object, &JsString::from(name.as_str()), &value)?;
                }
            }
            object.into()
        }
    })
}

fn thrown(refusal: impl Into<Refusal>) -> JsValue {
    written(&refusal.into()).unwrap_or_else(|error| error)
}

fn no_data(what: &str) -> Unread {
    Unread::NoData(format!("an argument holds {what}"))
}

fn threw(error: JsValue) -> Unread {
    let message = Reflect::get(&error, &"message".into()).ok();
    let words = [message.as_ref(), Some(&error)]
        .into_iter()
        .flatten()
        .filter_map(|words| words.dyn_ref::<JsString>())
        .find(|words| words.length() < LONGEST_WORDS)
        .map_or_else(String::new, String::from);
    no_data(&format!("an object that cannot be read: {words}"))
}

// js-sys has these as if nothing could be thrown there.
#[allow(unsafe_code, reason = "generated bindings")]
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = Array, js_name = isArray)]
    fn is_array(value: &JsValue) -> Result<bool, JsValue>;

    #[wasm_bindgen(catch, js_namespace = Object)]
    fn keys(object: &JsValue) -> Result<Array, JsValue>;

    #[wasm_bindgen(catch, js_namespace = ["Uint8Array", "prototype", "set"], js_name = call)]
    fn copy_octets(to: &mut [u8], from: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_namespace = Reflect, js_name = get)]
    fn get_of(holder: &JsValue, name: &JsValue, of: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(thread_local_v2, js_namespace = Uint8Array, js_name = prototype)]
    static OCTETS: JsValue;
}

/// The deepest event, a tick, has eight levels.
const MAX_DEPTH: usize = 32;
/// The glue makes room for one octet of each UTF-16 unit, and where they are not all ASCII for three.
const MOST_OCTETS_OF_UNIT: usize = 4;
/// What an error of the host's may say at most, in UTF-16 units, to be said again.
const LONGEST_WORDS: u32 = 1_000;
