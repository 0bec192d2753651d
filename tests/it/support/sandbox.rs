//! A project in its own folder, and the real program run in it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::smtp_server::SmtpServer;

/// A project folder that is removed at the end.
pub struct Sandbox {
    dir: TempDir,
    /// The project's folder in `dir`.
    inside: String,
    /// The URL of the ledger, if it is on a server.
    ledger: Option<String>,
}

/// A command that has ended.
pub struct Run {
    command: String,
    output: Output,
}

/// A command that is still running.
pub struct Running {
    child: Child,
    command: String,
}

const ONE_SECTION: &str = "+++\ntitle = \"Hej\"\n+++\nEtt brev till {{member.name}}.\n";
const CONFIG: &str = r#"
[association]
name = "Byalaget"
postal_address = "Bygatan 1, 100 00 Byn"
contact = "kansliet@example.se"

[sender]
address = "brev@example.se"
bounce_address = "studs@example.se"

[members]
file = "members.csv"
"#;

/// A bounce in the format of RFC 3464, in Postfix's words.
pub fn bounce(number: usize, status: &str, words: &str) -> String {
    let to = format!("member{number:04}@example.org");
    format!(
        "From: MAILER-DAEMON@mail.example.se\nTo: studs@example.se\nSubject: Undelivered Mail Returned to Sender\n\
         Auto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\n\n\
         <{to}>: host mx.example.org said: 550 {status} {words}\n\n--b\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example.se\n\n\
         Final-Recipient: rfc822; {to}\nAction: failed\nStatus: {status}\n\
         Diagnostic-Code: smtp; 550 {status} {words}\n\n--b--\n"
    )
}

impl Sandbox {
    /// An empty folder.
    pub fn empty() -> Self {
        #[cfg(feature = "postgres")]
        let ledger = super::postgres::if_asked_for();
        #[cfg(not(feature = "postgres"))]
        let ledger = None;
        Self { dir: tempfile::tempdir().unwrap(), inside: String::new(), ledger }
    }

    /// Puts the ledger at this URL.
    #[cfg(feature = "postgres")]
    pub fn ledger_at(self, url: &str) -> Self {
        Self { ledger: Some(url.to_owned()), ..self }
    }

    /// Puts the ledger in a file.
    #[cfg(feature = "postgres")]
    pub fn in_file(self) -> Self {
        Self { ledger: None, ..self }
    }

    /// The project in a subfolder of this one.
    pub fn enter(self, folder: &str) -> Self {
        Self { inside: folder.to_owned(), ..self }
    }

