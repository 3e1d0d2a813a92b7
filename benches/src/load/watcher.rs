//! Metrics of a server, read from its monitoring address.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Wrong;

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub struct Watcher(pub SocketAddr);

/// All figures at one moment.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Names without labels, and values.
    samples: Vec<(String, f64)>,
    gauges: Vec<String>,
}

impl Watcher {
    /// Looks once.
    ///
    /// # Errors
    ///
    /// When it is not answered.
    pub fn look(self) -> Result<Figures, Wrong> {
        let mut stream = TcpStream::connect(self.0)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        let (_, body) = page.split_once("\r\n\r\n").ok_or_else(|| Wrong("no page".to_owned()))?;
        Ok(Figures::read(body))
    }
}

impl Figures {
    fn read(page: &str) -> Self {
        let mut figures = Self::default();
        for line in page.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                figures.gauges.extend(kind.strip_suffix(" gauge").map(str::to_owned));
            } else if let Some((series, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) {
                let name = series.split('{').next().unwrap_or(series);
                figures.samples.extend(value.parse().ok().map(|value| (name.to_owned(), value)));
            }
        }
        figures
    }

    /// The sum over all labels.
    #[must_use]
    pub fn value(&self, name: &str) -> f64 {
        self.samples.iter().filter(|(found, _)| found == name).map(|(_, value)| value).sum()
    }

    /// Gauges of clients that are not at zero.
    #[must_use]
    pub fn above_zero(&self) -> Vec<&str> {
        let of_clients = |gauge: &&str| gauge.starts_with("gateway_") && *gauge != "gateway_build_info";
        let gauges = self.gauges.iter().map(String::as_str).filter(of_clients);
        gauges.filter(|gauge| self.value(gauge) > 0.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn labels_are_summed_and_gauges_are_known() {
        let page = "# TYPE gateway_a gauge\ngateway_a{x=\"1 2\"} 1\ngateway_a{x=\"3\"} 2\n# TYPE gateway_b gauge\n\
                    gateway_b 0\n# TYPE process_c gauge\nprocess_c 7\n# TYPE gateway_d counter\ngateway_d 4\n";
        let figures = Figures::read(page);
        assert_eq!(figures.value("gateway_a").to_bits(), 3.0_f64.to_bits());
        assert_eq!(figures.above_zero(), ["gateway_a"]);
    }
}
