import PKI

/// Rows in columns, as wide as the terminal at most.
struct Table: Sendable {
  let titles: [String]
  private(set) var rows: [[String]] = []

  /// No column is made narrower than this for the others' sake, so that a moment is never cut: then each row is a block.
  private static let narrowest = 24
  private static let gap = "  "

  init(_ titles: String...) { self.init(titles) }

  init(_ titles: [String]) { self.titles = titles }

  /// A row; what could hide or move anything is written out.
  mutating func add(_ cells: String...) { add(cells) }

  /// The same of as many cells as there are titles.
  mutating func add(_ cells: [String]) { rows.append(cells.map { VisibleText.of($0) }) }

  /// The lines. The widest columns give way first, and what does not fit into them is cut with an ellipsis; where they would
  /// become too narrow, the rows stand one under the other, a line for each of their fields.
  ///
  /// - Parameter columns: how wide it may be; nil for as wide as it is.
  func text(columns: Int?) -> String {
    guard !rows.isEmpty else { return "" }
    var widths = titles.indices.map { index in
      ([titles[index]] + rows.map { $0[index] }).map(TextWidth.of).max() ?? 0
    }
    if let columns {
      let room = columns - Self.gap.count * (titles.count - 1)
      while widths.reduce(0, +) > room {
        guard let widest = widths.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.narrowest else {
          return rows.map { block($0, columns) }.joined(separator: "\n\n")
        }
        widths[widest] -= 1
      }
    }
    return ([titles] + rows).map { line($0, widths) }.joined(separator: "\n")
  }

  /// A row with its titles before it; what is empty is left out, and nothing is cut.
  private func block(_ cells: [String], _ columns: Int) -> String {
    let width = titles.map(TextWidth.of).max() ?? 0
    let room = max(1, columns - width - Self.gap.count)
    return zip(titles, cells).filter { !$1.isEmpty }.flatMap { title, cell in
      TextWidth.wrapped(cell, to: room).enumerated().map { index, part in
        TextWidth.padded(index == 0 ? title : "", to: width) + Self.gap + part
      }
    }
    .joined(separator: "\n")
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var line = zip(cells, widths).map { TextWidth.padded($0, to: $1) }.joined(separator: Self.gap)
    while line.last == " " { line.removeLast() }
    return line
  }
}

extension Output {
  /// A table on standard output: as wide as the terminal; whole where that is none.
  static func table(_ table: Table, ifEmpty sentence: String) {
    guard !table.rows.isEmpty else { return line(sentence) }
    let terminal = Terminal.current()
    line(table.text(columns: terminal.isTerminal ? terminal.columns : nil))
  }

  /// Names and values, one under the other.
  static func fields(_ fields: [(String, String)]) {
    let width = fields.map(\.0.count).max() ?? 0
    let terminal = Terminal.current()
    let room = terminal.isTerminal ? max(20, terminal.columns - width - 2) : .max
    for (name, value) in fields {
      for (index, part) in TextWidth.wrapped(VisibleText.of(value), to: room).enumerated() {
        line(TextWidth.padded(index == 0 ? name : "", to: width) + "  " + part)
      }
    }
  }
}
