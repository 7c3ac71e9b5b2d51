//! Who plays in the demonstration: providers, people, and what stands between them.

use super::story::{Lane, Role};

/// A provider of the demonstration.
pub struct Cast {
    /// Short name: lane and folder.
    pub short: &'static str,
    /// `gestore-emittente`.
    pub name: &'static str,
    /// Its domain.
    pub domain: &'static str,
    /// Who has a mailbox there.
    pub people: &'static [Person],
}

/// Somebody with a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// Full name.
    pub name: &'static str,
    /// Address.
    pub address: &'static str,
    /// What the mailbox does with ordinary mail, as `provider.toml` says it; empty: what the
    /// provider decides.
    pub ordinary_mail: &'static str,
}

/// Somebody or something with a lane of their own in the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Player {
    /// Somebody with a mailbox.
    Person(Person),
    /// A provider, by its place in [`PROVIDERS`].
    Provider(usize),
    /// What messages between the providers pass through, and do not leave as they came.
    Between {
        /// What it is.
        name: &'static str,
        /// What it does.
        detail: &'static str,
    },
}

impl Person {
    const fn new(name: &'static str, address: &'static str) -> Person {
        Person {
            name,
            address,
            ordinary_mail: "",
        }
    }

    const fn with_ordinary_mail(self, ordinary_mail: &'static str) -> Person {
        Person {
            ordinary_mail,
            ..self
        }
    }

    /// What friends say.
    pub fn first_name(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }

    /// The provider whose mailbox it is, by its place in [`PROVIDERS`].
    pub fn provider(&self) -> Option<usize> {
        provider_of(self.address)
    }
}

impl Player {
    /// Their lane.
    pub fn lane(&self) -> Lane {
        let (name, detail, role) = match self {
            Player::Person(person) => {
                let (_, domain) = person.address.rsplit_once('@').unwrap_or_default();
                let role = match person.provider() {
                    Some(_) => Role::User,
                    None => Role::Ordinary,
                };
                (person.name, domain, role)
            }
            Player::Provider(provider) => (PROVIDERS[*provider].short, "provider", Role::Provider),
            Player::Between { name, detail } => (*name, *detail, Role::Ordinary),
        };
        Lane {
            name: name.to_owned(),
            detail: detail.to_owned(),
            role,
        }
    }
}

/// The provider that manages an address, by its place in [`PROVIDERS`].
pub fn provider_of(address: &str) -> Option<usize> {
    let (_, domain) = address.rsplit_once('@')?;
    PROVIDERS
        .iter()
        .position(|cast| cast.domain.eq_ignore_ascii_case(domain))
}

/// The first name of whoever has this address; the address itself if nobody has it.
pub fn name_of(address: &str) -> &str {
    EVERYBODY
        .iter()
        .find(|person| person.address.eq_ignore_ascii_case(address))
        .map_or(address, |person| person.first_name())
}

/// Writes most of the messages.
pub const ANNA: Person = Person::new("Anna Rossi", "anna.rossi@pec.alfa.example");
/// Her colleague, at the same provider.
pub const ELENA: Person = Person::new("Elena Gialli", "elena.gialli@pec.alfa.example");
/// Takes certified mail only, as the provider's settings have it.
pub const BRUNO: Person = Person::new("Bruno Verdi", "bruno.verdi@pec.beta.example");
/// Takes ordinary mail, too.
pub const CARLA: Person =
    Person::new("Carla Neri", "carla.neri@pec.beta.example").with_ordinary_mail("accept");
/// Has ordinary mail sent on to another mailbox of his.
pub const FABIO: Person = Person::new("Fabio Bianchi", "fabio.bianchi@pec.beta.example")
    .with_ordinary_mail("redirect:fabio.bianchi@posta.example");
/// That other mailbox.
pub const FABIO_AT_HOME: Person = Person::new("Fabio Bianchi", "fabio.bianchi@posta.example");
/// Has an ordinary mailbox.
pub const DARIO: Person = Person::new("Dario Blu", "dario.blu@posta.example");
/// Nobody: a slip of the pen.
pub const BRUNA: &str = "bruna.verdi@pec.beta.example";

/// The two providers; the first one is Anna's.
pub const PROVIDERS: [Cast; 2] = [
    Cast {
        short: "Alfa",
        name: "Alfa PEC S.p.A.",
        domain: "pec.alfa.example",
        people: &[ANNA, ELENA],
    },
    Cast {
        short: "Beta",
        name: "Beta Posta Sicura S.r.l.",
        domain: "pec.beta.example",
        people: &[BRUNO, CARLA, FABIO],
    },
];
/// Place of Anna's provider in [`PROVIDERS`].
pub const ALFA: usize = 0;
/// Place of the other one.
pub const BETA: usize = 1;

const EVERYBODY: [Person; 7] = [ANNA, ELENA, BRUNO, CARLA, FABIO, FABIO_AT_HOME, DARIO];
