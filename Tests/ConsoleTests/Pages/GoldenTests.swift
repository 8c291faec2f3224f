import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

/// Pages as they were recorded.
enum GoldenPage {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Golden")

  /// What is another in every run: keys, numbers drawn by lot, and the contents of files that are named by their hash.
  private static func steady(_ html: String) -> String {
    [
      (#"content="[0-9a-f]{64}""#, #"content="TOKEN""#), (#"value="[0-9a-f]{64}""#, #"value="TOKEN""#),
      (#"\?v=[0-9a-f]+"#, "?v=HASH"), ("<wbr>", ""), (#"(?:[0-9A-Fa-f]{2}:){7,}[0-9A-Fa-f]{2}"#, "FINGERPRINT"),
      (#"/retiring/[0-9a-f]{64}"#, "/retiring/ROOT"), (#"(?:[0-9a-f]{2}:){7}[0-9a-f]{2}…"#, "SHORT"),
      (#"\b[0-9a-f]{30,40}\b"#, "SERIAL"), (#"\b\d+ bytes"#, "N bytes"),
      (#"127\.0\.0\.1:\d+"#, "127.0.0.1:PORT"),
    ].reduce(html) { $0.replacingOccurrences(of: $1.0, with: $1.1, options: .regularExpression) }
  }

  static func check(_ name: String, _ page: Answer) throws {
    let html = steady(page.html)
    let file = folder.appendingPathComponent(name + ".html")
    if ProcessInfo.processInfo.environment["REROOT_RECORD"] != nil {
      try html.write(to: file, atomically: true, encoding: .utf8)
    }
    let golden = try String(contentsOf: file, encoding: .utf8)
    guard html != golden else { return }
    let (now, then) = (html.split(separator: "\n"), golden.split(separator: "\n"))
    let line = zip(now, then).enumerated().first { $1.0 != $1.1 }?.offset ?? min(now.count, then.count)
    Issue.record(
      """
      \(name).html differs from line \(line + 1) on:
      was \(then.dropFirst(line).first ?? "at its end")
      is  \(now.dropFirst(line).first ?? "at its end")
      """)
  }
}

/// Pages that must look as they did when they were recorded. `REROOT_RECORD=1 swift test --filter Golden` records them.
@Suite("Golden pages", .timeLimit(.minutes(2))) struct GoldenTests {
  private func check(_ name: String, _ page: Answer) throws { try GoldenPage.check(name, page) }

  @Test("Roots, components, plan and update look as recorded")
  func pages() async throws {
    try await withSystem { system in
      // One action at a time, so that the log has one order.
      try await system.store.setParallelComponents(1)
      try check("roots-empty-of-updates", try await system.browser.get("/roots"))
      try check("components", try await system.browser.get("/components"))
      let plan = try await system.plan()
      try check("plan", plan)
      system.targets.hold("web")
      system.targets.arm(.activate, at: "broker")
      #expect(try await system.browser.submit(plan, "/updates").status == 303)
      let id = try #require(try await system.store.unfinishedUpdate()).id
      try await eventually("The command of web is waited for") { system.targets.isHeld("web") }
      try check("update-running", try await system.browser.get("/updates/\(id)"))
      system.targets.letGo("web")
      #expect(try await system.settled(id).standing == .deciding)
      try check("update-deciding", try await system.browser.get("/updates/\(id)"))
      try await system.decide(id, .retry)
      try check("update-completed", try await system.browser.get("/updates/\(id)"))
      try check("roots", try await system.browser.get("/roots"))
      try check("updates", try await system.browser.get("/updates"))
    }
  }

  @Test("What depends on a root, the plan to retire it, and its retirement look as recorded")
  func retirement() async throws {
    try await withSystem(importsOld: false) { system in
      try await system.store.setParallelComponents(1)
      try await system.updateToNew()
      let new = try #require(system.targets.file("/srv/broker/cert.pem"))
      try check("roots-retiring", try await system.browser.get("/roots"))
      try system.bringBackOldCertificate("broker")
      try check("dependents", try await system.browser.get(system.retiring))
      system.targets.put("/srv/broker/cert.pem", new.text, owner: 101, group: 201)
      let page = try await system.browser.follow(
        system.browser.submit(system.browser.get(system.retiring), "\(system.retiring)/looks"))
      try check("dependents-none", page)
      let plan = try await system.planRetirement()
      try check("plan-retirement", plan)
      system.targets.arm(.trust, at: "broker")
      let id = try await system.started(plan)
      #expect(try await system.settled(id).standing == .deciding)
      try check("retirement-deciding", try await system.browser.get("/updates/\(id)"))
      try await system.decide(id, .retry)
      try check("retirement-completed", try await system.browser.get("/updates/\(id)"))
      try check("update-superseded", try await system.browser.get("/updates/1"))
    }
  }

  @Test("A plan with problems, and the pages before anything is there, look as recorded")
  func others() async throws {
    try await withBrowser { console, browser in
      try check("roots-none", try await browser.get("/roots"))
      try check("components-none", try await browser.get("/components"))
      try check("component-form", try await browser.get("/components/new"))
      try check("sign-in", try await console.stranger().get("/sign-in"))
      try check("not-found", try await browser.get("/nothing"))
    }
    try await withSystem { system in
      system.targets.remove("/srv/web/key.pem")
      let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
      system.targets.put("/srv/broker/cert.pem", damaged, owner: 101, group: 201)
      try check("plan-with-problems", try await system.plan())
    }
  }
}
