//! Tables in frames of box-drawing characters. Pure.

/// How a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// A table; without a header where that is empty. Columns that have no alignment given stand left.
pub fn table(header: &[String], rows: &[Vec<String>], align: &[Align]) -> String {
    let columns = rows.iter().map(Vec::len).chain([header.len()]).max().unwrap_or_default();
    let cells = |row: &[String], i: usize| row.get(i).map_or("", String::as_str).trim().to_owned();
    let all = rows.iter().map(Vec::as_slice).chain([header]);
    let widths: Vec<usize> = (0..columns)
        .map(|i| all.clone().flat_map(|row| cells(row, i).lines().map(width).collect::<Vec<_>>()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    rule(&mut out, '┌', '┬', '┐', &widths);
    if !header.is_empty() {
        let header: Vec<String> = (0..columns).map(|i| cells(header, i)).collect();
        line(&mut out, &header, &widths, |text, width, _| center(text, width));
        rule(&mut out, '├', '┼', '┤', &widths);
    }
    for row in rows {
        let row: Vec<String> = (0..columns).map(|i| cells(row, i)).collect();
        line(&mut out, &row, &widths, |text, width, i| match align.get(i) {
            Some(Align::Right) => pad(text, width.saturating_sub(self::width(text)), 0),
            _ => pad(text, 0, width.saturating_sub(self::width(text))),
        });
    }
    rule(&mut out, '└', '┴', '┘', &widths);
    out
}

fn rule(out: &mut String, left: char, middle: char, right: char, widths: &[usize]) {
    out.push(left);
    for (i, width) in widths.iter().enumerate() {
        if i > 0 {
            out.push(middle);
        }
        out.extend(std::iter::repeat_n('─', width + 2));
    }
    out.push(right);
    out.push('\n');
}

/// One row, of as many lines as its highest cell.
fn line(out: &mut String, cells: &[String], widths: &[usize], place: impl Fn(&str, usize, usize) -> String) {
    let height = cells.iter().map(|cell| cell.lines().count()).max().unwrap_or(0).max(1);
    for at in 0..height {
        for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
            out.push_str("│ ");
            out.push_str(&place(cell.lines().nth(at).unwrap_or(""), *width, i));
            out.push(' ');
        }
        out.push_str("│\n");
    }
}

fn center(text: &str, width: usize) -> String {
    let free = width.saturating_sub(self::width(text));
    pad(text, free / 2, free - free / 2)
}

fn pad(text: &str, before: usize, after: usize) -> String {
    format!("{:before$}{text}{:after$}", "", "")
}

/// Columns on a screen: East Asian characters and pictures take two, marks that combine none.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
            0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
            0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{Align, table};

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn cells_stand_in_columns() {
        let header = ["x".to_owned(), "long".to_owned()];
        let wanted = "┌────┬──────┐\n│ x  │ long │\n├────┼──────┤\n│ 10 │ a    │\n│ 2  │ b    │\n└────┴──────┘\n";
        assert_eq!(table(&header, &rows(&[&["10", "a"], &["2", "b"]]), &[]), wanted);
        let wanted = "┌───────┬────┐\n│ ns/op │  5 │\n│ B     │ 10 │\n└───────┴────┘\n";
        assert_eq!(table(&[], &rows(&[&["ns/op", "    5"], &["B", "10"]]), &[Align::Left, Align::Right]), wanted);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(table(&[], &rows(&[&["日"], &["abc"]]), &[]), "┌─────┐\n│ 日  │\n│ abc │\n└─────┘\n");
    }
}
