//! A real `PostgreSQL` server from Debian on a loopback port, while the test program runs.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// A server with an empty database.
pub struct Server {
    port: u16,
    programs: PathBuf,
    folder: PathBuf,
    /// The shell that runs the server; when this pipe is closed, it stops the server and removes its files.
    shell: Mutex<Option<(Child, ChildStdin)>>,
}

/// A ledger for any story if `MEDLEMSBREV_TEST_LEDGER=postgres` asks for all of them to run on a server.
pub fn if_asked_for() -> Option<String> {
    let is_asked_for = std::env::var_os("MEDLEMSBREV_TEST_LEDGER").is_some_and(|value| value == "postgres");
    is_asked_for.then(|| ledger().expect("a PostgreSQL server"))
}

/// The URL of a new, empty ledger; `None`, with a notice, if no server can be started.
pub fn ledger() -> Option<String> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(Server::start).as_ref().map(Server::ledger)
}

impl Server {
    /// Starts a server; `None`, with a notice, if the programs are missing.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                std::env::var_os("MEDLEMSBREV_SERVERS").is_none(),
                "MEDLEMSBREV_SERVERS asks for a server: apt-get install postgresql"
            );
            eprintln!(
                "\n*** SKIPPED: there is no PostgreSQL; install it with `apt-get install postgresql` ***\n"
            );
            return None;
        };
        let folder = tempfile::Builder::new().prefix("medlemsbrev-postgres-").tempdir().unwrap().keep();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { port, programs, folder, shell: Mutex::new(None) };
        let data = server.folder.join("data");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&server.folder));
        }
        let initdb = server.programs.join("initdb");
        run(as_user(&initdb).arg("-D").arg(data).args(["-A", "trust", "-U", "postgres", "--no-sync"]));
        server.launch();
        Some(server)
    }

    /// Restarts the server's process after it was killed.
    pub fn launch(&self) {
        let script = "\"$@\" & server=$!; cat; kill -QUIT $server 2>/dev/null; wait $server; [ -e \"$0/keep\" ] || rm -rf \"$0\"";
        let mut command = as_user(Path::new("sh"));
        command.arg("-c").arg(script).arg(&self.folder).arg(self.programs.join("postgres"));
        command.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-c",
            "fsync=off",
            "-c",
            "max_connections=200",
        ]);
        let log = std::fs::File::options().append(true).create(true).open(self.folder.join("log")).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).current_dir("/");
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        *self.shell.lock().unwrap() = Some((child, stdin));
        let start = Instant::now();
        while !self.psql("SELECT 1").status().unwrap().success() {
            assert!(start.elapsed() < Duration::from_secs(30), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills the server and all its processes without warning.
    pub fn kill(&self) {
        std::fs::write(self.folder.join("keep"), "").unwrap();
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        run(Command::new("kill").args(["-KILL", pid.lines().next().unwrap()]));
        let (mut child, stdin) = self.shell.lock().unwrap().take().unwrap();
        drop(stdin);
        child.wait().unwrap();
        std::fs::remove_file(self.folder.join("keep")).unwrap();
    }

    /// The URL of a new, empty ledger.
    pub fn ledger(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let schema = format!("ledger_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        run(&mut self.psql(&format!("CREATE SCHEMA {schema}")));
        format!("postgres://postgres@127.0.0.1:{}/postgres?options=-csearch_path%3D{schema}", self.port)
    }

    fn psql(&self, sql: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-qAtXc", sql]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// Runs a statement on a ledger and returns the output.
pub fn ask(url: &str, sql: &str) -> String {
    let program = programs().unwrap().join("psql");
    let output = Command::new(program).args(["-qAtXc", sql, url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The folder with the newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let found = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    found.max()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// `PostgreSQL` refuses to run as root.
fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
