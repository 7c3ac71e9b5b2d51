//! Replays the fuzz corpus: seeds, and everything that fuzzing has found (`tests/fuzz`). What a
//! target promises stands in `src/fuzzing`.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use ceralacca::fuzzing::{TARGETS, Target};
use ceralacca_milter::fuzzing::milter;

#[test]
fn every_promise_holds_for_the_whole_corpus() {
    let mut broken = Vec::new();
    for (name, run) in targets() {
        let files = files(&corpus().join(name));
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let octets = fs::read(&file).expect("a file that was listed");
            if catch_unwind(|| run(&octets)).is_err() {
                broken.push(file);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// No corpus without a target that reads it.
#[test]
fn every_corpus_has_its_target() {
    for folder in files(&corpus()) {
        let name = folder.file_name().expect("a name").to_string_lossy();
        assert!(targets().any(|(target, _)| name == target), "{name}");
    }
}

/// Those of the plug-in, and those of the adapters.
fn targets() -> impl Iterator<Item = (&'static str, Target)> {
    let adapters: [(&str, Target); 1] = [("milter", milter)];
    TARGETS.iter().copied().chain(adapters)
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files
}
