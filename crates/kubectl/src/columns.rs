//! Aligned text, as Go's text/tabwriter lays it out.

use sim::Gather as _;

/// Cells end with tabs; cells of neighbouring lines that stand in one column get one width.
// Follows Go's text/tabwriter: a column is a run of consecutive lines that have a tab-terminated cell there.
pub fn align(text: &str, width_min: usize, padding: usize) -> String {
    let mut lines: Vec<Vec<&str>> = text.split('\n').map(|it| it.split('\t').gather()).gather();
    let ends_clean = lines.last().is_some_and(|it| it.len() == 1 && it[0].is_empty());
    if ends_clean {
        lines.pop();
    }
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|it| vec![0; it.len() - 1]).gather();
    let columns = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut start = 0;
        while start < lines.len() {
            if widths[start].len() <= column {
                start += 1;
                continue;
            }
            let mut end = start;
            let mut width = 0;
            while end < lines.len() && column < widths[end].len() {
                width = width.max(lines[end][column].chars().count());
                end += 1;
            }
            let width = width_min.max(width + padding);
            for widths in &mut widths[start..end] {
                widths[column] = width;
            }
            start = end;
        }
    }
    let mut out = String::with_capacity(text.len() * 2);
    for (index, (cells, widths)) in lines.iter().zip(&widths).enumerate() {
        if index > 0 {
            out.push('\n');
        }
        for (cell, width) in cells.iter().zip(widths) {
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
        out.push_str(cells.last().copied().unwrap_or(""));
    }
    if ends_clean {
        out.push('\n');
    }
    out
}

/// A table of `get`: headers and rows, whose widths later lines of a watch keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Widths(Vec<usize>);

/// One by one: a slice of `usize` hashes as its bytes, which are fewer in WebAssembly.
impl std::hash::Hash for Widths {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|it| it.hash(state));
    }
}

impl Widths {
    pub fn print(&mut self, rows: &[Vec<String>], out: &mut String) {
        for row in rows {
            for (column, cell) in row.iter().enumerate() {
                if self.0.len() <= column {
                    self.0.push(0);
                }
                let shown = cell.chars().count();
                // The last cell of a line is not padded and widens nothing.
                if column + 1 < row.len() {
                    self.0[column] = self.0[column].max(6.max(shown + 3));
                }
            }
        }
        for row in rows {
            for (column, cell) in row.iter().enumerate() {
                out.push_str(cell);
                if column + 1 < row.len() {
                    let width = self.0[column].saturating_sub(cell.chars().count());
                    out.extend(std::iter::repeat_n(' ', width));
                }
            }
            out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_runs_of_lines() {
        assert_eq!(
            align("a:\tb\nlonger-name:\tc\n\nx\ty\n", 10, 3),
            "a:             b\nlonger-name:   c\n\nx         y\n"
        );
    }
}
