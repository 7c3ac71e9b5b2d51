//! Makes the provider directory of a test world (RFC 6109 §4.5).
//!
//! Writing only, with the core's own writer: *reading* a directory is law, and the plug-in does it.

use ceralacca::directory::{LdifWriter, escape_dn};
use ceralacca_host::provider::{Address, Domain};

use super::pki::certificate_hash;

/// A provider directory as text, record by record.
pub struct Directory {
    /// Each without the blank line after it.
    records: Vec<String>,
}

/// A provider as its directory record tells it.
pub struct Record<'a> {
    /// `providerName`.
    pub name: &'a str,
    /// `providerCertificate`, DER.
    pub certificate: &'a [u8],
    /// `mailReceipt`: the service mailbox.
    pub mail_receipt: &'a Address,
    /// `managedDomains`.
    pub domains: &'a [Domain],
}

/// Why a provider cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A provider of this name is there.
    Name,
    /// A provider for this domain is there.
    Domain(Domain),
}

impl Directory {
    /// The base root and nobody in it (RFC 6109 §4.5.10).
    pub fn new() -> Directory {
        let mut base = LdifWriter::default();
        base.entry("o=postacert");
        base.line("objectClass", "top");
        base.line("objectClass", "organization");
        base.line("o", "postacert");
        base.line(
            "description",
            "Base root for the PEC providers directory (test)",
        );
        Directory {
            records: vec![base.into_text()],
        }
    }

    /// Takes a directory apart at its blank lines; the records themselves stay as they are.
    pub fn parse(text: &str) -> Directory {
        let text = text.replace("\r\n", "\n");
        let records = text
            .split("\n\n")
            .map(str::trim)
            .filter(|record| !record.is_empty());
        Directory {
            records: records.map(|record| format!("{record}\n")).collect(),
        }
    }

    /// Adds a provider that is not in it yet, nor any of its domains.
    pub fn add(&mut self, record: &Record<'_>) -> Result<(), Taken> {
        let text = record.to_ldif();
        // Compared as we write it. A foreign directory may fold or encode a name in another way;
        // then the plug-in finds the double when it loads the directory.
        let dn = text.split("\nobjectClass:").next().unwrap_or_default();
        if self
            .records
            .iter()
            .any(|other| other.starts_with(&format!("{dn}\n")))
        {
            return Err(Taken::Name);
        }
        for domain in record.domains {
            let line = format!("managedDomains: {domain}");
            let mut lines = self.records.iter().flat_map(|other| other.lines());
            if lines.any(|other| other.eq_ignore_ascii_case(&line)) {
                return Err(Taken::Domain(domain.clone()));
            }
        }
        self.records.push(text);
        Ok(())
    }

    /// The whole file.
    pub fn to_ldif(&self) -> String {
        self.records.join("\n")
    }
}

impl Default for Directory {
    fn default() -> Directory {
        Directory::new()
    }
}

impl Record<'_> {
    fn to_ldif(&self) -> String {
        let mut entry = LdifWriter::default();
        entry.entry(&format!(
            "providerName={},o=postacert",
            escape_dn(self.name)
        ));
        entry.line("objectClass", "top");
        entry.line("objectClass", "provider");
        entry.line("providerName", self.name);
        entry.line(
            "providerCertificateHash",
            &certificate_hash(self.certificate),
        );
        entry.octets("providerCertificate;binary", self.certificate);
        entry.line("mailReceipt", self.mail_receipt.as_str());
        for domain in self.domains {
            entry.line("managedDomains", domain.as_str());
        }
        entry.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(name: &'a str, mail_receipt: &'a Address, domains: &'a [Domain]) -> Record<'a> {
        Record {
            name,
            certificate: b"certificate",
            mail_receipt,
            domains,
        }
    }

    #[test]
    fn a_record_is_written_as_rfc_2849_wants_it() {
        let receipts = "ricevute@pec.alfa.example".parse().unwrap();
        let domains = ["pec.alfa.example".parse().unwrap()];
        let mut directory = Directory::new();
        directory
            .add(&record("Società \"Alfa\", Roma", &receipts, &domains))
            .unwrap();
        let text = directory.to_ldif();
        assert!(text.lines().all(|line| line.len() <= 76), "{text}");
        // dn and name have an accent, so they are base64 of their UTF-8 octets (checked by hand
        // with `base64 -d`); the hash is `printf certificate | sha1sum`.
        assert!(
            text.contains(
                "\ndn:: cHJvdmlkZXJOYW1lPVNvY2lldMOgIFwiQWxmYVwiXCwgUm9tYSxvPXBvc3RhY2VydA==\n"
            ),
            "{text}"
        );
        assert!(
            text.contains("\nproviderName:: U29jaWV0w6AgIkFsZmEiLCBSb21h\n"),
            "{text}"
        );
        assert!(
            text.contains("Hash: 735ad571c189d7ba84464bf4a9f1d2280175b128\n"),
            "{text}"
        );
        assert!(
            text.contains("\nmanagedDomains: pec.alfa.example\n"),
            "{text}"
        );
    }

    #[test]
    fn a_provider_stands_in_the_directory_once() {
        let receipts = "ricevute@pec.alfa.example".parse().unwrap();
        let domains = ["pec.alfa.example".parse().unwrap()];
        let mut directory = Directory::new();
        directory.add(&record("Alfa", &receipts, &domains)).unwrap();
        let mut read = Directory::parse(&directory.to_ldif().replace('\n', "\r\n"));
        assert_eq!(read.records, directory.records);
        assert_eq!(read.add(&record("Alfa", &receipts, &[])), Err(Taken::Name));
        let [domain] = domains.clone();
        assert_eq!(
            read.add(&record("Beta", &receipts, &domains)),
            Err(Taken::Domain(domain))
        );
        assert_eq!(read.records.len(), 2);
    }
}
