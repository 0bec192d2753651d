//! The layers of `src/lib.rs`: a module may use those below it, but none above or next to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules, and what each may use; `report`, `config` and `error` are part of the commands' layer.
const ALLOWED: [(&str, &[&str]); 21] = [
    ("private", &[]),
    ("domain", &[]),
    ("diagnosis", &["domain"]),
    ("import", &["domain"]),
    ("compose", &["domain"]),
    ("inbox", &["diagnosis", "domain"]),
    ("net", &[]),
    ("mailbox", &["net"]),
    ("relay", &["domain", "private", "net"]),
    ("ledger", &["domain", "private", "net"]),
    ("feedback", &["diagnosis", "domain", "inbox", "ledger"]),
    ("publish", &["compose", "domain", "private"]),
    ("paper", &["domain", "compose"]),
    ("preview", &["domain", "compose", "check"]),
    ("check", &["domain", "compose"]),
    ("send", &["domain", "compose", "diagnosis", "feedback", "inbox", "ledger", "relay"]),
    ("config", &["domain", "net", "private"]),
    ("report", &["domain", "private"]),
    ("cli", &["domain", "config"]),
    ("manual", &["cli"]),
    (
        "error",
        &[
            "diagnosis",
            "domain",
            "compose",
            "import",
            "ledger",
            "relay",
            "send",
            "net",
            "mailbox",
            "publish",
            "preview",
            "config",
            "inbox",
            "paper",
            "report",
        ],
    ),
];

/// The commands, and which of the others each may use.
const COMMANDS: [(&str, &[&str]); 31] = [
    ("project", &[]),
    ("context", &["project"]),
    ("files", &[]),
    ("stop", &[]),
    ("current_issue", &["project"]),
    ("states", &["project"]),
    ("postal", &["project"]),
    ("history", &["postal", "project"]),
    ("import", &["context", "history", "project"]),
    ("archive", &["context", "paper", "project"]),
    ("bounces", &["context", "history", "project"]),
    ("build", &["context", "files", "preview"]),
    ("check", &["bounces", "context", "import", "init", "postal", "project"]),
    ("init", &["files"]),
    ("ledger", &["context", "project"]),
    ("log", &["context", "project", "send", "states"]),
    ("members", &["context", "files", "history", "project"]),
    ("new", &["context", "files", "project"]),
    ("paper", &["context", "members", "postal", "project"]),
    ("preview", &["check", "context", "files", "import", "members", "paper", "project", "states", "stop"]),
    ("prune", &["context", "history"]),
    ("report", &["context", "files", "history", "postal", "project"]),
    ("schedule", &["context", "project", "send"]),
    (
        "send",
        &[
            "archive", "check", "context", "history", "import", "members", "postal", "project", "states",
            "stop",
        ],
    ),
    ("shell", &["project"]),
    ("templates", &["context", "project"]),
    ("status", &["context", "project", "schedule", "states"]),
    // Not commands: what `commands/mod.rs` provides for all of them.
    ("agree", &[]),
    ("runtime", &[]),
    ("mod", &[]),
    ("tests", &[]),
];

