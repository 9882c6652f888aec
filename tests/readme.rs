//! What the front pages say is there: commands, examples, files, headings, and the tests that the comparison names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, iter};

use tidewire_core::ws::{self, Error, Limits, deflate};

#[test]
fn every_command_names_a_package_and_a_target_that_exist() {
    let packages = packages();
    for (page, command) in commands() {
        let words: Vec<&str> = command.split_whitespace().collect();
        let after = |option| words.iter().position(|word| *word == option).and_then(|at| words.get(at + 1));
        let named = after("-p").map(|name| packages.iter().find(|package| package.name == *name));
        assert!(named.is_none_or(|found| found.is_some()), "{}: no such package: {command}", page.display());
        if let Some(example) = after("--example") {
            let package = named.flatten().unwrap_or_else(|| panic!("{}: of which package? {command}", page.display()));
            assert!(package.examples.contains(*example), "{}: no such example: {command}", page.display());
            for feature in after("--features").into_iter().flat_map(|list| list.split(',')) {
                assert!(package.features.contains(feature), "{}: no such feature: {command}", page.display());
            }
        }
        if let Some(binary) = after("--bin") {
            let file = root().join(format!("tests/benches/src/bin/{binary}.rs"));
            assert!(file.is_file(), "{}: no such program: {command}", page.display());
        }
    }
}

#[test]
fn every_example_has_its_command_on_the_page_of_its_package() {
    let commands = commands();
    for package in packages() {
        for example in &package.examples {
            let words = [format!("-p {} ", package.name), format!("--example {example} ")];
            let is_there = |(page, command): &(PathBuf, String)| {
                *page == package.folder.join("README.md")
                    && words.iter().all(|word| format!("{command} ").contains(word))
            };
            assert!(commands.iter().any(is_there), "{}: how is {example} run?", package.folder.display());
        }
    }
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    for page in pages() {
        let text = read(&page);
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            let (path, heading) = link.split_once('#').map_or((link, None), |(path, heading)| (path, Some(heading)));
            let target = if path.is_empty() { page.clone() } else { page.parent().expect("a folder").join(path) };
            assert!(target.is_file(), "{}: {link} leads nowhere", page.display());
            if let Some(heading) = heading {
                assert!(headings(&read(&target)).contains(heading), "{}: {link}: no such heading", page.display());
            }
        }
    }
}

#[test]
fn the_table_of_contents_has_every_heading() {
    for page in pages() {
        let text = read(&page);
        let listed: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("- [")?.split_once("](#")?.1.strip_suffix(')')).collect();
        let there: Vec<String> = text.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect();
        assert!(listed.is_empty() || listed == there, "{}: {listed:?} and {there:?}", page.display());
    }
}

#[test]
fn every_row_of_the_comparisons_names_one_test_that_exists() {
    check_comparison("client", 101, 3);
    check_comparison("server", 65, 6);
    check_comparison("ws", 43, 5);
}

/// Holds the rows of a comparison, at least so many with so many others, to the tests.
fn check_comparison(side: &str, at_least: usize, peers: usize) {
    let rows: Vec<Vec<String>> = comparison(side);
    assert!(rows.len() >= at_least, "{}", rows.len());
    for row in &rows {
        let [feature, ours, others @ .., proof] = &row[..] else { panic!("{row:?}") };
        assert_eq!((others.len(), ours.starts_with("yes")), (peers, true), "{feature}");
        assert!(others.iter().all(|said| !said.is_empty()), "{feature}");
        let names: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        let [name] = names[..] else { panic!("{feature}: one test, not {names:?}") };
        let (target, test) = name.split_once("::").expect("TARGET::TEST");
        assert!(proof.ends_with(&format!("][{target}]")), "{feature}: {proof} leads elsewhere");
        assert!(is_there(target, test), "{feature}: no test {name}");
    }
    let features: BTreeSet<&String> = rows.iter().filter(|row| !row[0].starts_with('…')).map(|row| &row[0]).collect();
    let unnumbered = rows.iter().filter(|row| !row[0].starts_with('…')).count();
    assert_eq!(features.len(), unnumbered, "a feature stands twice");
}

