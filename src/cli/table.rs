//! Columns of text, aligned as upstream's tables are (core 7.2): what stands behind a tab is a cell, a line without tabs
//! ends the alignment, the last cell of a line is never padded.

/// Narrowest column, the blanks behind the text included.
const NARROWEST: usize = 5;

/// Blanks between a text and the next column.
const GAP: usize = 2;

/// A table under construction.
pub(super) struct Table(String);

impl Table {
    /// A table with this first line.
    pub(super) fn new(titles: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(titles);
        table
    }

    /// Adds a line. A cell may hold tabs and line breaks, which count as such.
    pub(super) fn row(&mut self, cells: &[&str]) {
        self.0.push_str(&cells.join("\t"));
        self.0.push('\n');
    }

    /// The text of the table.
    pub(super) fn aligned(&self) -> String {
        align(&self.0)
    }
}

/// `text` with its tabs replaced by blanks. A form feed ends the line and everything that is aligned.
fn align(text: &str) -> String {
    text.split_inclusive('\u{c}').map(align_part).collect()
}

/// The same for a text that is aligned as a whole. A column is a run of neighbouring lines that have a tab behind the cell; its
/// width is that of its longest cell, counted in characters.
fn align_part(text: &str) -> String {
    let lines: Vec<Vec<&str>> = text
        .split_inclusive(['\n', '\u{c}'])
        .map(|line| line.trim_end_matches(['\n', '\u{c}']).split(['\t', '\u{b}']).collect())
        .collect();
    let mut widths: Vec<Vec<usize>> =
        lines.iter().map(|cells| Vec::with_capacity(cells.len().saturating_sub(1))).collect();
    let deepest = lines.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..deepest.saturating_sub(1) {
        let has = |line: &Vec<&str>| line.len() > column + 1;
        let mut first = 0;
        while first < lines.len() {
            let block = lines.iter().skip(first).take_while(|line| has(line)).count();
            let cells = lines.iter().skip(first).take(block).filter_map(|line| line.get(column));
            let width = cells.map(|cell| cell.chars().count() + GAP).max().unwrap_or(0).max(NARROWEST);
            widths.iter_mut().skip(first).take(block).for_each(|widths| widths.push(width));
            first += block.max(1);
        }
    }
    let mut out = String::with_capacity(text.len() * 2);
    for (cells, widths) in lines.iter().zip(&widths) {
        for (index, cell) in cells.iter().enumerate() {
            out.push_str(cell);
            if let Some(width) = widths.get(index) {
                out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_end_where_a_line_has_no_such_cell() {
        for (text, aligned) in [
            ("A\tB\n", "A    B\n"),
            ("NAME\tX\nlonger\ty\n", "NAME    X\nlonger  y\n"),
            ("é\tx\nabcdef\ty\n", "é       x\nabcdef  y\n"),
            ("longest one\tx\nbreak\na\ty\n", "longest one  x\nbreak\na    y\n"),
            ("a\tb\tc\nd\te\n", "a    b    c\nd    e\n"),
            ("a\t\n", "a    \n"),
            ("\tb\n", "     b\n"),
            ("NAME\tX\na\tb\u{c}longer\ty\n", "NAME  X\na     b\nlonger  y\n"),
            ("", ""),
        ] {
            assert_eq!(align(text), aligned, "{text:?}");
        }
    }

    /// A second column belongs to neighbouring lines only, whatever the first one does.
    #[test]
    fn inner_columns_are_blocks_of_their_own() {
        let text = "a\tlong second\tx\nb\tc\nd\te\tf\n";
        assert_eq!(align(text), "a    long second  x\nb    c\nd    e    f\n");
    }
}
