//! Promise 5: nobody else can read it. All files but the archive are readable by the owner only.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::SmtpServer;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Folders are closed to others; a file in a folder that was open must itself be closed.
fn assert_private(club: &Sandbox, after: &str) {
    for folder in ["state", "logs", "outbox"] {
        let folder = club.path(folder);
        if !folder.exists() {
            continue;
        }
        assert_eq!(mode(&folder) & 0o077, 0, "{} after `{after}`", folder.display());
        for file in files_below(&folder) {
            assert_eq!(mode(&file) & 0o077, 0, "{} after `{after}`", file.display());
        }
    }
}

#[test]
fn nobody_else_can_read_files_written_by_any_command() {
    let club = Sandbox::example("stockholm");
    for command in [
        "preview 2026-1",
        "check 2026-1",
        "build 2026-1",
        "import",
        "send 2026-1 --dry-run",
        "approve 2026-1 --yes",
        "send 2026-1 --limit 10 --yes",
        "send 2026-1 --yes",
        "status",
        "members unsubscribe id:1",
        "members export --output state/export.csv",
        "members forget id:2 --yes",
        "prune --older-than 24m",
    ] {
        club.run_in_shell(&format!("umask 0; exec \"$MEDLEMSBREV\" {command}")).code(0);
        assert_private(&club, command);
    }
    assert!(!files_below(&club.path("state")).is_empty() && !files_below(&club.path("outbox")).is_empty());
}

#[test]
fn the_archive_can_be_read_by_the_web_server() {
    let club = Sandbox::example("stockholm");
    club.run("send 2026-1 --yes").code(0);
    club.run_in_shell("umask 077; exec \"$MEDLEMSBREV\" archive").code(0);
    assert_eq!(mode(&club.path("archive")), 0o755);
    for file in files_below(&club.path("archive")) {
        assert_eq!(mode(&file), 0o644, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o755, "{}", file.display());
    }
}

#[test]
fn folders_left_open_by_an_older_version_are_closed_with_a_message() {
    let club = Sandbox::example("stockholm");
    club.run("send 2026-1 --yes").code(0);
    for (path, open) in [("state", 0o755), ("state/medlemsbrev.db", 0o644), ("logs", 0o755)] {
        std::fs::set_permissions(club.path(path), std::fs::Permissions::from_mode(open)).unwrap();
    }
    club.run("status").code(0).stderr_has("state` private").stderr_has("logs` private");
    assert_private(&club, "status");
    assert!(!club.run("status").stderr().contains("private"));
    std::fs::set_permissions(club.path("logs"), std::fs::Permissions::from_mode(0o2770)).unwrap();
    club.run("status -v").code(0).stderr_has("shared with its group");
    assert_eq!(mode(&club.path("logs")), 0o2770);
}

#[test]
fn a_killed_command_leaves_no_copy_of_the_register() {
    let club = Sandbox::example("stockholm");
    club.run("import").code(0);
    for command in ["preview 2026-1", "approve 2026-1 --yes", "send 2026-1 --dry-run"] {
        for pause in ["0.02", "0.05", "0.1"] {
            club.run_in_shell(&format!("timeout -s KILL {pause} \"$MEDLEMSBREV\" {command}"));
        }
    }
    club.run("send 2026-1 --dry-run").code(0);
    let left = files_below(&club.path("state")).into_iter();
    let left: Vec<_> = left.filter(|file| file.display().to_string().contains("copy-")).collect();
    assert!(left.is_empty(), "{left:?}");
    // The folder for copies if `state` is read-only.
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let has_copy = entry.file_name().to_string_lossy().starts_with("copy-");
        assert!(!has_copy, "{}", entry.path().display());
    }
}

#[test]
fn a_full_disk_at_standard_output_is_an_error() {
    let club = Sandbox::example("stockholm");
    club.run("import").code(0);
    for command in ["members export", "members list --csv", "members extract id:1", "members list --json"] {
        club.run_in_shell(&format!("exec \"$MEDLEMSBREV\" {command} > /dev/full"))
            .code(75)
            .stderr_has("cannot write to standard output");
    }
}

#[test]
fn a_password_never_travels_unencrypted_to_another_machine() {
    let club = Sandbox::example("stockholm");
    let config = club.read("medlemsbrev.toml");
    let (before, _) = config.split_once("[transport]").unwrap();
    let transport = "[transport]\nkind = \"smtp\"\nhost = \"mail.example.se\"\nsecurity = \"none\"\n\
                     username = \"brev\"\npassword_command = \"echo hemligt\"\n";
    club.write("medlemsbrev.toml", format!("{before}{transport}"));
    club.run("status").code(78).stderr_has("transport.security").stderr_has("unencrypted");
    for host in ["localhost", "127.0.0.2", "::1"] {
        club.write("medlemsbrev.toml", format!("{before}{transport}").replace("mail.example.se", host));
        club.run("status").code(0);
    }
}