#[test]
fn every_ported_case_names_a_test_that_exists() {
    let text = read(&root().join("tests/vectors/cases.md"));
    let cases = text.lines().filter(|line| line.starts_with("| ") && line.contains("::"));
    let mut count = 0;
    for case in cases {
        let name = case.trim_end_matches(" |").rsplit_once("| ").expect("cells").1.trim_matches('`');
        let (target, test) = name.split_once("::").expect("TARGET::TEST");
        assert!(is_there(target, test), "{case}: no test {name}");
        count += 1;
    }
    assert!(count >= 90, "{count}");
}

/// The numbers that the pages name are the defaults.
#[test]
fn the_limits_of_websockets_are_what_the_pages_say() {
    let config = ws::Config::default();
    let Limits { max_frame, max_message, max_fragments, .. } = config.limits;
    let compression = deflate::Config::default();
    assert_eq!([max_frame, max_message, max_fragments], [1 << 20, 1 << 20, 4096]);
    assert_eq!((compression.max_ratio, compression.allowance), (200, 1 << 20));
    assert_eq!([config.max_queued_frames, config.max_queued_bytes, config.max_unread], [256, 1 << 20, 64 << 10]);
    assert_eq!(config.ping_interval, Some(Duration::from_secs(30)));
    let secs = [config.pong_timeout, config.write_timeout, config.close_timeout].map(|time| time.as_secs());
    assert_eq!(secs, [20, 30, 5]);
    let codes = [Error::FrameTooLong { limit: 0 }, Error::TooManyFragments { limit: 0 }, Error::Text, Error::Masked];
    assert_eq!(codes.map(|error| error.close_code().get()), [1009, 1008, 1007, 1002]);

    let readme = read(&root().join("README.md"));
    for row in [
        "| a frame, a message of a WebSocket; its frames | 1 MiB each, compressed or not; 4,096 | 1009, 1009, 1008 |",
        "| a compressed message | 200 times as much out as in, after the first MiB | 1009 |",
        "| what waits to be sent on a WebSocket | 256 messages, 1 MiB; 16 pongs |",
        "| silence on a WebSocket | a ping after 30 s, and 20 s for any octet |",
        "| a close frame that is not answered | 5 s | dropped |",
    ] {
        assert!(readme.contains(row), "{row}");
    }
    let page = read(&root().join("core/src/ws/mod.rs"));
    for row in [
        "| a frame, a message ([`Limits`]) | 1 MiB each | 1009,",
        "| frames of one message | 4,096 | 1008 |",
        "| a chunk that is not read yet ([`Config::max_unread`]) | 64 KiB more than one | 1008;",
        "| 256, 1 MiB | [`SendError::Full`] |",
        "| 30 s, then a ping and 20 s; any octet counts | lost |",
        "| 30 s for each 64 KiB | lost |",
        "| 5 s each | dropped |",
    ] {
        assert!(page.contains(row), "{row}");
    }
}

#[test]
fn the_pages_of_both_runtimes_are_alike() {
    let [tokio, smol] = ["tokio", "smol"].map(|runtime| {
        let text = read(&root().join(format!("adapters/{runtime}/README.md")));
        let (_, cookbook) = text.split_once("\n## Cookbook\n").expect("a cookbook");
        // The last lines name the other adapter.
        let (cookbook, _) = cookbook.rsplit_once("\n\n").expect("a last line");
        cookbook
            .replace(&format!("tidewire_{runtime}"), "tidewire_*")
            .replace(&format!("tidewire-{runtime}"), "tidewire-*")
    });
    assert_eq!(tokio, smol);
}

