import Foundation
import HTTP
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("What the API says to do") struct AdviceTests {
  /// What only a page has.
  private static let ofPages = ["tick", "box", "button", "click", "page", "menu", "navigation", "below", "cookie"]

  private static var refusals: [any Error] {
    let starts: [UpdateRefusal] = [
      .blocked, .problemsNotAccepted, .namesakeNotAccepted, .clock, .https("A sentence."), .outdated(["/etc/a"]),
      .unseen(["A reason."]), .needed("A sentence."), .halting,
    ]
    let decisions: [Refusal] = [.stale(asked: 1, current: 2), .notOffered(.retry), .unexpected("it moved")]
    let moments: [StoreError] = [
      .noSecondFactor, restored(looked: false), restored(looked: true), restored(looked: true, update: 7),
    ]
    let owners = [PageError.ownPassword, .ownSecondFactor]
    let all: [[any Error]] = [starts, decisions, moments, owners, [RequestProblem(status: 431, sentence: tooLong)]]
    return all.flatMap(\.self)
  }

  private static let tooLong = "The request has too many or too long header fields. Delete this site's cookies."

  private static func restored(looked: Bool, update: Int64? = nil) -> StoreError {
    let at = Date(timeIntervalSince1970: 0)
    return .notSeen(
      RestorationRecord(
        id: .init(rawValue: 1), restoredAt: at, backupMadeAt: at, lastUpdate: nil, lookedAt: looked ? at : nil,
        differs: looked ? true : nil, seenAt: nil, seenBy: nil, onlyUpdate: update.map { .init(rawValue: $0) }))
  }

  @Test("where a page has a way on of its own never speaks of what only that has, and the cause is the page's")
  func faces() throws {
    for error in Self.refusals {
      let problem = ProblemDetails(error)
      let told = try Self.told(problem)
      let (detail, cause) = (told["detail"]?.text ?? "", told["cause"]?.text ?? "")
      #expect(!cause.isEmpty && detail.hasPrefix(cause + " ") && problem.sentence.hasPrefix(cause + " "), "\(error)")
      Self.expectNothingOfPages(detail)
    }
  }

  @Test(
    "where it is the page's own sentence speaks of nothing that only a page has",
    arguments: [
      StoreError.agreementNeeded, .samePerson, .agreementOver, .mayNot(.administrator), .changedMeanwhile, .noUpdate,
      .noPlan,
    ])
  func common(_ error: StoreError) throws {
    Self.expectNothingOfPages(try Self.told(ProblemDetails(error))["detail"]?.text ?? "page")
  }

  @Test("The end of a stronger token is told in words that suit a page and a program")
  func tokens() throws {
    let told = try Self.told(ProblemDetails(PageError.strongerToken(.operator)))
    #expect(told["code"]?.text == "ROLE_NEEDED")
    Self.expectNothingOfPages(told["detail"]?.text ?? "page")
  }

  @Test("The store speaks of pages in no sentence but those that it has for pages")
  func store() throws {
    let folder = TestConsole.packageFolder + "/Sources/Store"
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
    #expect(files.count > 20)
    for file in files {
      for line in try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8).split(separator: "\n") {
        let line = line.trimmingPrefix { $0 == " " }
        guard !line.hasPrefix("//"), !line.hasPrefix("page: "), line.contains("\"") else { continue }
        #expect(line.firstMatch(of: /\b(page|button|box|tick|click)\b/.ignoresCase()) == nil, "\(file): \(line)")
      }
    }
  }

  private static func told(_ problem: ProblemDetails) throws -> JSONValue {
    let body = try problem.response().body
    guard case .bytes(let bytes) = body else {
      Issue.record("\(problem.code) is answered with \(body)")
      return .null
    }
    return try JSONValue(parsing: bytes)
  }

  private static func expectNothingOfPages(_ sentence: String) {
    for word in ofPages { #expect(!sentence.lowercased().contains(word), "\(sentence)") }
  }
}