#[test]
fn commands_use_only_what_they_may() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands");
    let mut wrong = Vec::new();
    let mut uses = 0;
    for file in rust_files(&folder) {
        let inside = file.strip_prefix(&folder).unwrap();
        let module = inside.iter().next().unwrap().to_string_lossy().replace(".rs", "");
        if module == "mod" {
            continue;
        }
        let allowed = COMMANDS.iter().find(|(name, _)| *name == module);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("`{module}` has no entry in COMMANDS"));
        for used in used_commands(&fs::read_to_string(&file).unwrap(), inside.iter().count() > 1) {
            uses += 1;
            let is_free = used == module || ["agree", "runtime"].contains(&used.as_str());
            if !is_free && !allowed.contains(&used.as_str()) {
                wrong.push(format!("commands/{} uses `{used}`", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "a command uses one that it may not:\n{}", wrong.join("\n"));
    assert!(uses > 50, "only {uses} uses were found: does this test still read the sources?");
}

#[test]
fn the_commands_have_no_circle() {
    let mut done: Vec<&str> = Vec::new();
    while done.len() < COMMANDS.len() {
        let ready: Vec<&str> = COMMANDS
            .iter()
            .filter(|(name, uses)| !done.contains(name) && uses.iter().all(|used| done.contains(used)))
            .map(|(name, _)| *name)
            .collect();
        let left: Vec<&str> =
            COMMANDS.iter().map(|(name, _)| *name).filter(|name| !done.contains(name)).collect();
        assert!(!ready.is_empty(), "these commands use one another: {left:?}");
        done.extend(ready);
    }
}

#[test]
fn imports_point_down_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut uses = 0;
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        // A module's tests may use the layers above it to prepare their data.
        if inside.ends_with("tests.rs") {
            continue;
        }
        let module = inside.iter().next().unwrap().to_string_lossy().replace(".rs", "");
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else { continue };
        for used in used_modules(&fs::read_to_string(&file).unwrap()) {
            uses += 1;
            if used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses `{used}`", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "a lower layer uses a higher one:\n{}", wrong.join("\n"));
    assert!(uses > 50, "only {uses} uses were found: does this test still read the sources?");
}

#[test]
fn every_module_has_its_layer() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().replace(".rs", "");
        let is_top = ["lib", "main", "commands"].contains(&name.as_str());
        assert!(is_top || ALLOWED.iter().any(|(module, _)| *module == name), "`{name}` has no layer");
    }
}

#[test]
fn a_type_name_means_one_thing() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap().display().to_string();
        for name in defined_types(&fs::read_to_string(&file).unwrap()) {
            places.entry(name).or_default().push(inside.clone());
        }
    }
    assert!(places.len() > 300, "only {} types were found: does this test still read them?", places.len());
    let twice: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "one name for several types: {twice:#?}");
}

#[test]
fn files_stay_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in rust_files(&root.join("src")).into_iter().chain(rust_files(&root.join("tests"))) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 450, "{} has {lines} lines", file.display());
    }
}

/// The modules of `commands` that a file uses; `is_inside` means that the file is in a folder of its command.
fn used_commands(text: &str, is_inside: bool) -> Vec<String> {
    let up = if is_inside { "super::super::" } else { "super::" };
    let mut modules: Vec<String> =
        ["crate::commands::", up].into_iter().flat_map(|prefix| words_after(text, prefix)).collect();
    // Two types that `commands` re-exports for its modules.
    let named = [("Context", "context"), ("Project", "project")];
    modules
        .extend(named.iter().filter(|(name, _)| text.contains(name)).map(|(_, module)| (*module).to_owned()));
    modules.retain(|module| COMMANDS.iter().any(|(name, _)| name == module));
    modules
}

/// The names after `crate::` in a file, including those in `crate::{a, b}`.
fn used_modules(text: &str) -> Vec<String> {
    words_after(text, "crate::")
}

/// The types defined in a file, without the associated types of an `impl`.
fn defined_types(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let code = line.trim_start();
        let is_indented = code.len() < line.len();
        let code =
            code.strip_prefix("pub(").and_then(|rest| rest.split_once(") ")).map_or(code, |(_, rest)| rest);
        let (keyword, rest) = code.strip_prefix("pub ").unwrap_or(code).split_once(' ')?;
        let is_type =
            ["struct", "enum", "trait", "union"].contains(&keyword) || (keyword == "type" && !is_indented);
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        is_type.then(|| rest[..end].to_owned())
    };
    text.lines().filter_map(name).collect()
}

fn words_after(text: &str, prefix: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for part in text.split(prefix).skip(1) {
        let group = part.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(inside, _)| inside);
        let names = group.map_or_else(|| vec![part], |inside| inside.split(',').collect());
        for name in names {
            let word: String =
                name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            modules.extend(Some(word).filter(|word| !word.is_empty()));
        }
    }
    modules
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path());
    entries
        .filter(|path| !path.ends_with("target"))
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