    /// A copy of one of the examples.
    pub fn example(name: &str) -> Self {
        let sandbox = Self::empty();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name), sandbox.dir.path());
        sandbox
    }

    /// The example in a language, with a fixed key, so that tokens are the same in every run.
    pub fn example_in(language: &str) -> Self {
        let club = Self::example("stockholm");
        club.write("state/key", [7; 32]);
        let config = club.read("medlemsbrev.toml");
        club.write(
            "medlemsbrev.toml",
            config.replace("language = \"sv\"", &format!("language = \"{language}\"")),
        );
        club
    }

    /// A small project with this many members: `member0001@example.org` and so on.
    pub fn members(count: usize) -> Self {
        let sandbox = Self::empty();
        let mut list = "namn,epost\n".to_owned();
        for number in 1..=count {
            writeln!(list, "Member {number:04},member{number:04}@example.org").unwrap();
        }
        sandbox.write("members.csv", list);
        sandbox.write("medlemsbrev.toml", CONFIG);
        sandbox.write("issues/2026-1/issue.toml", "title = \"Brevet\"\ndate = 2026-04-15\n");
        sandbox.write("issues/2026-1/10-hej.md", ONE_SECTION);
        sandbox
    }

    /// Removes the bounce address, so that letters and bounces have no tokens.
    pub fn without_tokens(self) -> Self {
        let config = self.read("medlemsbrev.toml").replace("bounce_address = \"studs@example.se\"\n", "");
        self.write("medlemsbrev.toml", config);
        self
    }

    /// Sends through the server from now on, with short timeouts.
    pub fn relay(self, server: &SmtpServer) -> Self {
        let mut table = format!(
            "kind = \"smtp\"\nhost = \"{}\"\nport = {}\nsecurity = \"{}\"\n",
            server.host(),
            server.port(),
            server.security().word()
        );
        table += "connect_timeout = \"2s\"\ncommand_timeout = \"2s\"\nfinal_dot_timeout = \"2s\"\n";
        if let Some(pem) = server.ca_pem() {
            self.write("ca.pem", pem);
            table += "ca_file = \"ca.pem\"\n";
        }
        if let Some((user, password)) = server.login() {
            writeln!(table, "username = \"{user}\"\npassword_command = \"echo '{password}'\"").unwrap();
        }
        self.transport(&table)
    }

    /// Replaces the `[transport]` table.
    pub fn transport(self, lines: &str) -> Self {
        let config = self.read("medlemsbrev.toml");
        let mut kept = String::new();
        let mut in_transport = false;
        for line in config.lines() {
            if line.starts_with('[') {
                in_transport = line.trim() == "[transport]";
            }
            if !in_transport {
                kept += line;
                kept += "\n";
            }
        }
        // A test waits for nothing unless it says so.
        self.write("medlemsbrev.toml", format!("{kept}\n[transport]\n{lines}\npatience = \"0s\"\n"));
        self
    }

    /// Adds a line to the `[transport]` table, which is the last one in the file; it replaces an earlier line.
    pub fn with(self, line: &str) -> Self {
        let key = line.split('=').next().unwrap().trim();
        let config = self.read("medlemsbrev.toml");
        let (head, table) = config.split_once("[transport]\n").unwrap();
        let kept: Vec<&str> = table.lines().filter(|line| !line.starts_with(&format!("{key} "))).collect();
        let config = format!("{head}[transport]\n{}\n", kept.join("\n"));
        self.write("medlemsbrev.toml", format!("{config}{line}\n"));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(&self.inside).join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names of the files in a folder; empty if there is no folder.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Runs the program with these arguments, split at spaces; `'…'` keeps spaces together.
    pub fn run(&self, arguments: &str) -> Run {
        let output = self.command(arguments).output().unwrap();
        Run { command: arguments.to_owned(), output }
    }

    /// Runs a shell command in the project's folder, with the program's path in `MEDLEMSBREV`.
    pub fn run_in_shell(&self, line: &str) -> Run {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.path(".")).stdin(Stdio::null());
        command.envs(self.ledger.iter().map(|url| ("MEDLEMSBREV_LEDGER_URL", url)));
        let output = command.env("MEDLEMSBREV", env!("CARGO_BIN_EXE_medlemsbrev")).output().unwrap();
        Run { command: line.to_owned(), output }
    }

    /// Runs the program in the project's folder, with output for this many columns.
    pub fn run_in_columns(&self, columns: usize, arguments: &str) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_medlemsbrev"));
        command.env_clear().env("LANG", "C").env("COLUMNS", columns.to_string()).stdin(Stdio::null());
        command.envs(self.ledger.iter().map(|url| ("MEDLEMSBREV_LEDGER_URL", url)));
        let output = command.current_dir(self.path(".")).args(words(arguments)).output().unwrap();
        Run { command: arguments.to_owned(), output }
    }

    /// Runs the program with environment variables.
    pub fn run_with(&self, variables: &[(&str, &str)], arguments: &str) -> Run {
        let output = self.command(arguments).envs(variables.iter().copied()).output().unwrap();
        Run { command: arguments.to_owned(), output }
    }

    /// Runs the program with a limit on the size of files, in kilobytes.
    pub fn run_with_file_limit(&self, kilobytes: u64, arguments: &str) -> Run {
        // Without the trap, the signal for a file that is too large would end the program.
        let limited = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\"");
        self.run_through(&["bash", "-c", &limited], arguments)
    }

    /// Runs the program through another command, which gets it as arguments.
    pub fn run_through(&self, other: &[&str], arguments: &str) -> Run {
        let program = self.command(arguments);
        let (name, before) = other.split_first().unwrap();
        let mut command = Command::new(name);
        command.envs(self.ledger.iter().map(|url| ("MEDLEMSBREV_LEDGER_URL", url)));
        let output =
            command.args(before).arg(program.get_program()).args(program.get_args()).output().unwrap();
        Run { command: arguments.to_owned(), output }
    }

    /// Starts the program without waiting for it.
    pub fn start(&self, arguments: &str) -> Running {
        let child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child, command: arguments.to_owned() }
    }

    /// The counts of `status ISSUE --json`.
    pub fn status(&self, issue: &str) -> Value {
        self.run(&format!("status {issue} --json")).code(0).json()
    }

    /// How many deliveries are in a state.
    pub fn in_state(&self, issue: &str, state: &str) -> u64 {
        self.status(issue)["counts"][state].as_u64().unwrap()
    }

    /// The addresses whose letters are in doubt.
    pub fn in_doubt(&self, issue: &str) -> Vec<String> {
        let status = self.status(issue);
        let rows = status["in_doubt"].as_array().unwrap();
        rows.iter().map(|row| row["address"].as_str().unwrap().to_owned()).collect()
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_medlemsbrev"));
        // Cron's environment.
        command.env_clear().env("LANG", "C").stdin(Stdio::null());
        command.envs(self.ledger.iter().map(|url| ("MEDLEMSBREV_LEDGER_URL", url)));
        command.arg("-C").arg(self.dir.path().join(&self.inside)).args(words(arguments));
        command
    }
}

impl Run {
    /// Asserts the exit code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(
            self.output.status.code(),
            Some(code),
            "`{}` said:\n{}\n{}",
            self.command,
            self.stdout(),
            self.stderr()
        );
        self
    }

    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        assert!(self.stdout().contains(text), "`{}` has no {text:?}:\n{}", self.command, self.stdout());
        self
    }

    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        assert!(self.stderr().contains(text), "`{}` has no {text:?}:\n{}", self.command, self.stderr());
        self
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    pub fn exit_code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// The document printed by `--json`.
    #[track_caller]
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.stdout()).unwrap_or_else(|error| panic!("{error}: {}", self.stdout()))
    }

    /// The result in the document of `--json`.
    #[track_caller]
    pub fn json(&self) -> Value {
        self.document()["result"].take()
    }
}

impl Running {
    /// The process id, for signals.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `INT` or `KILL`.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// The next line of output.
    #[cfg(feature = "browser")]
    pub fn line(&mut self) -> String {
        let stdout = self.child.stdout.as_mut().unwrap();
        let bytes = std::io::Read::bytes(stdout).map_while(Result::ok).take_while(|byte| *byte != b'\n');
        String::from_utf8(bytes.collect()).unwrap()
    }

    /// Waits until it ends.
    pub fn wait(self) -> Run {
        Run { command: self.command, output: self.child.wait_with_output().unwrap() }
    }
}

/// Sends a signal to a process; ignores one that has ended already.
pub fn signal(process: u32, name: &str) {
    let _ended =
        Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).stderr(Stdio::null()).status();
}

fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let name = entry.file_name();
        if ["state", "outbox", "logs", "archive"].iter().any(|made| name == *made) {
            continue;
        }
        let target = to.join(&name);
        if entry.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
