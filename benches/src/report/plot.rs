//! Plots as SVG, written by hand: bars that lie, and lines over a logarithmic axis. They read on white and on black.

use std::fmt::Write;

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Text beside the bar.
    pub label: String,
    /// Length of the bar.
    pub value: f64,
    /// The bar stands out.
    pub ours: bool,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Text beside the line.
    pub label: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
    /// The line stands out.
    pub ours: bool,
}

const WIDTH: f64 = 720.0;
const LEFT: f64 = 170.0;
const ROW: f64 = 22.0;
const TOP: f64 = 44.0;
const INK: &str = "#6e7781";
const OURS: &str = "#cf5c1f";
const OTHERS: &str = "#4f7cac";
const COLOURS: [&str; 6] = ["#4f7cac", "#5b9a68", "#8a6bb1", "#a08532", "#3f9aa6", "#8d8d8d"];

/// Bars below a title; `mark` is a line across them at a value to reach. A bar five times the one in the middle is cut.
#[must_use]
pub fn bars(title: &str, bars: &[Bar], mark: Option<f64>) -> String {
    let height = TOP + ROW * bars.len() as f64 + 12.0;
    let mut sorted: Vec<f64> = bars.iter().map(|bar| bar.value).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
    let longest = sorted.last().copied().unwrap_or(1.0).min(middle * 5.0).max(mark.unwrap_or(0.0));
    let scale = (WIDTH - LEFT - 90.0) / longest;
    let mut svg = open(title, height);
    for (row, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let length = bar.value.min(longest) * scale;
        let (colour, weight) = if bar.ours { (OURS, "bold") } else { (OTHERS, "normal") };
        let cut = if bar.value > longest { " …" } else { "" };
        text(&mut svg, (LEFT - 8.0, y + 13.0), "end", weight, &bar.label);
        element(
            &mut svg,
            &format!(r#"<rect x="{LEFT}" y="{y:.1}" width="{length:.1}" height="16" rx="2" fill="{colour}"/>"#),
        );
        text(&mut svg, (LEFT + length + 6.0, y + 13.0), "start", weight, &format!("{}{cut}", number(bar.value)));
    }
    if let Some(mark) = mark {
        let (x, bottom) = (LEFT + mark * scale, height - 12.0);
        element(
            &mut svg,
            &format!(
                r#"<line x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{bottom:.1}" stroke="{INK}" stroke-dasharray="4 3"/>"#,
                TOP - 6.0
            ),
        );
        text(&mut svg, (x, TOP - 9.0), "middle", "normal", &format!("to reach: {}", number(mark)));
    }
    svg + "</svg>\n"
}

const PLOT: (f64, f64) = (60.0, 540.0);
const PLOT_HEIGHT: f64 = 300.0;

/// Lines below a title, over a logarithmic axis.
#[must_use]
pub fn lines(title: &str, lines: &[Line]) -> String {
    let all = || lines.iter().flat_map(|line| &line.points);
    let first = all().map(|point| point.0).fold(f64::INFINITY, f64::min).ln();
    let last = all().map(|point| point.0).fold(0.0, f64::max).ln();
    let highest = all().map(|point| point.1).fold(0.0, f64::max) * 1.08;
    let place = |(x, y): (f64, f64)| {
        let right = PLOT.0 + (x.ln() - first) / (last - first) * (PLOT.1 - PLOT.0);
        (right, TOP + (1.0 - y / highest) * PLOT_HEIGHT)
    };
    let mut svg = open(title, TOP + PLOT_HEIGHT + 34.0);
    let mut ticks: Vec<f64> = all().map(|point| point.0).collect();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    for tick in ticks {
        let x = place((tick, 0.0)).0;
        text(&mut svg, (x, TOP + PLOT_HEIGHT + 18.0), "middle", "normal", &number(tick));
    }
    for part in 0..=4 {
        let value = highest * f64::from(part) / 4.0;
        let y = place((1.0, value)).1;
        element(
            &mut svg,
            &format!(
                r#"<line x1="{}" y1="{y:.1}" x2="{}" y2="{y:.1}" stroke="{INK}" stroke-opacity="0.3"/>"#,
                PLOT.0, PLOT.1
            ),
        );
        text(&mut svg, (PLOT.0 - 8.0, y + 4.0), "end", "normal", &number(value));
    }
    let mut free = f64::INFINITY;
    let mut ends: Vec<(f64, usize)> =
        lines.iter().enumerate().filter_map(|(index, line)| Some((place(*line.points.last()?).1, index))).collect();
    ends.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (end, index) in ends {
        let line = &lines[index];
        let colour = if line.ours { OURS } else { COLOURS[index % COLOURS.len()] };
        let points: Vec<String> =
            line.points.iter().map(|point| place(*point)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let width = if line.ours { 3 } else { 2 };
        element(
            &mut svg,
            &format!(
                r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="{width}"/>"#,
                points.join(" ")
            ),
        );
        // Labels keep clear of each other, from the lowest line up.
        let y = end.min(free - 15.0);
        free = y;
        element(
            &mut svg,
            &format!(
                r#"<text x="{}" y="{:.1}" fill="{colour}">{}</text>"#,
                PLOT.1 + 8.0,
                y + 4.0,
                escaped(&line.label)
            ),
        );
    }
    svg + "</svg>\n"
}

fn open(title: &str, height: f64) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n"
    );
    element(
        &mut svg,
        &format!(r#"<text x="8" y="18" font-size="14" font-weight="bold" fill="{INK}">{}</text>"#, escaped(title)),
    );
    svg
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, weight: &str, text: &str) {
    let (x, y) = at;
    element(
        svg,
        &format!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-weight="{weight}" fill="{INK}">{}</text>"#,
            escaped(text)
        ),
    );
}

fn element(svg: &mut String, element: &str) {
    writeln!(svg, "  {element}").expect("a string takes it");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Three digits.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Bar, Line, bars, lines};

    #[test]
    fn what_stands_in_a_plot_is_escaped_and_finite() {
        let bar = Bar { label: "a<b&c".to_owned(), value: 2.0, ours: true };
        let line = Line { label: "a<b".to_owned(), points: vec![(100.0, 1.0), (5000.0, 3.0)], ours: false };
        for svg in [bars("t", &[bar], Some(1.5)), lines("t", &[line])] {
            assert!(svg.contains("a&lt;b") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        }
    }
}
