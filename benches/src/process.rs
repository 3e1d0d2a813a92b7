//! Resources that a process has used so far, from `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

/// A process that is watched.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// User plus system time of all its threads: exact where the scheduler counts it, else in hundredths of a second.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn cpu(self) -> io::Result<Duration> {
        let exact = self.scheduled(0)?;
        if exact.is_zero() { self.cpu_in_ticks() } else { Ok(exact) }
    }

    /// Time that its threads could have run and did not, because other processes did.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn waited(self) -> io::Result<Duration> {
        self.scheduled(1)
    }

    fn scheduled(self, field: usize) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0))? {
            // A thread may end while the list is read; its time is then missing from this sum alone.
            if let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) {
                nanoseconds += number(text.split(' ').nth(field));
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    fn cpu_in_ticks(self) -> io::Result<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name may hold blanks; what follows its bracket may not. Fields 14 and 15 of proc(5), hundredths of a second.
        let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = after_name.split_whitespace().skip(11).take(2).map(|field| number(Some(field))).sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Resident memory in KiB.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn resident_kib(self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        Ok(number(line.split_whitespace().next()))
    }
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn a_process_that_works_uses_time_and_memory() {
        let this = Process(std::process::id());
        let before = this.cpu().unwrap();
        let mut sum = 0_u64;
        while this.cpu().unwrap() <= before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(this.resident_kib().unwrap() > 100);
    }
}
