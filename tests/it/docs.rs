//! Compares the documentation with the program: configuration keys and defaults, examples, exit codes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use medlemsbrev::compose::{ComposeError, IssueSource};
use medlemsbrev::config::{Config, ConfigError};

use crate::support::sandbox::Sandbox;

/// A section of `docs/configuration.md`: a table of the configuration, or `issue.toml`.
struct Table {
    /// The heading without backticks: `[members]`, `[[dkim]]`, `issue.toml`.
    heading: String,
    /// Keys with their defaults, as written.
    keys: Vec<(String, String)>,
    example: String,
}

impl Table {
    /// The name of the table, such as `inbox.imap`.
    fn name(&self) -> &str {
        self.heading.trim_matches(['[', ']'])
    }

    fn is_issue(&self) -> bool {
        self.heading == "issue.toml"
    }

    /// The lines of the example that set required keys; an IMAP server also needs a password.
    fn required(&self) -> String {
        let is_required = |line: &&str| {
            let key = line.split(" = ").next().unwrap_or_default();
            self.keys.iter().any(|(name, default)| name == key && default == "required")
                || (self.name() == "inbox.imap" && key == "password_file")
        };
        self.example.lines().filter(is_required).map(|line| format!("{line}\n")).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tables() -> Vec<Table> {
    let text = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let sections = text.split("\n## `").skip(1);
    sections
        .map(|section| {
            let (heading, rest) = section.split_once('`').unwrap();
            let rows = rest.lines().filter(|line| line.starts_with("| `"));
            let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
            Table {
                heading: heading.to_owned(),
                keys: cells
                    .map(|cells| (cells[0].trim_matches(['|', ' ', '`']).to_owned(), cells[1].to_owned()))
                    .collect(),
                example: blocks(rest, "toml").concat(),
            }
        })
        .collect()
}

/// The fenced blocks of one language in a document.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    text.split(&fence).skip(1).map(|block| block.split("\n```").next().unwrap().to_owned() + "\n").collect()
}

/// The README and all documents in `docs`.
fn documents() -> Vec<(String, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    paths.extend(["README.md", "examples/stockholm/README.md"].map(|name| root().join(name)));
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

/// Parses a `medlemsbrev.toml`; returns the program's interpretation or the error.
fn load(text: &str) -> Result<String, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("medlemsbrev.toml"), text).unwrap();
    Config::load(dir.path()).map(|config| format!("{config:?}"))
}

/// Reads an `issue.toml` in the same way.
fn load_issue(text: &str) -> Result<String, ComposeError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("issue.toml"), text).unwrap();
    fs::write(dir.path().join("10-hej.md"), "# Hej\n\nHej!\n").unwrap();
    let source = IssueSource::load(dir.path(), &"2026-1".parse().unwrap(), "sv")?;
    Ok(format!("{:?}", source.issue))
}

/// The configuration with all required keys, and these lines at the start of a table.
fn with(tables: &[Table], heading: &str, lines: &str) -> String {
    let always = ["[association]", "[sender]"];
    let needed = tables.iter().filter(|table| always.contains(&&*table.heading) || table.heading == heading);
    let mut text: String = needed
        .map(|table| {
            let lines = if table.heading == heading { lines } else { "" };
            format!("{}\n{lines}\n{}", table.heading, table.required())
        })
        .collect();
    if heading.is_empty() {
        text.insert_str(0, lines);
    }
    text
}

/// The keys of a table according to the program: they are in its error about an unknown one.
fn known(tables: &[Table], heading: &str) -> BTreeSet<String> {
    const UNKNOWN: &str = "zzzzzz = 1\n";
    let hint = if heading == "issue.toml" {
        match load_issue(UNKNOWN).unwrap_err() {
            ComposeError::Source { hint, .. } => hint,
            other => panic!("{other}"),
        }
    } else {
        match load(&with(tables, heading, UNKNOWN)).unwrap_err() {
            ConfigError::Syntax { hint, .. } => hint,
            other => panic!("{other}"),
        }
    };
    let hint = hint.unwrap_or_else(|| panic!("{heading}: no names in the hint"));
    hint.rsplit(": ").next().unwrap().split(", ").map(str::to_owned).collect()
}

