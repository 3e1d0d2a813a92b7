//! Figures of the process, under the names of Prometheus' own clients. Figures that the system does not tell are left
//! out.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::time::Duration;

use crate::metrics::{Kind, Metrics, float};

/// Files that are kept open: when none can be opened any more is when somebody wants to know.
struct ProcessFiles {
    stat: File,
    status: File,
    most_files: Option<f64>,
}

static KEPT: OnceLock<ProcessFiles> = OnceLock::new();

pub(super) fn gather(metrics: &mut Metrics) {
    let Some(kept) = kept() else { return };
    let open = open_files().unwrap_or(kept.most_files);
    let mut add = |name, kind, help, value: Option<f64>| {
        if let Some(value) = value {
            metrics.family(name, kind, help).add(&[], value);
        }
    };
    add("process_open_fds", Kind::Level, "Open files.", open);
    add("process_max_fds", Kind::Level, "Files that may be open.", kept.most_files);
    add("process_resident_memory_bytes", Kind::Level, "Resident memory.", resident(&kept.status));
    add("process_cpu_seconds_total", Kind::Counter, "User and system time.", cpu(&kept.stat));
}

fn kept() -> Option<&'static ProcessFiles> {
    if let Some(kept) = KEPT.get() {
        return Some(kept);
    }
    let (stat, status) = (File::open("/proc/self/stat").ok()?, File::open("/proc/self/status").ok()?);
    Some(KEPT.get_or_init(|| ProcessFiles { stat, status, most_files: most_files() }))
}

/// `Err` where no file can be opened to look, because all are.
fn open_files() -> Result<Option<f64>, ()> {
    match fs::read_dir("/proc/self/fd") {
        // The listing itself is one of them.
        Ok(files) => Ok(Some(float(files.count().saturating_sub(1) as u64))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) => Err(()),
    }
}

fn most_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn resident(status: &File) -> Option<f64> {
    let status = read(status)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(float(kibibytes * 1024))
}

fn cpu(stat: &File) -> Option<f64> {
    let stat = read(stat)?;
    // The name may hold blanks; what follows its bracket may not. Fields 14 and 15 of proc(5), hundredths of a second.
    let (_, after_name) = stat.rsplit_once(')')?;
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 10).as_secs_f64())
}

/// The file as it is now.
fn read(file: &File) -> Option<String> {
    let mut text = [0; 4096];
    let length = file.read_at(&mut text, 0).ok()?;
    Some(String::from_utf8_lossy(&text[..length]).into_owned())
}
