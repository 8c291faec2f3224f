import PKI

/// A table as comma-separated values (RFC 4180), for a spreadsheet of whoever downloads it.
///
/// Every cell stands in quotation marks and is shown as ``PKI/VisibleText`` writes it, so a cell is one line. A cell that a
/// spreadsheet would take for a formula gets an apostrophe in front of it (OWASP, “CSV Injection”): opening a download
/// must run nothing that somebody else put into a name.
public struct CSV: Sendable {
  /// The table so far: UTF-8, lines that end with CR LF, the heading first.
  public private(set) var text = ""
  private let columns: Int

  /// The media type of ``text`` (RFC 4180, section 3).
  public static let contentType = "text/csv; charset=utf-8; header=present"

  /// Begins a table with its heading.
  public init(_ heading: [String]) {
    columns = heading.count
    append(heading)
  }

  /// Adds a row. It is filled up with empty cells, or cut, to as many cells as the heading has (RFC 4180, section 2.4).
  public mutating func append(_ row: [String]) {
    let missing = Array(repeating: "", count: max(0, columns - row.count))
    text += Self.line(row.prefix(columns) + missing)
  }

  /// A row by itself, for a table that is sent before it is complete.
  static func line(_ row: some Sequence<String>) -> String { row.map(cell).joined(separator: ",") + "\r\n" }

  /// A cell as it is written, quotation marks included.
  static func cell(_ text: String) -> String {
    "\"" + withoutFormula(VisibleText.of(text, limit: .max)).escaped { $0 == "\"" ? "\"\"" : nil } + "\""
  }

  /// A semicolon begins a new cell where the system's list separator is one, quotation marks or not; so what follows it
  /// is looked at, too. Spaces in front are passed over, as some programs do.
  private static func withoutFormula(_ text: String) -> String {
    var result = ""
    var isStart = true
    for scalar in text.unicodeScalars {
      if isStart, beginsFormula(scalar) { result += "'" }
      isStart = scalar == ";" || (isStart && scalar.properties.isWhitespace)
      result.unicodeScalars.append(scalar)
    }
    return result
  }

  /// The signs of OWASP's list, and their full-width forms, which spreadsheets in East Asian languages take as well.
  private static func beginsFormula(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "=", "+", "-", "@", "\t", "\r", "\n", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}", "\u{2212}": true
    default: false
    }
  }
}