/// Returns whether the file of `target` has `test`, with its modules.
fn is_there(target: &str, test: &str) -> bool {
    let (modules, name) = test.rsplit_once("::").map_or(("", test), |(modules, name)| (modules, name));
    let file = match target.strip_prefix("tidewire-") {
        Some(adapter) => {
            let module = modules.split("::").next().unwrap_or_default();
            root().join(format!("adapters/{adapter}/src/{module}.rs"))
        }
        None => root().join(format!("tests/{target}.rs")),
    };
    let text = read(&file);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| {
        line.strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix(&format!("fn {name}"))
            .is_some_and(|rest| rest.starts_with(['(', '<']))
    });
    let is_test = at.is_some_and(|at| {
        let above = lines[..at].iter().rev().take_while(|line| !line.is_empty());
        // Of a function with a parameter for its stack, the macro that calls it has the attribute.
        above.into_iter().any(|line| *line == "#[test]") || lines.iter().any(|line| is_listed(line, name))
    });
    let known = |module: &str| {
        [format!("mod {module} "), format!("suite!({module}, "), format!("suite!({module});"), format!("{module} = ")]
            .iter()
            .any(|how| text.contains(how))
            || file.file_stem().is_some_and(|stem| stem == module)
    };
    is_test && modules.split("::").filter(|module| !module.is_empty()).all(known)
}

/// Returns whether `line`, of the call of a macro, begins with `name`.
fn is_listed(line: &str, name: &str) -> bool {
    line.trim_start_matches('[').strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ']']))
}

/// Returns the cells of the rows of the comparison of clients, or of servers.
fn comparison(side: &str) -> Vec<Vec<String>> {
    let text = read(&root().join(format!("core/src/{side}/comparison.md")));
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| | "));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// A package of the workspace.
struct Package {
    folder: PathBuf,
    name: String,
    examples: BTreeSet<String>,
    features: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let mut folders: Vec<PathBuf> = ["core", "tests"].map(|name| root().join(name)).into();
    let adapters = fs::read_dir(root().join("adapters")).expect("adapters");
    folders.extend(adapters.map(|entry| entry.expect("an entry").path()));
    let manifests = folders.into_iter().filter(|folder| folder.join("Cargo.toml").is_file());
    manifests
        .map(|folder| {
            let (mut section, mut name) = (String::new(), String::new());
            let (mut examples, mut features) = (BTreeSet::new(), BTreeSet::new());
            for line in read(&folder.join("Cargo.toml")).lines() {
                if line.starts_with('[') {
                    line.clone_into(&mut section);
                } else if let Some((key, value)) = line.split_once(" = ") {
                    let value = value.trim_matches('"').to_owned();
                    match (section.as_str(), key) {
                        ("[package]", "name") => name = value,
                        ("[[example]]", "name") => drop(examples.insert(value)),
                        ("[features]", key) => drop(features.insert(key.to_owned())),
                        _ => {}
                    }
                }
            }
            Package { folder, name, examples, features }
        })
        .collect()
}

/// Returns the commands of cargo that the pages show, each with its page.
fn commands() -> Vec<(PathBuf, String)> {
    let mut commands = Vec::new();
    for page in pages() {
        for line in read(&page).lines() {
            for (at, _) in line.match_indices("cargo run") {
                let command = line[at..].split(['`', '#']).next().unwrap_or_default();
                commands.push((page.clone(), command.trim().to_owned()));
            }
        }
    }
    commands
}

fn pages() -> Vec<PathBuf> {
    let adapters = fs::read_dir(root().join("adapters")).expect("adapters");
    let adapters =
        adapters.map(|entry| entry.expect("an entry").path().join("README.md")).filter(|page| page.is_file());
    let of_the_core = ["client/comparison.md", "server/comparison.md", "server/operating.md", "ws/comparison.md"]
        .map(|page| root().join("core/src").join(page));
    iter::once(root().join("README.md")).chain(adapters).chain(of_the_core).collect()
}

/// Returns where the links of `text` lead, those of its examples aside.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|part| {
            let inline = part.match_indices("](").filter_map(|(at, _)| part[at + 2..].split(')').next());
            let defined = part.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ").map(|(_, to)| to));
            inline.chain(defined)
        })
        .collect()
}

fn headings(text: &str) -> BTreeSet<String> {
    let prose = text.split("```").step_by(2).flat_map(str::lines);
    prose.filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// Returns the anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder above").to_owned()
}
