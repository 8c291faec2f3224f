import Console
import PKI
import Testing

@testable import reroot

@Suite("What the command line draws") struct TerminalTests {
  private func terminal(
    _ environment: [String: String] = ["TERM": "xterm"], columns: Int = 60, rows: Int = 20, isTerminal: Bool = true
  ) -> Terminal { Terminal(isTerminal: isTerminal, columns: columns, rows: rows, environment: environment) }

  @Test("has colours only at a terminal that has them, and unless NO_COLOR is set")
  func colours() {
    #expect(terminal().hasColours)
    #expect(terminal(["TERM": "xterm", "NO_COLOR": ""]).hasColours)
    #expect(!terminal(["TERM": "xterm", "NO_COLOR": "1"]).hasColours)
    #expect(!terminal(["TERM": "dumb"]).hasColours && !terminal(["TERM": "dumb"]).canReplace)
    #expect(terminal(["TERM": "xterm", "NO_COLOR": "1"]).canReplace && !terminal(isTerminal: false).canReplace)
    #expect(!terminal([:]).hasColours)
    #expect(!terminal(isTerminal: false).hasColours)
  }

  @Test("is as wide as its characters are at a terminal")
  func widths() {
    #expect(TextWidth.of("abc") == 3)
    #expect(TextWidth.of("日本") == 4)
    #expect(TextWidth.of("e\u{301}") == 1)
    #expect(TextWidth.of("█✓…") == 3)
    #expect(TextWidth.cut("日本語", to: 5) == "日本…")
    #expect(TextWidth.cut("abcdef", to: 4) == "abc…")
    #expect(TextWidth.padded("日", to: 4) == "日  ")
    #expect(TextWidth.wrapped("one two three", to: 7) == ["one two", "three"])
    #expect(TextWidth.wrapped("abcdefghij", to: 4) == ["abcd", "efgh", "ij"])
  }

