import PKI

/// Rows in columns, as wide as the terminal at most.
struct Table: Sendable {
  let titles: [String]
  private(set) var rows: [[String]] = []

  /// No column is made narrower than this for the others' sake.
  private static let narrowest = 6
  private static let gap = "  "

  init(_ titles: String...) { self.titles = titles }

  /// A row; what could hide or move anything is written out.
  mutating func add(_ cells: String...) { rows.append(cells.map { VisibleText.of($0) }) }

  /// The lines. The widest columns give way first, and what does not fit into them is cut with an ellipsis.
  ///
  /// - Parameter columns: how wide it may be; nil for as wide as it is.
  func text(columns: Int?) -> String {
    guard !rows.isEmpty else { return "" }
    var widths = titles.indices.map { index in
      ([titles[index]] + rows.map { $0[index] }).map(TextWidth.of).max() ?? 0
    }
    if let columns {
      let room = columns - Self.gap.count * (titles.count - 1)
      while widths.reduce(0, +) > room, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
        widths[widest] > Self.narrowest
      { widths[widest] -= 1 }
    }
    return ([titles] + rows).map { line($0, widths) }.joined(separator: "\n")
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
