//! PostgreSQL as a child process in a directory of its own, reached by a Unix socket.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

/// User and group without rights.
const NOBODY: &str = "65534";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database server.
#[derive(Debug)]
pub(crate) struct Server {
    programs: PathBuf,
    directory: PathBuf,
    child: Mutex<Option<Child>>,
}

/// A database on the server that all tests share, or on one of its own.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) name: String,
}

impl Server {
    /// Creates and starts a server; `None` where no PostgreSQL is installed.
    pub(crate) fn start_new() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
            eprintln!("left out: PostgreSQL is not installed");
            return None;
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("gateway-postgres-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        let server = Self { programs, directory, child: Mutex::new(None) };
        let data = server.directory.join("data");
        let mut initialise = server.command("initdb");
        initialise.arg("-D").arg(&data).args(["-U", "test", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]);
        let output = initialise.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        server.start();
        Some(server)
    }

    /// The server that all tests share. It ends with this process.
    fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED
            .get_or_init(|| {
                remove_old_directories();
                // The signal at the death of the parent comes at the death of the thread that started the child.
                let (started, starting) = mpsc::channel();
                thread::spawn(move || {
                    started.send(Server::start_new()).unwrap();
                    loop {
                        thread::park();
                    }
                });
                starting.recv().unwrap()
            })
            .as_ref()
    }

    /// Starts the server and waits until it lets clients in.
    pub(crate) fn start(&self) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.directory.join("data")).arg("-k").arg(&self.directory);
        command.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"]);
        let log = fs::OpenOptions::new().create(true).append(true).open(self.directory.join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        *self.child.lock().unwrap() = Some(child);
        for _ in 0..600 {
            let mut ready = Command::new(self.programs.join("pg_isready"));
            if ready.arg("-q").arg("-h").arg(&self.directory).status().unwrap().success() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{}", fs::read_to_string(self.directory.join("log")).unwrap());
    }

    /// Ends the server with all its connections.
    pub(crate) fn stop(&self) {
        let Some(mut child) = self.child.lock().unwrap().take() else { return };
        // SIGINT ends connections at once.
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        child.wait().unwrap();
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("host={} user=test dbname={database}", self.directory.display())
    }

    /// A program of PostgreSQL. They refuse to run as root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT"]);
        if is_root() {
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
        }
        command.arg(self.programs.join(program));
        command.current_dir(&self.directory);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Database {
    /// Creates an empty database on the shared server.
    pub(crate) async fn create() -> Option<Self> {
        let server = Server::shared()?;
        let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let admin = client(&server.url("postgres")).await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let database = Self { url: server.url(&name), name };
        database.client().await.batch_execute(TABLE).await.unwrap();
        Some(database)
    }

    /// A connection to the database.
    pub(crate) async fn client(&self) -> Client {
        client(&self.url).await
    }

    pub(crate) async fn notify(&self, channel: &str, payload: &str) {
        self.client().await.execute("SELECT pg_notify($1, $2)", &[&channel, &payload]).await.unwrap();
    }
}

/// As Node's adapter has its users create it.
const TABLE: &str = "CREATE TABLE socket_io_attachments \
    (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)";

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn programs() -> Option<PathBuf> {
    let of_version = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<_> = of_version.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    found.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    found.into_iter().find(|programs| programs.join("initdb").exists() && programs.join("postgres").exists())
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").unwrap().lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// The shared server is ended by a signal, which leaves its directory.
fn remove_old_directories() {
    for entry in fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let Some(process) = name.strip_prefix("gateway-postgres-").and_then(|rest| rest.split('-').next()) else {
            continue;
        };
        if !Path::new("/proc").join(process).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
