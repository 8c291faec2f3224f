import Foundation
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("Text that means harm", .timeLimit(.minutes(2))) struct HostileTextTests {
  private static let markup = "<script>alert(\"1\")</script>'><img src=x onerror=alert(2)>{{title}}"
  private static let invisible = "a\u{202E}b\u{200F}c\u{7}d\u{0}e\u{1B}[31mf\u{2028}g\u{FEFF}h"

  /// Characters that hide, turn round or end what stands beside them; a page of the console needs none.
  private func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: scalar != "\n" && scalar != "\t" && scalar != "\r"
    case .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  private func check(_ answer: Answer, _ path: String) {
    #expect(answer.status < 500, "\(path)")
    if answer.header("content-type")?.hasPrefix("text/html") == true {
      for tag in ["<script>", "<img ", "alert(\"1\")</"] { #expect(!answer.has(tag), "\(tag) on \(path)") }
    }
    let harmful = answer.html.unicodeScalars.filter(isHarmful)
    #expect(harmful.isEmpty, "\(harmful.map { String($0.value, radix: 16) }) on \(path)")
    if let name = answer.header("content-disposition") { #expect(name.utf8.allSatisfy { $0 > 0x1F && $0 < 0x7F }) }
  }

  @Test("Names, subjects, outputs and files with markup or hidden characters are text on every page")
  func everywhere() async throws {
    try await withConsole { console in
      let old = try TestRoot("Old root")
      let short = "<script>alert(\"1\")</script>"
      let new = try RootMaker.makeRoot(
        commonName: short + Self.invisible.prefix(12), organization: "O\u{202E}<img src=x>", algorithm: .ecdsaP256,
        notBefore: TestClock.start - 9, notAfter: TestClock.start + 5 * 365 * 86_400)
      let rootID = try await console.store.importRoot(
        name: short, certificate: new.chain[0], key: new.key, warnings: [], by: short)
      _ = try await console.store.addAuthorities(new.chain, by: short)
      let served = try old.child(["console.example"])
      _ = try await console.store.addServerCertificate(
        name: short + "'", chain: served.chain, key: try served.key.pkcs8PEM(), by: short)
      var component = TestSystem.component("web")
      component.name = short
      component.description = Self.markup
      component.maintenance = Self.markup
      component.rollingGroup = short
      try TestSystem.placeFiles("web", old, in: console.targets, number: 0)
      _ = try await console.store.addComponent(component)
      console.targets.setOutput(Self.markup + Self.invisible)
      console.targets.arm(.activate, at: short)

      let browser = try await console.browser()
      let form = try await browser.get("/roots/\(rootID)/update")
      let plan = try await browser.follow(browser.submit(form, "/plans"))
      check(plan, "the plan")
      let fields = ["acceptProblems": "yes"]
      #expect(try await browser.submit(plan, "/updates", fields).status == 303)
      let id = try #require(try await console.store.updates().first).id
      try await eventually("The update asks") { try await console.store.state(id).standing == .deciding }

      for path in try RouteTable().paths("GET") where !path.hasSuffix("/events") {
        check(try await browser.get(RouteTable.filled(path)), path)
      }
      let reader = try await browser.events("/updates/\(id)/events")
      try await eventually("The progress has come") { !reader.messages.isEmpty }
      #expect(!reader.text.contains("<script>"))
      #expect(!reader.text.unicodeScalars.contains(where: isHarmful))
      reader.close()
    }
  }

  @Test("What is typed into a form comes back as text")
  func typed() async throws {
    try await withBrowser { _, browser in
      let page = try await browser.get("/components/new")
      let names = ["name", "description", "names", "files.certificate", "activation.command", "endpoints.0.host"]
      let answer = try await browser.submit(
        page, nil, Dictionary(uniqueKeysWithValues: names.map { ($0, "\"></textarea>" + Self.markup) }))
      #expect(answer.status == 422)
      for tag in ["<script>", "<img ", "\"></textarea><"] { #expect(!answer.has(tag)) }
      #expect(try answer.form().value("description") == "\"></textarea>" + Self.markup)
      let yaml = try await browser.submit(browser.get("/components/import"), nil, ["yaml": Self.markup + ": 1"])
      #expect(!yaml.has("<script>"))
      let missing = try await browser.get("/%3Cscript%3Ealert(1)%3C/script%3E")
      #expect(!missing.has("<script>"))
      let signIn = try await browser.get("/sign-in?return=/%22%3E%3Cscript%3E")
      #expect(!signIn.has("<script>"))
    }
  }

  @Test("A file's name is text, whatever is in it")
  func fileName() async throws {
    try await withBrowser { _, browser in
      let page = try await browser.get("/roots/import")
      let name = "../<img src=x>\u{202E}xfp.exe"
      let answer = try await browser.submit(
        page, nil, ["password": "x"], files: [("file", FilePart(name, "noise"))])
      check(answer, "the import")
      #expect(!answer.has("../"))
    }
  }
}
