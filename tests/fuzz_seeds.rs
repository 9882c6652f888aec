//! Every fuzz target has its seeds, and every seed passes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tidewire_tests::fuzz::TARGETS;

#[test]
fn every_seed_passes() {
    for (name, body) in TARGETS {
        let seeds = entries(&fuzz().join("seeds").join(name));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            println!("{}", seed.display());
            body(&fs::read(seed).expect("a seed is a file"));
        }
    }
}

#[test]
fn every_target_is_complete() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names.len(), TARGETS.len(), "a name stands twice in TARGETS");
    assert_eq!(stems(&fuzz().join("seeds")), names, "folders in fuzz/seeds");
    assert_eq!(stems(&fuzz().join("fuzz_targets")), names, "files in fuzz/fuzz_targets");

    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("there is a manifest");
    let bins = manifest.split("\n[[bin]]\n").skip(1).map(|bin| {
        let name = bin.split('"').nth(1).expect("a bin has a name").to_string();
        assert!(bin.contains(&format!("fuzz_targets/{name}.rs")), "path of {name}");
        name
    });
    assert_eq!(bins.collect::<BTreeSet<_>>(), names, "[[bin]] in fuzz/Cargo.toml");
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn stems(folder: &Path) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().expect("an entry has a name").to_string_lossy().into_owned();
    entries(folder).into_iter().map(stem).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.sort();
    paths
}
