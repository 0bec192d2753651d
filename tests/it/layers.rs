//! The layers of `src/lib.rs`: a module may use those below it, never one above or beside it.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module and what it may use; `report`, `config` and `error` belong to the commands.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("domain", &[]),
    ("import", &["domain"]),
    ("compose", &["domain"]),
    ("inbox", &["domain"]),
    ("server", &[]),
    ("mailbox", &["server"]),
    ("relay", &["domain", "server"]),
    ("ledger", &["domain", "import"]),
    ("publish", &["compose"]),
    ("preview", &["domain", "compose", "check"]),
    ("check", &["domain", "compose"]),
    ("send", &["domain", "compose", "ledger", "relay"]),
    ("config", &["domain", "server"]),
    ("report", &[]),
    ("cli", &["domain", "config"]),
    (
        "error",
        &[
            "domain", "compose", "import", "ledger", "relay", "send", "server", "mailbox", "publish",
            "preview", "config", "inbox", "report",
        ],
    ),
];

#[test]
fn imports_point_down_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut uses = 0;
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
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
fn files_stay_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in rust_files(&root.join("src")).into_iter().chain(rust_files(&root.join("tests"))) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 450, "{} has {lines} lines", file.display());
    }
}

/// What follows `crate::` in a file, also inside `crate::{a, b}`.
fn used_modules(text: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for part in text.split("crate::").skip(1) {
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