  @Test(
    "as a table fits the terminal, and is whole where there is none",
    // In blocks up to 45 columns: the subject would become narrower than 24.
    arguments: [(20, 17), (30, 10), (45, 8), (46, 3), (80, 3)])
  func tables(columns: Int, count: Int) {
    var table = Table("ID", "NAME", "SUBJECT")
    table.add("1", "日本語の名前", String(repeating: "x", count: 100))
    table.add("2", "a\u{1B}[2J\nb", "CN=b")
    let lines = table.text(columns: columns).split(separator: "\n").map(String.init)
    #expect(lines.count == count)
    #expect(lines.first == (count == 3 ? "ID  NAME              SUBJECT" : "ID       1"))
    for line in lines { #expect(TextWidth.of(line) <= columns, "\(line)") }
    let whole = table.text(columns: nil)
    #expect(whole.contains(String(repeating: "x", count: 100)))
    #expect(whole.contains(#"a\u{1B}[2J\u{A}b"#))
    #expect(Table("A").text(columns: 20).isEmpty)
  }

  @Test("in a table whose columns would be too narrow to be read stands one field under the other, and none is cut")
  func blocks() {
    var table = Table("ID", "STATE", "SUBJECT", "PROBLEM", "MADE")
    let problem = "The receiver answered with the status 500."
    table.add("1", "waits", "Update 1 is completed", problem, "2026-06-01 12:00 UTC")
    table.add("2", "sent", "Update 2 waits for a decision", "", "2026-06-02 12:00 UTC")
    #expect(
      table.text(columns: 60) == """
        ID       1
        STATE    waits
        SUBJECT  Update 1 is completed
        PROBLEM  The receiver answered with the status 500.
        MADE     2026-06-01 12:00 UTC

        ID       2
        STATE    sent
        SUBJECT  Update 2 waits for a decision
        MADE     2026-06-02 12:00 UTC
        """)
    for columns in [20, 40, 60, 80, 100, 120] {
      for line in table.text(columns: columns).split(separator: "\n") { #expect(TextWidth.of(String(line)) <= columns) }
    }
    #expect(table.text(columns: 90).hasPrefix("ID  STATE  SUBJECT "))
    #expect(table.text(columns: 40).contains("PROBLEM  The receiver answered with the\n         status 500."))
  }

  @Test("as JSON holds no character that could move anything, and is still the same JSON")
  func json() {
    #expect(Output.safe("{\"a\": \"\u{9B}2J\u{202E}\u{E0001}\"}\n") == #"{"a": "\u009b2J\u202e\udb40\udc01"}"# + "\n")
    #expect(Output.safe("{\"a\": \"ü\"}") == "{\"a\": \"ü\"}")
  }

  // MARK: Progress

  private func action(_ component: String?, _ kind: String, _ status: String) -> JSONValue {
    [
      "id": .string("\(kind):1"), "component": component.map { .string($0) } ?? .null, "kind": .string(kind),
      "status": .string(status),
    ]
  }

  private func progress(failure: String = "The \u{1B}[31mport is closed.") -> UpdateProgress {
    var progress = UpdateProgress()
    progress.take(actions: [
      action("web", "deploy", "succeeded"), action("web", "verify", "skipped"), action("日本", "deploy", "succeeded"),
      action("日本", "verify", "running"), action("db", "deploy", "failed"), action("db", "verify", "waiting"),
      action("later", "deploy", "waiting"), action("out", "deploy", "skipped"), action(nil, "https", "waiting"),
    ])
    progress.take(update: [
      "id": 7, "root": "New Root", "standing": "running", "step": "deploying", "question": 0,
      "counts": ["succeeded": 2, "failed": 1, "running": 1, "waiting": 3, "skipped": 2, "total": 9],
      "failures": [
        [
          "component": "db", "kind": "deploy", "id": "deploy:3",
          "failure": ["sentence": .string(failure), "advice": "Open it."],
        ]
      ],
      "decisions": [
        ["decision": "abort", "sentence": "Puts everything back."],
        ["decision": "retry", "sentence": "Tries db again."],
      ],
    ])
    return progress
  }

  @Test("of an update has a bar and one line per component, in words and not in colours alone")
  func picture() {
    let lines = ProgressPicture.lines(progress(), terminal(["TERM": "dumb"], columns: 72))
    #expect(lines.count == 8)
    #expect(lines[0] == "Update 7, New Root: running")
    #expect(lines[1].hasPrefix("█") && lines[1].contains("░") && lines[1].contains("5 of 9, 1 failed  deploying"))
    #expect(lines[2] == "✓ web          2/2  done")
    #expect(lines[3] == "▸ 日本         1/2  verify")
    #expect(lines[4].hasPrefix(#"✗ db           0/2  deploy failed: The \u{1B}[31mport is closed"#))
    #expect(lines[5] == "· later        0/1  waiting")
    #expect(lines[6] == "– out          1/1  left out")
    #expect(lines[7] == "· the console  0/1  waiting")
  }

  @Test("of an update fits the terminal, whatever its size", arguments: [20, 33, 80, 200], [4, 6, 50])
  func pictureFits(columns: Int, rows: Int) {
    let terminal = terminal(["TERM": "dumb"], columns: columns, rows: rows)
    let lines = ProgressPicture.lines(progress(), terminal)
    #expect(lines.count < max(rows, 5))
    for line in lines { #expect(TextWidth.of(line) < columns, "\(line)") }
    // What failed is shown before all others.
    #expect(lines.contains { $0.hasPrefix("✗") })
  }

  @Test("of an update is coloured where colours are wanted, and the same text without them")
  func pictureColours() {
    let plain = ProgressPicture.lines(progress(), terminal(["TERM": "dumb"]))
    let coloured = ProgressPicture.lines(progress(), terminal())
    #expect(coloured != plain)
    #expect(coloured.map { $0.replacing(/\u{1B}\[[0-9]+m/, with: "") } == plain)
  }

  @Test("of an update takes the place of the picture before, and stays once it is settled")
  func live() {
    var picture = LivePicture()
    let first = picture.replacing(with: ["a", "b"])
    #expect(first == "a\u{1B}[K\nb\u{1B}[K\n\u{1B}[J")
    let second = picture.replacing(with: ["c"])
    #expect(second.hasPrefix("\u{1B}[2A\rc"))
    picture.settle()
    let third = picture.replacing(with: ["d"])
    #expect(third.hasPrefix("d"))
  }

  @Test("of an update follows its journal, and reads everything again where more than one action may have changed")
  func entries() {
    var progress = progress()
    func take(_ kind: String, _ action: String?, _ component: String?) -> Bool {
      progress.take(entry: [
        "kind": .string(kind), "action": action.map { .string($0) } ?? .null,
        "component": component.map { .string($0) } ?? .null,
      ])
    }
    #expect(!take("note", "deploy:4", "later"))
    #expect(progress.line("later").state == .running)
    #expect(!take("succeeded", "deploy:4", "later"))
    #expect(progress.line("later").state == .done)
    #expect(take("decided", nil, nil))
    #expect(take("succeeded", "restore:4", "later"))
  }

  @Test("of a failure says what succeeded, what failed and why, and what each decision would do")
  func failure() {
    let text = FailureText.of(progress(), columns: 72)
    #expect(text.contains("Update 7 has stopped: 1 action failed."))
    #expect(text.contains("Succeeded: 2 actions; done with web"))
    #expect(text.contains(#"  db, deploy (deploy:3): The \u{1B}[31mport is closed. Open it."#))
    #expect(text.contains("  abort     Puts everything back."))
    #expect(text.contains("  retry     Tries db again."))
    #expect(!text.contains("\u{1B}"))
  }
}
