//! Tables: columns as wide as what is in them.

use crate::style::{Painter, Style};

/// A table for people.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    right: &'static [usize],
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    /// A table with these headings; the columns numbered in `right` are flush right.
    pub(crate) fn new(headings: &[&'static str], right: &'static [usize]) -> Table {
        Table { headings: headings.to_vec(), right, rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [(Style, String); N]) {
        self.rows.push(cells.into());
    }

    /// Its lines, each with a line break.
    pub(crate) fn render(&self, painter: Painter, with_headings: bool) -> String {
        let headings: Vec<(Style, String)> =
            self.headings.iter().map(|heading| (Style::Heading, (*heading).to_owned())).collect();
        let shown = with_headings.then_some(&headings).into_iter().chain(&self.rows);
        let width = |column: usize| {
            let cells = shown.clone().filter_map(|row| row.get(column));
            cells.map(|(_, text)| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let mut lines = String::new();
        for row in shown.clone() {
            let mut line = String::new();
            for (column, (style, text)) in row.iter().enumerate() {
                let gap = " ".repeat(widths.get(column).map_or(0, |width| width - text.chars().count()));
                let between = if column == 0 { "" } else { "  " };
                let painted = painter.paint(*style, text);
                line += between;
                line += &if self.right.contains(&column) { gap + &painted } else { painted + &gap };
            }
            lines += line.trim_end();
            lines.push('\n');
        }
        lines
    }
}

/// A cell without a style of its own.
pub(crate) fn plain(text: impl Into<String>) -> (Style, String) {
    (Style::Plain, text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::When;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["name", "size"], &[1]);
        table.row([plain("a"), plain("10 B")]);
        table.row([plain("longer"), plain("1 B")]);
        let painter = When::Never.on(&std::io::stdout());
        assert_eq!(table.render(painter, true), "name    size\na       10 B\nlonger   1 B\n");
        assert_eq!(table.render(painter, false), "a       10 B\nlonger   1 B\n");
    }
}
