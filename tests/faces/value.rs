//! Values as the faces give them.

use std::collections::BTreeMap;

use ceralacca::Fault;
use ceralacca::extism::frame;
use ceralacca::values::Value;

/// What the faces in plain values say.
pub fn plain(said: &Result<Value, Fault>) -> Value {
    tagged(said, |fault| {
        let (code, what) = (text(fault.code()), text(&fault.to_string()));
        map([("code", code), ("text", what)])
    })
}

/// What the component says: faults are a variant of `wit/types.wit`.
pub fn wit(said: &Result<Value, Fault>) -> Value {
    tagged(said, |fault| match fault {
        Fault::Finished | Fault::Entropy => map([("tag", text(fault.code()))]),
        Fault::Settings(what) | Fault::WrongAnswers(what) | Fault::Event(what) => {
            map([("tag", text(fault.code())), ("val", text(what))])
        }
        Fault::TooLarge(excess) => map([
            ("tag", text(fault.code())),
            ("val", text(&excess.to_string())),
        ]),
    })
}

fn tagged(said: &Result<Value, Fault>, fault: impl Fn(&Fault) -> Value) -> Value {
    match said {
        Ok(val) => map([("tag", text("ok")), ("val", val.clone())]),
        Err(said) => map([("tag", text("err")), ("val", fault(said))]),
    }
}

pub fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Map(BTreeMap::from(
        fields.map(|(name, value)| (text(name), value)),
    ))
}

pub fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// Some fields of a record.
pub fn part<const N: usize>(of: &Value, fields: [&str; N]) -> Value {
    map(fields.map(|name| (name, field(of, name).clone())))
}

/// A field of a record.
pub fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    match value {
        Value::Map(fields) => &fields[&text(name)],
        Value::Option(Some(record)) => field(record, name),
        other => panic!("no record: {other:?}"),
    }
}

/// The items of a list.
pub fn list(value: &Value) -> &[Value] {
    match value {
        Value::Seq(list) => list,
        other => panic!("no list: {other:?}"),
    }
}

/// A size.
pub fn number(value: &Value) -> usize {
    match value {
        Value::U64(number) => usize::try_from(*number).expect("a size"),
        other => panic!("no number: {other:?}"),
    }
}

/// As it looks after it has crossed a border: widths of numbers and absent options are gone.
pub fn crossed(value: &Value) -> Value {
    read(frame::write(value))
}

pub fn read(octets: Vec<u8>) -> Value {
    frame::read(octets).unwrap_or_else(|refusal| panic!("{}", refusal.text))
}

/// Where two values part, for people.
pub fn difference(left: &Value, right: &Value, place: &str) -> Option<String> {
    match (left, right) {
        _ if left == right => None,
        (Value::Map(a), Value::Map(b)) => {
            let names = a.keys().chain(b.keys());
            names
                .filter_map(|name| match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => difference(a, b, &format!("{place}.{}", said(name))),
                    (a, _) => {
                        let side = if a.is_some() { "left" } else { "right" };
                        Some(format!("{place}.{} only {side}", said(name)))
                    }
                })
                .next()
        }
        (Value::Seq(a), Value::Seq(b)) if a.len() == b.len() => (0..a.len())
            .filter_map(|i| difference(&a[i], &b[i], &format!("{place}[{i}]")))
            .next(),
        _ => Some(format!("{place}: {} against {}", said(left), said(right))),
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bytes(octets) => format!("{:?}", String::from_utf8_lossy(octets)),
        other => format!("{other:?}"),
    }
    .chars()
    .take(300)
    .collect()
}
