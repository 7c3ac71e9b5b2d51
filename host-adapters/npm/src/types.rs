//! TypeScript's types, and their comments, out of WIT.
//!
//! Records are interfaces, variants are unions told apart by `tag`, enums are unions of literals;
//! options may be left out. Nothing is `any`.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use wit_parser::{Docs, Field, Function, Resolve, Type, TypeDefKind, TypeId};

/// The types of the interface `types` of the package in this folder.
///
/// # Errors
/// It is no WIT, or uses what no type of the plug-in has had until now.
pub fn of(folder: &Path) -> Result<String, String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(folder)
        .map_err(|error| format!("{error:#}"))?;
    let interface = |name: &str| {
        let found = resolve.packages[package].interfaces.get(name);
        let found = found.ok_or(format!("there is no interface `{name}`"))?;
        Ok::<_, String>(&resolve.interfaces[*found])
    };
    let functions = interface("transactions")?.functions.values();
    let mut text = HEAD.to_owned();
    let mut writer = Writer {
        resolve: &resolve,
        given: given(&resolve, functions),
        octets: "",
    };
    for (name, id) in &interface("types")?.types {
        // Errors are classes: see index.d.ts.
        if name != "fault" {
            writer.define(&mut text, name, *id)?;
        }
    }
    Ok(text)
}

/// The types that a host gives to these functions, and all inside them.
fn given<'a>(resolve: &Resolve, functions: impl Iterator<Item = &'a Function>) -> HashSet<TypeId> {
    let mut given = HashSet::new();
    let mut open: Vec<Type> = functions
        .flat_map(|function| &function.params)
        .map(|param| param.ty)
        .collect();
    while let Some(ty) = open.pop() {
        let Type::Id(id) = ty else { continue };
        if !given.insert(id) {
            continue;
        }
        match &resolve.types[id].kind {
            TypeDefKind::Record(record) => open.extend(record.fields.iter().map(|f| f.ty)),
            TypeDefKind::Variant(variant) => open.extend(variant.cases.iter().filter_map(|c| c.ty)),
            TypeDefKind::Type(ty) | TypeDefKind::Option(ty) | TypeDefKind::List(ty) => {
                open.push(*ty)
            }
            _ => {}
        }
    }
    given
}

struct Writer<'a> {
    resolve: &'a Resolve,
    given: HashSet<TypeId>,
    /// What octets are, in the type that is being written.
    octets: &'static str,
}

impl Writer<'_> {
    fn define(&mut self, text: &mut String, name: &str, id: TypeId) -> Result<(), String> {
        let def = &self.resolve.types[id];
        // What only comes out is exact, and WebCrypto wants it so; hosts may give octets of any memory.
        self.octets = match self.given.contains(&id) {
            true => "Uint8Array",
            false => "Uint8Array<ArrayBuffer>",
        };
        text.push('\n');
        comment(text, "", &def.docs);
        let name = pascal(name);
        match &def.kind {
            TypeDefKind::Record(record) => {
                line(text, &format!("export interface {name} {{"));
                for field in &record.fields {
                    comment(text, "  ", &field.docs);
                    line(text, &format!("  {};", self.field(field)?));
                }
                line(text, "}");
            }
            TypeDefKind::Variant(variant) => {
                line(text, &format!("export type {name} ="));
                for case in &variant.cases {
                    comment(text, "  ", &case.docs);
                    let val = match &case.ty {
                        Some(ty) => format!("; {}", self.named("val", ty)?),
                        None => String::new(),
                    };
                    line(text, &format!("  | {{ tag: \"{}\"{val} }}", case.name));
                }
                close(text);
            }
            TypeDefKind::Enum(cases) => {
                line(text, &format!("export type {name} ="));
                for case in &cases.cases {
                    comment(text, "  ", &case.docs);
                    line(text, &format!("  | \"{}\"", case.name));
                }
                close(text);
            }
            TypeDefKind::Type(ty) => {
                line(
                    text,
                    &format!("export type {name} = {};", self.reference(ty)?),
                );
            }
            other => return Err(format!("{name} is {}, which is new here", other.as_str())),
        }
        Ok(())
    }

    fn field(&self, field: &Field) -> Result<String, String> {
        self.named(&camel(&field.name), &field.ty)
    }

    /// `name: type`, or `name?: type` for an option.
    fn named(&self, name: &str, ty: &Type) -> Result<String, String> {
        if let Type::Id(id) = ty
            && let TypeDefKind::Option(inner) = &self.resolve.types[*id].kind
        {
            return Ok(format!("{name}?: {} | undefined", self.reference(inner)?));
        }
        Ok(format!("{name}: {}", self.reference(ty)?))
    }

    fn reference(&self, ty: &Type) -> Result<String, String> {
        Ok(match ty {
            Type::Bool => "boolean".to_owned(),
            // The largest are seconds and sizes, all of them below 2^53.
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => "number".to_owned(),
            Type::String => "string".to_owned(),
            Type::Id(id) => {
                let def = &self.resolve.types[*id];
                match (&def.name, &def.kind) {
                    (Some(name), _) => pascal(name),
                    (None, TypeDefKind::List(Type::U8)) => self.octets.to_owned(),
                    (None, TypeDefKind::List(item)) => format!("{}[]", self.reference(item)?),
                    (None, other) => return Err(format!("{} is new here", other.as_str())),
                }
            }
            other => return Err(format!("{other:?} is new here")),
        })
    }
}

fn comment(text: &mut String, indent: &str, docs: &Docs) {
    let Some(contents) = &docs.contents else {
        return;
    };
    let mut lines = contents.trim().lines();
    match (lines.next(), lines.next()) {
        (Some(only), None) => line(text, &format!("{indent}/** {only} */")),
        _ => {
            line(text, &format!("{indent}/**"));
            for said in contents.trim().lines() {
                line(text, format!("{indent} * {said}").trim_end());
            }
            line(text, &format!("{indent} */"));
        }
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// Ends a union with the semicolon that it wants.
fn close(text: &mut String) {
    text.truncate(text.trim_end().len());
    text.push_str(";\n");
}

/// `mail-receipt` → `MailReceipt`.
fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

/// `mail-receipt` → `mailReceipt`.
fn camel(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &capital(word))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

const HEAD: &str = "\
// What passes between a host and the plug-in. Made from wit/types.wit, which is the contract.
//
// Octet strings are Uint8Arrays, and exact: nobody converts line ends or character sets. Sizes are
// octets; instants are seconds since 1970-01-01T00:00:00Z.
";
