//! Where a run took place.

use std::fs;
use std::process::Command;

/// Processor, cores, kernel and compilers, a line each.
#[must_use]
pub fn machine() -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel: Vec<&str> = kernel.split('.').take(2).collect();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    vec![
        format!("{cores} cores, {}", processor.trim_start_matches([' ', '\t', ':'])),
        format!("Linux {}", kernel.join(".")),
        said("rustc", &["--version"]),
        format!("node {}", said("node", &["--version"])),
        said("date", &["-u", "+%Y-%m-%d"]),
    ]
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