#[test]
fn every_key_of_the_configuration_is_documented() {
    let tables = tables();
    let names: BTreeSet<&str> = tables.iter().filter(|table| !table.is_issue()).map(Table::name).collect();
    let of_root = known(&tables, "");
    assert!(of_root.len() > 8, "{of_root:?}");
    let top: BTreeSet<String> =
        names.iter().filter(|name| !name.contains('.')).map(|name| (*name).to_owned()).collect();
    assert_eq!(top, of_root, "the sections of docs/configuration.md");
    // The user chooses the keys of these tables.
    for table in tables.iter().filter(|table| !["segments", "members.columns"].contains(&table.name())) {
        let mut documented: BTreeSet<String> = table.keys.iter().map(|(key, _)| key.clone()).collect();
        let inner = names.iter().filter_map(|name| name.strip_prefix(&format!("{}.", table.name())));
        documented.extend(inner.map(str::to_owned));
        assert_eq!(documented, known(&tables, &table.heading), "{}", table.heading);
    }
}

#[test]
fn documented_defaults_match_the_program() {
    let tables = tables();
    let mut checked = 0;
    for table in &tables {
        for (key, default) in &table.keys {
            let Some(value) = default.strip_prefix('`').and_then(|value| value.strip_suffix('`')) else {
                continue;
            };
            // Not a value, but the start of a sentence.
            let line = format!("{key} = {value}\n");
            let (set, unset) = if table.is_issue() {
                (load_issue(&(line.clone() + &table.required())).ok(), load_issue(&table.required()).ok())
            } else {
                let [set, unset] = [line.as_str(), ""].map(|line| load(&with(&tables, &table.heading, line)));
                (set.ok(), unset.ok())
            };
            assert!(unset.is_some(), "{}: the required keys are not enough", table.heading);
            assert_eq!(set, unset, "{}: {line}", table.heading);
            checked += 1;
        }
    }
    assert!(checked > 30, "only {checked} defaults were found");
}

/// The keys in the table of a section in `docs/writing.md`.
fn keys_of_sections(heading: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/writing.md")).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let rows = section.split("\n## ").next().unwrap().lines();
    rows.filter_map(|line| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned())).collect()
}

#[test]
fn every_key_of_a_section_is_documented() {
    for (heading, front) in
        [("Front matter", "zzzzzz = 1"), ("Events", "title = \"a\"\n[[event]]\nzzzzzz = 1")]
    {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("issue.toml"), "title = \"T\"\ndate = 2026-04-15\n").unwrap();
        fs::write(dir.path().join("10-hej.md"), format!("+++\n{front}\n+++\nHej!\n")).unwrap();
        let error = IssueSource::load(dir.path(), &"2026-1".parse().unwrap(), "sv").unwrap_err();
        let ComposeError::Source { hint: Some(hint), .. } = error else { panic!("{error}") };
        let known: BTreeSet<String> =
            hint.rsplit(": ").next().unwrap().split(", ").map(str::to_owned).collect();
        assert_eq!(keys_of_sections(heading), known, "{heading}");
    }
}

#[test]
fn every_documented_key_has_an_example() {
    for table in tables() {
        for (key, _) in &table.keys {
            let is_set = |line: &str| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{key} = ")) || line == format!("[[{key}]]")
            };
            assert!(table.example.lines().any(is_set), "{}: {key}", table.heading);
        }
    }
}

