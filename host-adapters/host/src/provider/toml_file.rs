//! TOML files whose mistakes are told in one sentence: file, line, field, remedy.

use std::fmt;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::Error;

/// Reads a document; `path` is for errors, which `remedy` completes.
///
/// # Errors
/// It is no TOML, or not of the shape that `T` wants: the error names line and field.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path, remedy: &str) -> Result<T, Error> {
    let document = toml::Deserializer::parse(text).map_err(|error| {
        let problem = format!("not TOML ({})", one_line(&error));
        Error::file(path, at_line(text, &error, &problem), "mend that line")
    })?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        let field = error.path().to_string();
        let error = error.into_inner();
        let problem = at_line(text, &error, &one_line(&error));
        Error::field(path, field, problem, remedy)
    })
}

/// The fields of a file, or of one of its sections: what errors about them begin with.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    path: &'a Path,
    section: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// Those of a file as a whole.
    #[must_use]
    pub fn of(path: &'a Path) -> Self {
        Self {
            path,
            section: None,
        }
    }

    /// Those of one section of a file.
    #[must_use]
    pub fn under(path: &'a Path, section: &'a str) -> Self {
        Self {
            path,
            section: Some(section),
        }
    }

    /// One of them is not as it should be.
    pub fn error(
        &self,
        field: &str,
        problem: impl fmt::Display,
        remedy: impl Into<String>,
    ) -> Error {
        let field = match self.section {
            Some(section) => format!("{section}.{field}"),
            None => field.to_owned(),
        };
        Error::field(self.path, field, problem, remedy)
    }
}

/// What the TOML reader complains of, without its picture of the place.
pub(super) fn one_line(error: &toml::de::Error) -> String {
    error.message().trim().replace('\n', ", ")
}

fn at_line(text: &str, error: &toml::de::Error, problem: &str) -> String {
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {problem}", before.matches('\n').count() + 1),
        None => problem.to_owned(),
    }
}
