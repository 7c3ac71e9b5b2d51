//! How a submission may end, as the sender sees it.

use ceralacca_host::pec;

use super::mail::Read;
use super::oracles::{openssl_verifies, xmllint_validates};
use super::{ANNA, BRUNO, START, World};

/// Submits, and expects a notice of non-acceptance that names the reason; nothing else leaves.
pub fn refused(to: &[&str], message: impl AsRef<[u8]>, reason: &str) {
    let Some(mut world) = World::new() else {
        return;
    };
    refused_in(&mut world, to, message, reason);
}

pub fn refused_in(
    world: &mut World,
    to: &[&str],
    message: impl AsRef<[u8]>,
    reason: &str,
) -> Option<Read> {
    let committed = world.submit(ANNA, to, message);
    assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);
    assert_eq!(world.kinds(ANNA), ["non-acceptance"]);
    assert!(world.outside.is_empty() && world.kinds(BRUNO).is_empty());
    let notice = Read::new(&world.mailbox(ANNA)[0].octets);
    assert_eq!(
        notice.raw_header("X-Ricevuta").as_deref(),
        Some("non-accettazione")
    );
    assert!(
        notice.subject().starts_with("AVVISO DI NON ACCETTAZIONE:"),
        "{}",
        notice.subject()
    );
    let text = notice.text();
    let line = text
        .lines()
        .find(|l| l.contains("a causa di"))
        .expect("a reason")
        .to_owned();
    assert!(line.contains(reason), "“{reason}” not in “{line}”");
    assert!(text.contains("Il messaggio non è stato accettato."));
    assert!(
        notice
            .daticert()
            .unwrap()
            .contains("tipo=\"non-accettazione\" errore=\"altro\"")
    );
    // PRACTICE 8.3: a PEC id although no envelope exists.
    assert!(
        notice
            .element("identificativo")
            .is_some_and(|id| id.ends_with("@pec.alfa.example"))
    );
    openssl_verifies(&notice.octets, &world.roots(), START).expect("a good signature");
    xmllint_validates(&notice.daticert().unwrap()).expect("valid data");
    Some(notice)
}

/// Submits, and expects acceptance and delivery; gives the world to look at.
pub fn accepted(to: &[&str], message: impl AsRef<[u8]>) -> Option<World> {
    let mut world = World::new()?;
    let committed = world.submit(ANNA, to, message);
    assert_eq!(committed.reply.code, 250, "{:?}", committed.reply);
    assert_eq!(
        world.kinds(ANNA).first().map(String::as_str),
        Some("server-user-acceptance")
    );
    Some(world)
}

pub fn envelope(world: &World) -> Read {
    Read::new(&world.mailbox(BRUNO)[0].octets)
}

/// Anna's receipt of a delivery to this recipient; there is one, well signed and well formed.
pub fn receipt_of(world: &World, recipient: &str) -> Read {
    let mut receipts = world.mailbox(ANNA).into_iter().filter_map(|deposited| {
        let read = Read::new(&deposited.octets);
        let about = read.element("consegna")?;
        (deposited.kind == pec::MessageKind::Delivery && about == recipient).then_some(read)
    });
    let receipt = receipts.next().expect("a receipt");
    assert!(receipts.next().is_none(), "one receipt per recipient");
    openssl_verifies(&receipt.octets, &world.roots(), START).expect("a good signature");
    xmllint_validates(&receipt.daticert().expect("data")).expect("valid data");
    receipt
}
