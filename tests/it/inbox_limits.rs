//! Oversized messages stay within 200 MiB and five seconds: `cargo test --release --test it inbox_limits:: --
//! --ignored`.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MEGABYTE: usize = 1024 * 1024;
const NOTICE: &str = "From: MAILER-DAEMON@mx.example.org\nTo: studs@example.se\n\
                      Subject: Undelivered Mail Returned to Sender\n";
const REPORT: &str = "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n";

/// Reads a message; returns the peak memory in kilobytes and the number of recipients found.
fn read(dir: &Path, message: &str) -> (u64, usize) {
    let (file, verdicts) = (dir.join("message.eml"), dir.join("verdicts.jsonl"));
    std::fs::write(&file, message).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_medlemsbrev"));
    command.arg("-C").arg(dir).args(["bounces", "--dry-run", "--json"]).arg(&file);
    let start = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(File::create(&verdicts).unwrap()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim_end_matches("kB").trim().parse().ok()).unwrap_or(peak);
        if let Some(code) = child.try_wait().unwrap() {
            break code;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(code.success());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(peak < 200 * 1024, "{peak} kB");
    let verdict: serde_json::Value =
        serde_json::from_str(std::fs::read_to_string(verdicts).unwrap().trim()).unwrap();
    (peak, verdict["result"][0]["recipients"].as_array().unwrap().len())
}

#[test]
#[ignore = "for the release build"]
fn huge_messages_stay_within_time_and_memory() {
    let dir = tempfile::tempdir().unwrap();
    let lines = |line: &str, size: usize| line.repeat(size / line.len());
    let long =
        lines("En rad text som är ungefär så lång som en rad brukar vara i ett brev.\r\n", 50 * MEGABYTE);
    let coded = lines(&("QUJD".repeat(19) + "\n"), 50 * MEGABYTE);
    let numbers = 0..100_000;
    let text: String =
        numbers.clone().map(|n| format!("<m{n}@example.org>: 550 5.1.1 User unknown\n\n")).collect();
    let record = |n| {
        format!(
            "Final-Recipient: rfc822; m{n}@example.org\nAction: failed\nStatus: 5.1.1\n\
             Diagnostic-Code: smtp; 550 5.1.1 <m{n}@example.org> User unknown\n\n"
        )
    };
    let records: String = numbers.map(record).collect();
    let nested: String =
        (0..10_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let returned = "--x\n\n<anna@example.org>: 550 5.1.1 User unknown\n\n--x\nContent-Type: message/rfc822\n";
    for (name, message, recipients) in [
        ("a long text", format!("{}\r\n{long}", NOTICE.replace('\n', "\r\n")), 0),
        ("one line", format!("{NOTICE}\n{}", "a".repeat(50 * MEGABYTE)), 0),
        ("a long header", NOTICE.to_owned() + &lines("X-A: <a@example.org> 550 5.1.1\n", 50 * MEGABYTE), 0),
        (
            "a large letter that came back",
            format!("{NOTICE}{REPORT}{returned}Content-Transfer-Encoding: base64\n\n{coded}\n--x--\n"),
            1,
        ),
        ("nested parts", format!("{NOTICE}{nested}hej"), 0),
        ("nested messages", NOTICE.to_owned() + &"Content-Type: message/rfc822\n\n".repeat(10_000), 0),
        (
            "a DSN with 100,000 recipients",
            format!(
                "{NOTICE}{REPORT}--x\n\n{text}\n--x\nContent-Type: message/delivery-status\n\n{records}\n--x--\n"
            ),
            100_000,
        ),
    ] {
        let (peak, found) = read(dir.path(), &message);
        println!("{name}: {} MB, peak {} MB", message.len() / MEGABYTE, peak / 1024);
        assert_eq!(found, recipients, "{name}");
    }
}
