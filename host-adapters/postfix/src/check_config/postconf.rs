//! Postfix's settings as Postfix itself reads them: by `postconf`, never by parsing its files.
//!
//! A parameter of a service is what master.cf says with `-o`, else what main.cf says, else the
//! built-in default; `postconf` knows all three, and resolves `$name`.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// One Postfix instance, read once.
#[derive(Debug, Default)]
pub struct Postconf {
    /// main.cf and defaults.
    main: HashMap<String, String>,
    /// master.cf: (service, type) to its line.
    services: Vec<Service>,
    /// master.cf: `service/type/parameter` to the value after `-o`.
    overrides: HashMap<String, String>,
}

/// One line of master.cf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its first field: `smtp`, `127.0.0.1:10026`, `pecclean`.
    pub name: String,
    /// Its second field: `inet`, `unix`, …
    pub kind: String,
    /// Does it run in a chroot of the queue directory?
    pub chroot: bool,
    /// The program: `smtpd`, `cleanup`, …
    pub program: String,
}

impl Postconf {
    /// Reads the instance whose configuration is in `folder`; none: the system's.
    ///
    /// # Errors
    /// `postconf` is not there or refuses, in words.
    pub fn read(folder: Option<&Path>) -> Result<Self, String> {
        let run = |arguments: &[&str]| run(folder, arguments);
        let main = pairs(&run(&["-x"])?);
        let overrides = pairs(&run(&["-P", "-x"])?);
        let chrooted_by_default = main
            .get("compatibility_level")
            .is_none_or(|level| level.trim_start().starts_with('0'));
        let services = run(&["-M"])?
            .lines()
            .filter_map(|line| service(line, chrooted_by_default))
            .collect();
        Ok(Self {
            main,
            services,
            overrides,
        })
    }

    /// A parameter of the instance; none: this version of Postfix does not know it.
    pub fn get(&self, parameter: &str) -> Option<&str> {
        self.main.get(parameter).map(String::as_str)
    }

    /// A parameter as a service sees it.
    pub fn of(&self, service: &Service, parameter: &str) -> Option<&str> {
        let key = format!("{}/{}/{parameter}", service.name, service.kind);
        self.overrides
            .get(&key)
            .or_else(|| self.main.get(parameter))
            .map(String::as_str)
    }

    /// The services that run a program.
    pub fn running<'a>(&'a self, program: &'a str) -> impl Iterator<Item = &'a Service> {
        self.services.iter().filter(move |s| s.program == program)
    }

    /// The service of this name and type.
    pub fn service(&self, name: &str, kind: &str) -> Option<&Service> {
        let named = |service: &&Service| service.name == name && service.kind == kind;
        self.services.iter().find(named)
    }
}

impl std::fmt::Display for Service {
    /// As `postconf -P` wants it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.name, self.kind)
    }
}

fn run(folder: Option<&Path>, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("postconf");
    // Outside the PATH of people who are not root.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
    if let Some(folder) = folder {
        command.arg("-c").arg(folder);
    }
    let output = command
        .args(arguments)
        .output()
        .map_err(|error| format!("postconf cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "postconf {}: {}",
        arguments.join(" "),
        complaint.trim()
    ))
}

/// `name = value` lines, long values folded.
fn pairs(text: &str) -> HashMap<String, String> {
    let mut pairs = HashMap::new();
    let mut last = None;
    for line in text.lines() {
        if let (true, Some(name)) = (line.starts_with([' ', '\t']), &last) {
            let value: &mut String = pairs.entry(String::clone(name)).or_default();
            value.push(' ');
            value.push_str(line.trim());
        } else if let Some((name, value)) = line.split_once('=') {
            let name = name.trim().to_owned();
            pairs.insert(name.clone(), value.trim().to_owned());
            last = Some(name);
        }
    }
    pairs
}

/// `service type private unpriv chroot wakeup maxproc command + args`; the folded `-o` lines that
/// follow are told by `-P`.
fn service(line: &str, chrooted_by_default: bool) -> Option<Service> {
    if line.starts_with([' ', '\t', '#']) {
        return None;
    }
    let mut fields = line.split_whitespace();
    let (name, kind) = (fields.next()?, fields.next()?);
    let chroot = fields.nth(2)?;
    let program = fields.nth(2)?;
    Some(Service {
        name: name.to_owned(),
        kind: kind.to_owned(),
        chroot: match chroot {
            "-" => chrooted_by_default,
            word => word == "y",
        },
        program: program.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_values_and_services_are_read() {
        let read = pairs("a = 1\nb =\nc = x,\n    y\n");
        assert_eq!(read["a"], "1");
        assert_eq!(read["b"], "");
        assert_eq!(read["c"], "x, y");
        let line = "127.0.0.1:10026 inet  n       -       -       -       -       smtpd";
        let chrooted = service(line, true).expect("a service");
        assert_eq!(chrooted.to_string(), "127.0.0.1:10026/inet");
        assert!(chrooted.chroot);
        assert!(!service(line, false).expect("a service").chroot);
        assert_eq!(service("    -o smtpd_milters=", false), None);
    }
}