#[test]
fn a_line_break_in_a_name_is_a_configuration_error() {
    for (old, key) in [("[association]\nname = ", "association.name"), ("[sender]\nname = ", "sender.name")] {
        let club = Sandbox::example("stockholm");
        let config = club.read("medlemsbrev.toml");
        let start = config.find(old).map_or_else(|| panic!("no {old}"), |at| at + old.len());
        let end = start + config[start..].find('\n').unwrap();
        club.write("medlemsbrev.toml", format!("{}\"A\\nB\"{}", &config[..start], &config[end..]));
        club.run("check 2026-1").code(78).stderr_has(key).stderr_has("line break");
    }
}

#[test]
fn only_sections_for_everyone_are_published() {
    let club = Sandbox::example("stockholm");
    for (number, audience) in ["typ != \"extern\"", "not område", "område not in [stad]"].iter().enumerate()
    {
        club.write(
            &format!("issues/2026-1/9{number}-hemligt.md"),
            format!("+++\ntitle = \"Internt {number}\"\naudience = '{audience}'\n+++\nBara för er.\n"),
        );
    }
    club.run("archive").code(65).stderr_has("no issue has been approved");
    let page = "/2026-1.html";
    club.run("send 2026-1 --segment byalag --yes").code(0);
    let letter = club.files("outbox/2026-1").remove(0);
    assert!(!club.read(&format!("outbox/2026-1/{letter}")).contains(page), "a letter links to no page");
    club.run("archive").code(65);
    club.run("approve 2026-1 --yes").code(0);
    club.run("archive").code(0);
    club.run("send 2026-1 --dry-run --segment byalag").code(0);
    let page = club.read("archive/2026-1.html");
    assert!(page.contains("Här ses vi") && !page.contains("Bara för er") && !page.contains("skärgården\""));
    club.run("cancel 2026-1").code(0);
    club.run("archive").code(65);
}

#[test]
fn a_read_only_project_can_be_read() {
    let server = SmtpServer::start();
    let club = Sandbox::example("stockholm").relay(&server);
    club.run("send 2026-1 --limit 5 --yes").code(0);
    let status = club.run("status 2026-1").code(0).stdout();
    if club.run_in_shell("id -u").stdout().trim() != "0"
        || club.run_in_shell("which setpriv").stdout().is_empty()
    {
        println!("skipped: another user's rights can only be tried by root with setpriv");
        return;
    }
    let everyone = "chmod -R a+rX . && chmod a+rx \"$(dirname \"$MEDLEMSBREV\")\"";
    club.run_in_shell(everyone).code(0);
    for command in ["status 2026-1", "members list", "log", "preview 2026-1", "check 2026-1"] {
        let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
        let run = club
            .run_in_shell(&format!("cp \"$MEDLEMSBREV\" ./prog; chmod a+rx prog; {nobody} ./prog {command}"));
        let run = run.code(0);
        if command == "status 2026-1" {
            assert_eq!(run.stdout(), status);
        }
    }
}

#[test]
fn no_file_from_outside_the_project_is_sent_with_a_letter() {
    let club = Sandbox::example("stockholm");
    let outside = tempfile::tempdir().unwrap();
    let picture = outside.path().join("hus.png");
    std::fs::copy(
        club.path("issues/2026-1/images").join(club.files("issues/2026-1/images").remove(0)),
        &picture,
    )
    .unwrap();
    let section = |target: &str| {
        club.write("issues/2026-1/95-hus.md", format!("+++\ntitle = \"Hus\"\n+++\n![Ett hus]({target})\n"));
    };
    std::os::unix::fs::symlink(&picture, club.path("issues/2026-1/images/lank.png")).unwrap();
    let up = format!("../../../../../../../../..{}", picture.display());
    for target in [&picture.display().to_string(), &up, &up.replace("..", "%2e%2e"), "images/lank.png"] {
        section(target);
        club.run("send 2026-1 --yes").code(65).stderr_has("is outside the project's folder");
    }
    std::fs::remove_file(club.path("issues/2026-1/images/lank.png")).unwrap();
    club.run_in_shell("mkfifo issues/2026-1/images/lank.png").code(0);
    club.run("send 2026-1 --yes").code(65).stderr_has("is not a regular file");
    std::fs::remove_file(club.path("issues/2026-1/95-hus.md")).unwrap();
    std::fs::remove_file(club.path("issues/2026-1/images/lank.png")).unwrap();
    club.run_in_shell(
        "mkdir -p issues/2026-1/attachments && ln -s /dev/zero issues/2026-1/attachments/noll.bin",
    );
    club.run("send 2026-1 --yes").code(65).stderr_has("noll.bin` is outside the project's folder");
    assert!(!club.path("outbox").exists());
}
