import Testing

@testable import Console

@Suite("Tables for spreadsheets") struct CSVTests {
  @Test(
    "No cell begins a formula, wherever a spreadsheet separates cells",
    arguments: [
      ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("  =1", "  '=1"),
      ("a;=1+1", "a;'=1+1"), ("a; @x", "a; '@x"), ("\u{FF1D}1", "'\u{FF1D}1"), ("\t=1", "\\u{9}=1"),
      ("\r=1", "\\u{D}=1"), ("\n=1", "\\u{A}=1"), ("\u{200B}=1", "\\u{200B}=1"), ("=\u{301}1", "'=\u{301}1"),
      (";\u{301}=1", ";\u{301}=1"), ("\r\n=1", "\\u{D}\\u{A}=1"),
    ])
  func formulas(_ given: String, _ written: String) {
    #expect(CSV.cell(given) == "\"\(written)\"")
  }

  @Test(
    "Ordinary text stays as it is",
    arguments: ["", "web", "a-b", "a = b", "1 + 1", "x@y.example", "Ä ö, ß", "2026-11-24T04:26:00Z"])
  func ordinary(_ text: String) {
    #expect(CSV.cell(text) == "\"\(text)\"")
  }

  @Test("Quotation marks, commas and line breaks end neither a cell nor a row")
  func structure() {
    // An accent is one character with the mark before it.
    #expect(CSV.cell("\"\u{301},=1") == "\"\"\"\u{301},=1\"")
    var table = CSV(["Who", "What"])
    table.append(["a\"b", "c,d\r\ne\u{2028}f"])
    table.append(["g"])
    table.append(["h", "i", "j"])
    #expect(
      table.text == "\"Who\",\"What\"\r\n\"a\"\"b\",\"c,d\\u{D}\\u{A}e\\u{2028}f\"\r\n\"g\",\"\"\r\n\"h\",\"i\"\r\n")
  }
}
