//! A real `PostgreSQL` server from Debian on a loopback port, while the test program runs.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::smtp_server::Identity;

/// A server with an empty database.
pub struct Server {
    port: u16,
    programs: PathBuf,
    folder: PathBuf,
    settings: Vec<String>,
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
        Self::start_with(&["fsync=off"])
    }

    /// The same with TLS.
    pub fn start_with_tls(identity: &Identity) -> Option<Self> {
        let server = Self::start()?;
        server.stop();
        server.write("data/server.crt", &identity.certificate_pem);
        server.write("data/server.key", &identity.key_pem);
        let settings = vec!["fsync=off".to_owned(), "ssl=on".to_owned()];
        let server = Self { settings, ..server };
        server.launch();
        Some(server)
    }

    /// The same with these settings.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
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
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let folder = tempfile::Builder::new().prefix("medlemsbrev-postgres-").tempdir().unwrap().keep();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { port, programs, folder, settings, shell: Mutex::new(None) };
        let data = server.folder.join("data");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&server.folder));
        }
        let initdb = server.programs.join("initdb");
        run(as_user(&initdb).arg("-D").arg(data).args(["-A", "trust", "-U", "postgres", "--no-sync"]));
        server.launch();
        Some(server)
    }

    /// Writes a file that only the server's user may read.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&path));
        }
        path
    }

    /// Restarts the server's process after it was killed.
    pub fn launch(&self) {
        let script = "\"$@\" & server=$!; cat; kill -QUIT $server 2>/dev/null; wait $server; [ -e \"$0/keep\" ] || rm -rf \"$0\"";
        let mut command = as_user(Path::new("sh"));
        command.arg("-c").arg(script).arg(&self.folder).arg(self.programs.join("postgres"));
        command.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-c", "max_connections=200"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
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
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        // One that is left would keep the next server from starting.
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", pid]).output().unwrap();
        run(Command::new("kill").args(["-KILL", pid]));
        let children = String::from_utf8(children.stdout).unwrap();
        // Those that have ended by themselves are no fault.
        Command::new("kill")
            .arg("-KILL")
            .args(children.split_whitespace())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        self.stop();
    }

    /// Ends the shell, and with it the server; the files stay.
    fn stop(&self) {
        std::fs::write(self.folder.join("keep"), "").unwrap();
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

    /// The URL of the server's only database, through a pooler that is in this mode; `None`, with a word about it, if there is none.
    pub fn pooled(&self, mode: &str) -> Option<Pooled> {
        let program = Path::new("/usr/sbin/pgbouncer");
        if !program.exists() {
            let is_required = std::env::var_os("MEDLEMSBREV_SERVERS").is_some();
            assert!(!is_required, "MEDLEMSBREV_SERVERS asks for a pooler: apt-get install pgbouncer");
            eprintln!(
                "\n*** SKIPPED: there is no PgBouncer; install it with `apt-get install pgbouncer` ***\n"
            );
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let users = self.write("users", "\"postgres\" \"\"\n");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\n",
            self.port,
            users.display()
        );
        let settings = self.write(&format!("{mode}.ini"), &settings);
        let log = std::fs::File::create(self.folder.join(mode)).unwrap();
        let child = as_user(program).arg(settings).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Pooled { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), child })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    fn psql(&self, sql: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-qAtXc", sql]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// A pooler that runs.
pub struct Pooled {
    pub url: String,
    child: Child,
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
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
