//! What a provider folder says of the provider's own directory record.

use ceralacca_host::pec;
use ceralacca_host::provider::{Domain, certificates};

use super::Folder;
use super::settings::{Settings, Unit};
use crate::error::Error;

/// The request that the plug-in makes the record of. The main environment has the domains that no
/// secondary one has.
pub fn request(folder: &Folder, settings: &Settings) -> Result<pec::RecordRequest, Error> {
    let record = &settings.record;
    let in_a_unit = |domain: &&Domain| record.units.iter().any(|u| u.domains.contains(domain));
    let main = settings.domains.iter().filter(|domain| !in_a_unit(domain));
    Ok(pec::RecordRequest {
        managed_domains: main.map(|domain| domain.as_str().to_owned()).collect(),
        further_certificates: match &record.further_certificates {
            Some(name) => certificates(folder, name)?,
            None => Vec::new(),
        },
        location: record.location.clone(),
        description: record.description.clone(),
        units: record
            .units
            .iter()
            .map(|unit| environment(folder, unit))
            .collect::<Result<_, _>>()?,
    })
}

fn environment(folder: &Folder, unit: &Unit) -> Result<pec::SecondaryEnvironment, Error> {
    let domains = unit.domains.iter();
    Ok(pec::SecondaryEnvironment {
        name: unit.name.clone(),
        mail_receipt: unit.service_mailbox.as_str().to_owned(),
        certificates: certificates(folder, &unit.certificate)?,
        managed_domains: domains.map(|domain| domain.as_str().to_owned()).collect(),
        description: unit.description.clone(),
    })
}
