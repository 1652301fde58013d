//! The ratios to native code as a picture.

use core::fmt::Write as _;

/// A program, and what it takes in units of native code.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) ours: f64,
    /// Where its compiler did not fail.
    pub(crate) rbpf: Option<f64>,
    /// Where there is its library.
    pub(crate) ubpf: Option<f64>,
}

const LEFT: usize = 170;
const UNIT: f64 = 260.0;
const HEIGHT: usize = 46;

/// Up to three bars for each program, and a line where native code is.
pub(crate) fn svg(rows: &[Row]) -> String {
    let bottom = 40 + rows.len() * HEIGHT;
    let end = |ratio: f64| LEFT as f64 + ratio * UNIT;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 {}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Time per packet, native C = 1</title>\n\
         <rect width=\"720\" height=\"{}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\">time per packet, native C = 1: \
         <tspan fill=\"#2563a8\">our JIT</tspan>, <tspan fill=\"#c0803a\">rbpf JIT</tspan>, \
         <tspan fill=\"#6b8e4e\">uBPF JIT</tspan></text>\n",
        bottom + 10,
        bottom + 10,
    );
    for (place, row) in rows.iter().enumerate() {
        let top = 32 + place * HEIGHT;
        let text = LEFT - 8;
        writeln!(
            out,
            "<text x=\"{text}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            top + 22,
            row.name
        )
        .unwrap();
        let bars = [
            (Some(row.ours), "#2563a8", top),
            (row.rbpf, "#c0803a", top + 13),
            (row.ubpf, "#6b8e4e", top + 26),
        ];
        for (ratio, colour, y) in bars {
            let Some(ratio) = ratio else { continue };
            let (width, label) = (ratio * UNIT, end(ratio) + 4.0);
            writeln!(
                out,
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.0}\" height=\"12\" fill=\"{colour}\"/>\
                 <text x=\"{label:.0}\" y=\"{}\" font-size=\"10\">{ratio:.2}</text>",
                y + 10,
            )
            .unwrap();
        }
    }
    let native = end(1.0);
    write!(
        out,
        "<line x1=\"{native:.0}\" y1=\"26\" x2=\"{native:.0}\" y2=\"{bottom}\" stroke=\"black\"/>\n</svg>\n"
    )
    .unwrap();
    out
}
