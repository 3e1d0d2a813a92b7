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
    settings: Vec<String>,
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
        Self::start_with(|_| vec!["listen_addresses=".to_owned()])
    }

    /// As [`start_new`](Server::start_new), with the settings that are chosen for the server's directory.
    pub(crate) fn start_with(settings: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
            eprintln!("left out: PostgreSQL is not installed");
            return None;
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("gateway-postgres-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        let settings = settings(&directory);
        let server = Self { programs, directory, settings, child: Mutex::new(None) };
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
        command.args(["-c", "fsync=off", "-c", "max_connections=200"]);
        command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        let log = fs::OpenOptions::new().create(true).append(true).open(self.directory.join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        *self.child.lock().unwrap() = Some(child);
        for _ in 0..1200 {
            let state = fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap_or_default();
            if state.lines().last().is_some_and(|line| line.trim_end() == "ready") {
                return;
            }
            thread::sleep(Duration::from_millis(25));
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

    /// Sends a signal to the server and all its processes: `-STOP` lets it do nothing while all connections stay open.
    pub(crate) fn signal_all(&self, signal: &str) {
        let parent = self.child.lock().unwrap().as_ref().unwrap().id().to_string();
        let is_child = |process: &String| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            let behind_name = stat.rsplit(") ").next().unwrap_or_default();
            behind_name.split(' ').nth(1) == Some(parent.as_str())
        };
        let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let children: Vec<_> = all.filter(is_child).collect();
        assert!(Command::new("kill").arg(signal).arg(&parent).args(children).status().unwrap().success());
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

/// Gives a file to the user that the server runs as, and to nobody else.
#[cfg(feature = "tls")]
pub(crate) fn give_to_server(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    if is_root() {
        let nobody = NOBODY.parse().ok();
        std::os::unix::fs::chown(file, nobody, nobody).unwrap();
    }
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
