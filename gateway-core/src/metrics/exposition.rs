//! A snapshot of all counters and measurements of a server, and its text format for Prometheus. `prometheus-client` would add
//! seven crates to the tree, and writes another format, `OpenMetrics`.

use std::fmt::{self, Write};

use crate::metrics::histogram::Histogram;

/// A snapshot of a server's counters and measurements, made by [`ServerHandle::metrics`](crate::ServerHandle::metrics).
/// `Display` writes Prometheus' text format.
///
/// Labels are names known at the server's start, and `other`.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    families: Vec<Family>,
}

/// All series of one name.
#[derive(Clone, Debug)]
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    series: Vec<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    /// Suffix of the family's name, such as `_sum`.
    suffix: &'static str,
    labels: Vec<(&'static str, String)>,
    value: f64,
}

/// Type of a family: counter, gauge or histogram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A value that only grows.
    Counter,
    /// A value that depends on the connected clients.
    Gauge,
    /// A value that does not depend on the connected clients.
    Level,
    Histogram,
}

/// The labels of a series.
pub(crate) type Labels<'a> = [(&'static str, &'a str)];

impl Metrics {
    /// The sum of all series with this name and these labels, such as
    /// `metrics.value("gateway_connections", &[("namespace", "/chat")])`; 0 if there are none. A histogram has the series
    /// `name_count` and `name_sum`.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let of_name = self.families.iter().flat_map(|family| {
            let suffix = name.strip_prefix(family.name);
            family.series.iter().filter(move |series| suffix == Some(series.suffix))
        });
        let has_all = |series: &&Series| {
            labels.iter().all(|wanted| series.labels.iter().any(|(name, value)| (*name, value.as_str()) == *wanted))
        };
        of_name.filter(has_all).map(|series| series.value).fold(0.0, |sum, value| sum + value)
    }

    /// The names of all gauges that are 0 while no client is connected.
    pub fn gauges(&self) -> impl Iterator<Item = &str> {
        self.families.iter().filter(|family| family.kind == Kind::Gauge).map(|family| family.name)
    }

    /// Begins a family; series added next belong to it.
    pub(crate) fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> &mut Self {
        self.families.push(Family { name, kind, help, series: Vec::new() });
        self
    }

    /// Adds a series to the latest family.
    pub(crate) fn add(&mut self, labels: &Labels<'_>, value: f64) -> &mut Self {
        self.push("", labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), value);
        self
    }

    /// Adds a histogram to the latest family.
    pub(crate) fn add_histogram(&mut self, labels: &Labels<'_>, histogram: &Histogram) {
        let owned = || labels.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let cumulated = histogram.cumulated();
        let all = cumulated.last().copied().unwrap_or_default();
        let bounds = histogram.bounds().iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(cumulated) {
            self.push("_bucket", owned().chain([("le", bound)]).collect(), float(count));
        }
        self.push("_sum", owned().collect(), histogram.sum());
        self.push("_count", owned().collect(), float(all));
    }

    fn push(&mut self, suffix: &'static str, labels: Vec<(&'static str, String)>, value: f64) {
        let family = self.families.last_mut().expect("a family was begun");
        family.series.push(Series { suffix, labels, value });
    }
}

/// Converts a count. Above 2⁵³ the result is inexact, as in Prometheus itself.
#[allow(clippy::cast_precision_loss, reason = "as Prometheus has it")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Family { name, kind, help, series } in &self.families {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge | Kind::Level => "gauge",
                Kind::Histogram => "histogram",
            };
            writeln!(formatter, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
            for Series { suffix, labels, value } in series {
                write!(formatter, "{name}{suffix}")?;
                write_labels(formatter, labels)?;
                writeln!(formatter, " {value}")?;
            }
        }
        Ok(())
    }
}

fn write_labels(formatter: &mut fmt::Formatter<'_>, labels: &[(&'static str, String)]) -> fmt::Result {
    for (index, (name, value)) in labels.iter().enumerate() {
        write!(formatter, "{}{name}=\"", if index == 0 { '{' } else { ',' })?;
        for letter in value.chars() {
            match letter {
                '\\' => formatter.write_str("\\\\")?,
                '"' => formatter.write_str("\\\"")?,
                '\n' => formatter.write_str("\\n")?,
                letter => formatter.write_char(letter)?,
            }
        }
        formatter.write_char('"')?;
    }
    if labels.is_empty() { Ok(()) } else { formatter.write_char('}') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_prometheus_reads_it() {
        let mut metrics = Metrics::default();
        metrics.family("a_total", Kind::Counter, "All a.").add(&[("ns", "/x"), ("why", "a \"b\"\\\n")], 3.0);
        metrics.family("b", Kind::Gauge, "B.").add(&[], 0.5);
        let expected = "# HELP a_total All a.\n# TYPE a_total counter\na_total{ns=\"/x\",why=\"a \\\"b\\\"\\\\\\n\"} 3\n# HELP b B.\n# TYPE b gauge\nb 0.5\n";
        assert_eq!(metrics.to_string(), expected);
        assert_eq!(metrics.value("a_total", &[("ns", "/x")]).to_bits(), 3.0_f64.to_bits());
        assert_eq!(metrics.value("a_total", &[("ns", "/y")]).to_bits(), 0.0_f64.to_bits());
        assert_eq!(metrics.gauges().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_histogram_has_a_bucket_for_each_bound_and_one_for_all() {
        let mut metrics = Metrics::default();
        let histogram = Histogram::default();
        histogram.observe(std::time::Duration::from_millis(2));
        metrics.family("h", Kind::Histogram, "H.").add_histogram(&[("e", "x")], &histogram);
        let text = metrics.to_string();
        assert!(text.contains("h_bucket{e=\"x\",le=\"0.001\"} 0\nh_bucket{e=\"x\",le=\"0.0025\"} 1\n"), "{text}");
        assert!(
            text.ends_with("h_bucket{e=\"x\",le=\"+Inf\"} 1\nh_sum{e=\"x\"} 0.002\nh_count{e=\"x\"} 1\n"),
            "{text}"
        );
    }
}
