//! What `check-settings` refuses: a host tells its operator at the start, not its users later.

mod world;

use ceralacca_harness::provider::settings::Settings;
use ceralacca_host::provider::pec_settings;
use ceralacca_host::{Engine as _, pec};
use world::World;

/// What is wrong with Alfa's settings once `change` was made; None: nothing.
fn complaint(world: &World, change: impl FnOnce(&mut pec::Settings)) -> Option<String> {
    let folder = &world.alfa.folder;
    let settings = Settings::load(folder).expect("settings");
    let mut settings = pec_settings(folder, &settings).expect("settings");
    change(&mut settings);
    let plugin = world::plugin().expect("it made the world");
    let verdict = plugin.check_settings(&settings);
    verdict.err().map(|error| error.to_string())
}

/// DM 2 November 2005 art. 12: 50 recipients, and 30 MB of size × recipients.
#[test]
fn nothing_below_the_legal_floor() {
    let Some(world) = World::new() else { return };
    type Change = fn(&mut pec::MessageLimits);
    let floors: [(&str, u64, Change, Change); 4] = [
        (
            "max-recipients",
            50,
            |l| l.max_recipients = 49,
            |l| l.max_recipients = 50,
        ),
        (
            "max-product",
            30_000_000,
            |l| l.max_product = 29_999_999,
            |l| l.max_product = 30_000_000,
        ),
        (
            "max-size",
            30_000_000,
            |l| l.max_size = 29_999_999,
            |l| l.max_size = 30_000_000,
        ),
        (
            "daily-recipients",
            50,
            |l| l.daily_recipients = Some(49),
            |l| l.daily_recipients = Some(50),
        ),
    ];
    for (field, floor, below, at) in floors {
        let said = complaint(&world, |s| below(&mut s.limits)).expect(field);
        for fact in [
            &format!("limits.{field}"),
            "legal floor",
            &floor.to_string(),
        ] {
            assert!(said.contains(fact), "“{fact}” not in “{said}”");
        }
        assert_eq!(complaint(&world, |s| at(&mut s.limits)), None, "{field}");
    }
    let said = complaint(&world, |s| s.limits.hard_size = s.limits.max_size - 1);
    assert!(said.expect("a complaint").contains("limits.hard-size"));
}

#[test]
fn f14_extensions_are_written_plainly() {
    let Some(world) = World::new() else { return };
    let forbid = |extension: &str| {
        complaint(&world, |s| {
            s.forbidden_attachments = vec!["scr".into(), extension.into()]
        })
    };
    for wrong in [".exe", "EXE", "ex e", "tar.gz", ""] {
        let said = forbid(wrong).expect(wrong);
        assert!(said.contains("forbidden-attachments"), "{said}");
        assert!(said.contains(&format!("{wrong:?}")), "{said}");
    }
    for right in ["exe", "7z", "più"] {
        assert_eq!(forbid(right), None, "{right}");
    }
}

#[test]
fn texts_with_unknown_keys_or_placeholders_or_without_their_facts() {
    let Some(world) = World::new() else { return };
    let reword = |key: &str, template: &str| {
        let text = pec::TextOverride {
            key: key.into(),
            template: template.into(),
        };
        complaint(&world, |s| s.texts = vec![text]).expect("a complaint")
    };
    assert!(reword("acceptence.it", "x").contains("acceptence.it"));
    let said = reword("acceptance.it", "Ricevuta\n{subjekt}");
    assert!(
        said.contains("acceptance.it") && said.contains("subjekt"),
        "{said}"
    );
    let said = reword("acceptance.it", "Ricevuta\nIl messaggio è stato accettato.");
    assert!(said.contains("acceptance.it"), "{said}");
}

/// Whoever signs the provider directory is pinned by certificate, and by nothing else.
#[test]
fn d03_a_directory_signer_that_is_no_certificate() {
    let Some(world) = World::new() else { return };
    let said = complaint(&world, |s| {
        s.directory_signers = vec![s.certificates[0].clone(), b"certificate".to_vec()];
    });
    let said = said.expect("a complaint");
    for fact in ["directory-signers[1]", "not an X.509 certificate"] {
        assert!(said.contains(fact), "{fact} is not in {said}");
    }
    let good = complaint(&world, |s| s.directory_signers = s.certificates.clone());
    assert_eq!(good, None);
}