#[test]
fn the_toml_in_the_docs_is_valid() {
    let tables = tables();
    let mut checked = 0;
    for (path, text) in documents() {
        for block in blocks(&text, "toml") {
            if block.starts_with("title = ") {
                load_issue(&block).unwrap_or_else(|error| panic!("{path}: {error}\n{block}"));
            } else {
                let mut config: toml::Table = with(&tables, "", "").parse().unwrap();
                let more: toml::Table = block.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
                for (name, value) in more {
                    match (config.get_mut(&name), value) {
                        (Some(toml::Value::Table(old)), toml::Value::Table(new)) => old.extend(new),
                        (_, value) => drop(config.insert(name, value)),
                    }
                }
                load(&config.to_string()).unwrap_or_else(|error| panic!("{path}: {error}\n{block}"));
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} blocks were found");
}

/// The commands in the `console` blocks of a document, without comments.
fn console(text: &str) -> Vec<String> {
    // Blocks in a list are indented.
    let text: String = text.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    let lines = blocks(&text, "console").concat();
    let commands = lines.lines().filter_map(|line| line.strip_prefix("$ "));
    commands.map(|line| line.split(" # ").next().unwrap().trim().to_owned()).collect()
}

/// Runs the commands one after the other, like a reader who follows the document.
fn follow(club: &Sandbox, path: &str, commands: &[String]) -> usize {
    let mut folder = ".".to_owned();
    let mut followed = 0;
    for line in commands {
        if let Some(inner) = line.strip_prefix("cd ") {
            folder = format!("{folder}/{inner}");
            continue;
        }
        let program = line.replacen("cargo run --release -- ", "medlemsbrev ", 1);
        let Some(arguments) = program.strip_prefix("medlemsbrev ") else {
            assert!(line.starts_with("cargo ") || line.contains(".ci/"), "{path}: `{line}`");
            continue;
        };
        let run = club.run_in_shell(&format!("cd {folder} && \"$MEDLEMSBREV\" {arguments}"));
        let asks = run.stderr().contains("no terminal to confirm on");
        assert!(asks || run.exit_code() == Some(0), "{path}: `{line}` fails: {}", run.stderr());
        followed += 1;
    }
    followed
}

#[test]
fn the_commands_of_the_readme_can_be_followed() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let place = Sandbox::empty();
    place.run_in_shell(&format!(
        "cp -r '{}/examples' . && rm -rf examples/*/state examples/*/outbox examples/*/logs",
        root().display()
    ));
    assert!(follow(&place, "README.md", &console(&text)) >= 7);
    let example = fs::read_to_string(root().join("examples/stockholm/README.md")).unwrap();
    assert!(follow(&place, "examples/stockholm/README.md", &console(&example)) >= 2);
}

#[test]
#[cfg(feature = "paper")]
fn the_commands_of_the_docs_run() {
    let mut followed = 0;
    for (path, text) in documents().into_iter().filter(|(path, _)| path.contains("/docs/")) {
        let commands = console(&text);
        if commands.is_empty() {
            continue;
        }
        let club = Sandbox::example("stockholm");
        club.write("issues/kallelse/issue.toml", "title = \"K\"\ndate = 2026-04-15\nkind = \"notice\"\n");
        club.write("issues/kallelse/10-hej.md", "# Hej\n\nHej!\n");
        club.run("import").code(0);
        ["2026-1", "kallelse"]
            .iter()
            .for_each(|issue| drop(club.run(&format!("send {issue} --yes")).code(0)));
        followed += follow(&club, &path, &commands);
    }
    assert!(followed >= 10, "only {followed} commands were found");
}

/// The text in backticks in a document, outside of blocks.
#[cfg(feature = "paper")]
fn code_spans(text: &str) -> Vec<String> {
    let outside: String = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
    outside.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect()
}

#[test]
#[cfg(feature = "paper")]
fn the_commands_in_the_text_exist() {
    let club = Sandbox::empty();
    let help = |path: &str| {
        let run = club.run_in_columns(200, &format!("{path} --help"));
        (run.exit_code() == Some(0)).then(|| run.stdout())
    };
    let top = help("").unwrap();
    let mut checked = 0;
    for (path, text) in documents() {
        for span in code_spans(&text) {
            let span = span.strip_prefix("medlemsbrev ").unwrap_or(&span);
            let mut words = span.split_whitespace();
            let command = words.next().unwrap_or_default();
            let is_command = top.lines().any(|line| line.starts_with(&format!("  {command} ")));
            if !is_command || !command.chars().all(|c| c.is_ascii_lowercase()) {
                continue;
            }
            let inner = words.clone().next().and_then(|word| help(&format!("{command} {word}")));
            let page = inner.or_else(|| help(command)).unwrap();
            for option in words.filter(|word| word.starts_with("--") || word.starts_with("[--")) {
                let name = option.trim_matches(['[', ']']).split('=').next().unwrap();
                assert!(page.contains(name), "{path}: `{span}` has the unknown option {name}");
            }
            checked += 1;
        }
    }
    assert!(checked > 60, "only {checked} commands were found");
}

#[test]
fn man_shows_the_manual_pages_without_a_warning() {
    let club = Sandbox::empty();
    let files = club.run_in_shell("\"$MEDLEMSBREV\" man --output man").code(0).stdout();
    assert!(files.contains("man/man5/medlemsbrev.toml.5") && files.contains("man/man1/medlemsbrev-send.1"));
    if club.run_in_shell("command -v man && command -v groff").exit_code() != Some(0) {
        eprintln!("skipped: there is no man");
        return;
    }
    for file in files.lines() {
        let shown = club.run_in_shell(&format!("MANWIDTH=80 man --warnings -l '{file}'")).code(0);
        assert_eq!(shown.stderr(), "", "{file}");
        // Code is indented and not wrapped.
        let widest = shown.stdout().lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 100, "{file} has a line of {widest} columns");
    }
}
