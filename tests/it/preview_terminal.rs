//! `preview` on a terminal: the pager, and the interactive view, which restores the terminal.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::support::sandbox::Sandbox;

#[cfg(feature = "interactive")]
const LEAVE_ALTERNATE_SCREEN: &str = "\u{1b}[?1049l";

/// A terminal in which a shell runs this line.
fn terminal(line: &str) -> Child {
    let mut script = Command::new("script");
    script.args(["-qec", line, "/dev/null"]).env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// The output of a command on a terminal of 80 columns and 24 rows while these keys are typed; none of them ends it.
fn on_terminal(club: &Sandbox, before: &str, arguments: &str, keys: &str) -> String {
    let program = env!("CARGO_BIN_EXE_medlemsbrev");
    let dir = club.path("").display().to_string();
    let line = format!("stty rows 24 cols 80; {before} {program} -C {dir} {arguments}; echo ended with $?");
    let mut running = terminal(&line);
    let mut input = running.stdin.take().unwrap();
    input.write_all(keys.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    drop(input);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_long_letter_goes_through_the_pager() {
    let club = Sandbox::example("stockholm");
    let shown = on_terminal(&club, "PAGER='sed s/^/paged:/'", "preview 2026-1", "");
    assert!(shown.contains("paged:\u{1b}[2mFrom:") && shown.contains("ended with 0"), "{shown}");
    let club = Sandbox::members(1);
    let shown = on_terminal(&club, "PAGER='sed s/^/paged:/'", "preview 2026-1 --part headers", "");
    assert!(shown.contains("Subject: Brevet") && !shown.contains("paged:"), "{shown}");
}

#[cfg(feature = "interactive")]
#[test]
fn the_interactive_preview_shows_members_and_quits() {
    let club = Sandbox::members(3);
    let shown = on_terminal(&club, "", "preview --interactive", "jjq");
    assert!(shown.contains("3 recipients") && shown.contains("0003"), "{shown}");
    assert!(shown.contains(LEAVE_ALTERNATE_SCREEN) && shown.contains("ended with 0"), "{shown}");
}

#[cfg(feature = "interactive")]
#[test]
fn a_signal_restores_the_terminal() {
    let club = Sandbox::members(3);
    let shown = on_terminal(&club, "timeout --preserve-status --foreground 2", "preview --interactive", "");
    assert!(shown.contains(LEAVE_ALTERNATE_SCREEN) && shown.contains("ended with 75"), "{shown}");
}

#[cfg(feature = "interactive")]
#[test]
fn closing_the_window_ends_the_interactive_preview() {
    use std::io::Read;

    let club = Sandbox::members(3);
    let (program, dir, number) = (env!("CARGO_BIN_EXE_medlemsbrev"), club.path(""), club.path("number"));
    let line = format!(
        "stty rows 24 cols 80; echo $$ >{}; exec {program} -C {} preview -i",
        number.display(),
        dir.display()
    );
    let mut window = terminal(&line);
    let mut drawn = [0; 4096];
    while !String::from_utf8_lossy(&drawn).contains("recipients") {
        assert!(window.stdout.as_mut().unwrap().read(&mut drawn).unwrap() > 0, "nothing was drawn");
    }
    window.kill().unwrap();
    window.wait().unwrap();
    let process = std::path::Path::new("/proc").join(club.read("number").trim());
    for _ in 0..100 {
        if !process.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("it goes on without its window");
}

#[cfg(feature = "interactive")]
#[test]
fn the_interactive_preview_needs_a_terminal() {
    let club = Sandbox::members(1);
    club.run("preview --interactive").code(2).stderr_has("needs a terminal");
}
