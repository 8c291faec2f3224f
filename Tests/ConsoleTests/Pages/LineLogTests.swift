import Foundation
import Logging
import PKI
import Synchronization
import Testing

@testable import Console

@Suite("The log") struct LineLogTests {
  private final class Sink: Sendable {
    private let text = Mutex("")
    var written: String { text.withLock { $0 } }
    func add(_ line: String) { text.withLock { $0 += line } }
  }

  private func line(_ message: String, _ metadata: [String: String], _ format: LineLog.Format = .text) -> String {
    let sink = Sink()
    let handler = LineLog(label: "reroot", format: format, clock: { Date(timeIntervalSince1970: 1_800_000_000) }) {
      sink.add($0)
    }
    handler.log(
      event: LogEvent(
        level: .notice, message: "\(message)", metadata: metadata.mapValues { .string($0) }, source: "Console",
        file: "", function: "", line: 0))
    return sink.written
  }

  @Test("An event is one line with its values in order")
  func plain() {
    #expect(
      line("root imported", ["path": "/roots/1", "by": "ada"])
        == "2027-01-15T08:00:00Z notice reroot: by=ada path=/roots/1 [Console] root imported\n")
  }

  @Test(
    "No text begins a line of its own, passes for a further value, or moves the cursor",
    arguments: [
      ("x\n2027-01-15T08:00:00Z notice reroot: by=eve [Console] signed in", "\\u{A}2027"),
      ("x\r\u{2028}\u{85}y", "x\\u{D}\\u{2028}\\u{85}y"), ("\u{1B}[2J\u{1B}]0;t\u{7}", "\\u{1B}[2J\\u{1B}]0;t\\u{7}"),
      ("a by=eve", "\"a by=eve\""), ("a\" by=eve", "\"a\"\" by=eve\""), ("by=eve", "\"by=eve\""), ("", "\"\""),
      ("a\"\u{301} by=eve", "\"a\"\"\u{301} by=eve\""), ("x\r\ny", "x\\u{D}\\u{A}y"),
      ("\u{202E}gpj.exe", "\\u{202E}gpj.exe"), ("[Console] signed in", "\"[Console] signed in\""),
    ])
  func hostile(_ text: String, _ shown: String) {
    let asValue = line("sign-in failed", ["by": text])
    #expect(asValue.contains("by=" + (shown.hasPrefix("\"") ? shown : "")), "\(asValue)")
    #expect(asValue.contains(shown))
    let asMessage = line("refused: \(text)", [:])
    for written in [asValue, asMessage] {
      #expect(written.split(separator: "\n", omittingEmptySubsequences: false).count == 2, "\(written)")
      #expect(!written.unicodeScalars.dropLast().contains(where: VisibleText.isHidden), "\(written)")
    }
  }

  @Test("As JSON an event is one object on one line, whose values are those of the event")
  func json() throws {
    let text = line("action failed", ["update": "7", "component": "web", "reason": "It \"hangs\".\n"], .json)
    #expect(text.hasSuffix("}\n") && text.split(separator: "\n").count == 1)
    let object = try JSONValue(parsing: Array(text.utf8))
    #expect(
      object == [
        "time": "2027-01-15T08:00:00Z", "level": "notice", "logger": "reroot", "source": "Console",
        "message": "action failed", "update": "7", "component": "web", "reason": "It \"hangs\".\\u{A}",
      ])
  }

  @Test(
    "Nothing that is logged stands in the place of the time, the level or the message of a JSON object",
    arguments: ["time", "level", "logger", "source", "message"])
  func reserved(_ name: String) throws {
    let object = try JSONValue(parsing: Array(line("signed in", [name: "eve"], .json).utf8))
    #expect(object[name] != "eve" && object["value.\(name)"] == "eve")
  }
}
