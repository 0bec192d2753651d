//! The output for people: snapshots at several widths, without colour.

use crate::support::sandbox::Sandbox;

/// Settings for the examples of `bounces` and `remind`.
const SETTINGS: &str = r#"
[inbox]
sources = ["Maildir"]
[schedule]
due = ["05-15"]
editors = ["editor@example.org"]
"#;

/// The output of a command at each width, with its exit code.
fn shown(club: &Sandbox, widths: &[usize], arguments: &str) -> String {
    let of_width = |width: &usize| {
        let run = club.run_in_columns(*width, arguments);
        let (code, out, err) = (run.exit_code().unwrap_or(-1), run.stdout(), run.stderr());
        format!("── {width} columns, ends with {code}\n{out}{err}")
    };
    without_times(&widths.iter().map(of_width).collect::<Vec<_>>().join("\n"))
}

/// Replaces all digits in days and times with `0`.
fn without_times(text: &str) -> String {
    without(&without(text, "dddd-dd-dd"), "dd:dd:dd")
}

fn without(text: &str, pattern: &str) -> String {
    let bytes = text.as_bytes();
    let is_time = |at: usize| {
        let part = bytes.get(at..at + pattern.len()).unwrap_or_default();
        !part.is_empty()
            && part
                .iter()
                .zip(pattern.bytes())
                .all(|(b, p)| if p == b'd' { b.is_ascii_digit() } else { *b == p })
    };
    let mut kept = text.to_owned();
    for at in (0..bytes.len()).filter(|at| is_time(*at)) {
        kept.replace_range(at..at + pattern.len(), &pattern.replace('d', "0"));
    }
    kept
}

/// Sends stderr elsewhere: warnings about events come and go with the calendar.
fn silently(arguments: &str) -> String {
    format!("{arguments} --quiet")
}

fn commands(club: &Sandbox, path: &str) -> Vec<String> {
    let help = club.run_in_columns(200, &format!("{path} --help")).code(0).stdout();
    // The program's own commands are in groups.
    let first = if path.is_empty() { "Start:" } else { "Commands:" };
    let last = if path.is_empty() { "Global options:" } else { "" };
    let lines = help.lines().skip_while(|line| *line != first).skip(1).take_while(|line| *line != last);
    // A line further to the right continues the one above.
    let lines = lines.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names
        .flat_map(|name| {
            let command = format!("{path} {name}").trim().to_owned();
            let inner = commands(club, &command);
            std::iter::once(command).chain(inner)
        })
        .collect()
}

#[test]
fn every_command_has_its_help() {
    let club = Sandbox::empty();
    insta::assert_snapshot!("help", shown(&club, &[80, 120], "--help"));
    let commands = commands(&club, "");
    assert!(commands.len() > 30, "{commands:?}");
    for command in commands {
        let name = format!("help-{}", command.replace(' ', "-"));
        insta::assert_snapshot!(name, shown(&club, &[80, 120], &format!("{command} --help")));
    }
}

#[test]
fn the_examples_of_the_help_run() {
    let nobody = Sandbox::empty();
    for command in commands(&nobody, "") {
        let help = nobody.run_in_columns(200, &format!("{command} --help")).stdout();
        let examples: Vec<&str> =
            help.lines().filter_map(|line| line.strip_prefix("  medlemsbrev ")).collect();
        let has_none = ["members", "bounces report", "ledger"].contains(&command.as_str());
        assert!(has_none || !examples.is_empty(), "`{command} --help` has no example");
        let club = Sandbox::example("stockholm");
        let config = club.read("medlemsbrev.toml");
        club.write("medlemsbrev.toml", config + SETTINGS);
        ["cur", "new", "tmp"].iter().for_each(|folder| club.write(&format!("Maildir/{folder}/.keep"), ""));
        club.write("returned.eml", "From: MAILER-DAEMON@example.se\n\nHello\n");
        club.run("import").code(0);
        club.run("members add --name Anna --email anna@example.se --number 101 --set typ=byalag").code(0);
        for example in examples {
            let run = club.run_in_columns(80, example);
            let asks = run.stderr().contains("no terminal to confirm on");
            let code = run.exit_code().unwrap_or(-1);
            // The server does not exist.
            let is_elsewhere = example.contains("postgres://") && code == 75;
            assert!(
                asks || is_elsewhere || [0, 1, 65].contains(&code),
                "`{example}` ends with {code}: {}",
                run.stderr()
            );
        }
    }
}

#[test]
fn tables_fit_their_width() {
    let club = Sandbox::example("stockholm");
    club.run("send 2026-1 --yes").code(0);
    for (name, command) in [
        ("status", "status 2026-1"),
        ("members-list", "members list byalag"),
        ("segments", "segments"),
        ("organisations", "organisations"),
    ] {
        insta::assert_snapshot!(name, shown(&club, &[40, 80, 120], command));
    }
}

#[test]
fn a_dry_run_ends_with_a_table_of_who_gets_what() {
    let club = Sandbox::example("stockholm");
    let first = silently("send 2026-1 --dry-run");
    insta::assert_snapshot!("dry-run", shown(&club, &[80], &first));
    club.write("issues/2026-1/90-kort.md", "+++\ntitle = \"Kort\"\naudience = 'typ = nobody'\n+++\nKort.\n");
    let config = club.read("medlemsbrev.toml");
    club.write(
        "medlemsbrev.toml",
        config.replace("kind = \"outbox\"", "kind = \"outbox\"\nquota = [\"20/h\"]"),
    );
    let section = club.read("issues/2026-1/70-skargarden.md");
    club.write("issues/2026-1/70-skargarden.md", section + "\nMer.\n");
    insta::assert_snapshot!("dry-run-again", shown(&club, &[40, 120], &first));
}

#[test]
fn errors_show_the_place_and_a_hint() {
    let club = Sandbox::example("stockholm");
    let widths = [40, 80, 120];
    insta::assert_snapshot!("error-command", shown(&club, &widths, "sned"));
    insta::assert_snapshot!("error-issue", shown(&club, &widths, "preview 2026-l"));
    insta::assert_snapshot!("error-which-issue", shown(&club, &widths, "send"));
    insta::assert_snapshot!("error-empty-register", shown(&club, &widths, "members list"));
    club.run("import").code(0);
    insta::assert_snapshot!("error-segment", shown(&club, &widths, "members list bylag"));
    insta::assert_snapshot!(
        "error-expression",
        shown(&club, &widths, "members list 'typ = byalag och ort = x'")
    );
    insta::assert_snapshot!("error-member", shown(&club, &widths, "members show ingen@example.org"));
    insta::assert_snapshot!("error-address", shown(&club, &widths, "send 2026-1 --test anna@example"));
    club.write("issues/2026-1/20-fel.md", "+++\ntitle = \"Fel\"\n+++\n\nHej {{member.nmae}}!\n");
    insta::assert_snapshot!("error-template", shown(&club, &widths, "preview 2026-1"));
    club.write("members.csv", "namn;telefon\nBo;1\n");
    insta::assert_snapshot!("error-list", shown(&club, &widths, "import"));
    let config = club.read("medlemsbrev.toml");
    club.write("medlemsbrev.toml", config.replace("reply_to =", "replyto ="));
    insta::assert_snapshot!("error-key", shown(&club, &widths, "status"));
    club.write("medlemsbrev.toml", config.replace("kind = \"outbox\"", "kind = \"outbox"));
    insta::assert_snapshot!("error-toml", shown(&club, &widths, "status"));
    insta::assert_snapshot!("error-folder", shown(&Sandbox::empty(), &widths, "status"));
}
