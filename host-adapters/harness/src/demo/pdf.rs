//! A one-page PDF, small and valid, for the demonstration's attachment.
//!
//! Made here and not shipped as a file, so that what it says can be read in the source.

use std::fmt::Write as _;

/// Sets a heading and lines of text on an A4 page. What follows a tab in a line stands at the right
/// margin: amounts. Letters that Windows-1252 lacks become `?`.
pub fn one_page(heading: &str, lines: &[&str]) -> Vec<u8> {
    let content = page_content(heading, lines);
    let font = |name: &str| {
        format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>")
    };
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /Text 5 0 R /Head 6 0 R >> >> >>"
            .to_owned(),
        format!(
            "<< /Length {} >>\nstream\n{content}endstream",
            content.len()
        ),
        // Two of the fourteen fonts that every reader has.
        font("Helvetica"),
        font("Helvetica-Bold"),
    ];

    // The cross-reference table at the end says at which octet each object begins.
    let mut pdf = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(pdf.len());
        // Writing to a string cannot fail, here and below.
        let _ = write!(pdf, "{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let table = pdf.len();
    let count = objects.len() + 1;
    // Each entry is 20 octets, line end included (ISO 32000-1 §7.5.4).
    let _ = write!(pdf, "xref\n0 {count}\n0000000000 65535 f \n");
    for offset in offsets {
        let _ = writeln!(pdf, "{offset:010} 00000 n ");
    }
    let _ = write!(
        pdf,
        "trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"
    );
    // Everything above is ASCII: letters beyond it are written as octal escapes.
    pdf.into_bytes()
}

fn page_content(heading: &str, lines: &[&str]) -> String {
    let mut content = "BT\n".to_owned();
    let mut put = |font: &str, x: f32, y: f32, text: &str| {
        let _ = writeln!(
            content,
            "{font} Tf 1 0 0 1 {x} {y} Tm ({}) Tj",
            literal(text)
        );
    };
    put("/Head 18", LEFT, TOP, heading);
    let mut y = TOP - 32.0;
    for line in lines {
        let (text, amount) = line.split_once('\t').unwrap_or((line, ""));
        put("/Text 11", LEFT, y, text);
        if !amount.is_empty() {
            put("/Text 11", RIGHT - width(amount), y, amount);
        }
        y -= 17.0;
    }
    content.push_str("ET\n");
    content
}

/// How wide an amount of money is in Helvetica, 11 points: digits and € are 556 thousandths of the
/// size, blanks and punctuation 278.
fn width(amount: &str) -> f32 {
    let letter = |c: char| {
        if c.is_ascii_digit() || c == '€' {
            0.556
        } else {
            0.278
        }
    };
    amount.chars().map(letter).sum::<f32>() * 11.0
}

/// A literal string (ISO 32000-1 §7.3.4.2) in WinAnsiEncoding, which is Latin-1 in its upper half.
fn literal(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '(' | ')' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            '€' => out.push_str("\\200"),
            '\u{a0}'..='\u{ff}' => {
                let _ = write!(out, "\\{:o}", u32::from(c));
            }
            _ => out.push('?'),
        }
    }
    out
}

/// Margins of the page, in points.
const LEFT: f32 = 72.0;
const RIGHT: f32 = 470.0;
const TOP: f32 = 760.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_where_the_table_says() {
        let pdf = String::from_utf8(one_page("Totale (più IVA)", &["è così\t€ 12"])).unwrap();
        let table: usize = pdf
            .split("startxref\n")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let entries = pdf[table..].lines().skip(3).take(6);
        for (index, entry) in entries.enumerate() {
            let offset: usize = entry[..10].parse().unwrap();
            assert!(
                pdf[offset..].starts_with(&format!("{} 0 obj\n", index + 1)),
                "{entry}"
            );
        }
        assert!(pdf.contains("(Totale \\(pi\\371 IVA\\)) Tj"), "{pdf}");
        assert!(pdf.contains("(\\200 12) Tj"), "{pdf}");
    }
}
