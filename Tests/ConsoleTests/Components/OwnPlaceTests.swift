import Delivery
import Foundation
import Glibc
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Reroot's own files", .timeLimit(.minutes(2))) struct OwnPlaceTests {
  /// A console on this machine's files, with each file of its data folder under other names too.
  private func withNames(_ body: (TestConsole, Browser, _ paths: [String]) async throws -> Void) async throws {
    let console = try await TestConsole(real: true)
    do {
      let (base, data) = (console.folder.path, console.folder.path + "/data")
      let names = try FileManager.default.contentsOfDirectory(atPath: data)
      #expect(Set(names).isSuperset(of: ["reroot.sqlite", "reroot.sqlite-wal", "reroot.lock", "master.key"]))
      #expect(symlink(data, base + "/link") == 0)
      for name in names {
        #expect(symlink("\(data)/\(name)", "\(base)/link-\(name)") == 0)
        #expect(link("\(data)/\(name)", "\(base)/hard-\(name)") == 0)
      }
      let own = names + ["new.pem", "restore.ready/master.key", "before-restore-20260101T000000Z/master.key"]
      let paths =
        own.flatMap { ["\(data)/\($0)", "\(base)/link/\($0)"] }
        + names.flatMap { ["\(base)/link-\($0)", "\(base)/hard-\($0)"] }
      try await body(console, try await console.browser(), paths)
    } catch {
      try? await console.stop()
      throw error
    }
    try await console.stop()
  }

  /// What identifies the files of the data folder, and what is in those that nobody writes meanwhile.
  private func picture(_ console: TestConsole) throws -> [String: String] {
    let data = console.folder.path + "/data"
    return try FileManager.default.contentsOfDirectory(atPath: data).reduce(into: [:]) { found, name in
      var status = stat()
      #expect(stat("\(data)/\(name)", &status) == 0)
      let text = name.hasPrefix("reroot.sqlite") ? nil : FileManager.default.contents(atPath: "\(data)/\(name)")
      found[name] = "\(status.st_ino) \(status.st_mode) \(text.map { Digest.sha256Hex(Array($0)) } ?? "")"
    }
  }

  private func component(_ path: String, in folder: String) -> Component {
    Component(
      id: Component.ID(rawValue: 0), name: "thief", names: [.dns("thief.example")],
      files: FileLayout(certificateChain: path, key: folder + "/key.pem"),
      activation: Activation(method: .command(["/bin/true"])))
  }

  @Test("are no component's, by whatever path: the form and the YAML answer 422, and nothing is saved")
  func refused() async throws {
    try await withNames { console, browser, paths in
      let before = try picture(console)
      let base = console.folder.path
      let (form, list) = (try await browser.get("/components/new"), try await browser.get("/components/import"))
      for path in paths {
        let fields = [
          "name": "thief", "names": "thief.example", "files.certificate": path, "files.key": base + "/key.pem",
        ]
        let answer = try await browser.submit(form, "/components/new", fields)
        #expect(answer.status == 422, "\(path)")
        #expect(answer.error(of: "files.certificate")?.contains("belongs to Reroot's data folder") == true, "\(answer)")
        let yaml = ComponentWriter.text([component(path, in: base)])
        let imported = try await browser.submit(list, "/components/import", ["yaml": yaml])
        #expect(imported.status == 422 && imported.says("files.certificate: \(path) belongs to Reroot's"), "\(path)")
        await #expect(throws: YAMLRefusal.self) { _ = try await ComponentImport.apply(yaml, to: console.store) }
      }
      let password = try await browser.submit(
        form, "/components/new",
        [
          "name": "thief", "names": "thief.example", "files.key_store": base + "/keys.p12",
          "files.store_password_file": base + "/data/master.key",
        ])
      #expect(password.status == 422 && password.error(of: "files.store_password_file") != nil, "\(password)")
      #expect(try await console.store.components().isEmpty)
      #expect(try picture(console) == before)
    }
  }

  @Test("stop the plan of a component that was saved before they were known, and no update starts")
  func planned() async throws {
    try await withNames { console, browser, paths in
      let root = try await TestSystem.add(TestRoot("New root"), "New root", to: console.store)
      let before = try picture(console)
      for path in paths {
        // As a component of an earlier version, or one whose path has become a link since.
        let saved = try await console.store.addComponent(component(path, in: console.folder.path))
        let form = try await browser.get("/roots/\(root)/update")
        let made = try await browser.submit(
          form, "/plans", ["months": "12", "https": "existing", "policy": "stop"])
        let number = try #require(made.location?.split(separator: "/").last, "\(made)")
        let plan = try await browser.follow(made)
        #expect(plan.says("belongs to Reroot's data folder"), "\(path): \(plan)")
        #expect(!PageForm.all(plan.html).contains { $0.action == "/updates" }, "\(path)")
        let started = try await browser.post(
          "/updates", [("csrf", try await browser.token()), ("plan", String(number)), ("acceptProblems", "yes")])
        #expect(started.status == 409, "\(started)")
        try await console.store.removeComponent(saved.id)
      }
      #expect(try picture(console) == before)
    }
  }

  @Test("are not replaced by anything that goes by the ways to the targets, whatever was agreed to")
  func lastLine() async throws {
    try await withNames { console, _, paths in
      let before = try picture(console)
      let services = console.console.services
      for path in paths {
        let access = services.targetAccess(component(path, in: console.folder.path))
        for change in [
          FileChange(path: path, content: SecretBytes(utf8: "PEM"), mode: 0o600),
          FileChange(path: path, content: nil, mode: 0),
        ] {
          do {
            try await access.replace([change])
            Issue.record("\(path) was replaced")
          } catch {
            #expect((error as? DeliveryFailure)?.code == "OWN_FILE", "\(path): \(error)")
          }
        }
      }
      #expect(try picture(console) == before)
    }
  }

  @Test("A command that prints the master key gives it to no page, no event and no file")
  func masterKey() async throws {
    let console = try await TestConsole(real: true)
    do {
      try await printKey(console)
    } catch {
      try? await console.stop()
      throw error
    }
    try await console.stop()
  }

  private func printKey(_ console: TestConsole) async throws {
    let (folder, browser) = (console.folder.path, try await console.browser())
    let file = folder + "/data/master.key"
    let key = String(try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")[1])
    var component = component(folder + "/cert.pem", in: folder)
    let print = "cat \(file); tail -n 1 \(file) | tr a-f A-F; base64 -w 0 \(file); exit 1"
    component.activation = Activation(
      method: .command(["/bin/sh", "-c", print]),
      check: ["/bin/sh", "-c", "test -e \(folder)/key.pem || { \(print); }"])
    _ = try await console.store.addComponent(component)
    let root = try await TestSystem.add(TestRoot("New root"), "New root", to: console.store)
    let form = try await browser.get("/roots/\(root)/update")
    let plan = try await browser.follow(
      browser.submit(form, "/plans", ["months": "3", "https": "existing", "policy": "stop"]))
    #expect(plan.says("refuses its configuration as it stands today") && plan.says("[master key left out]"), "\(plan)")
    let started = try await browser.submit(plan, "/updates", ["acceptProblems": "yes"])
    let path = try #require(started.location, "\(started)")
    let update = UpdateRecord.ID(rawValue: try #require(Int64(path.split(separator: "/").last ?? "")))
    try await eventually("The activation fails") { try await console.store.state(update).standing == .deciding }
    let events = try await browser.events(path + "/events")
    let page = try await browser.get(path)
    #expect(page.says("[master key left out]"), "\(page)")
    try await eventually("The stream tells of it") { events.text.contains("left out") }
    events.close()
    let found = try FileManager.default.contentsOfDirectory(atPath: folder + "/data").filter { $0 != "master.key" }
    let stored = try found.map { name in
      String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/data/\(name)")), as: UTF8.self)
    }
    for text in [plan.html, page.html, events.text, console.log.all.joined()] + stored {
      for form in [key, key.uppercased(), Data(key.utf8).base64EncodedString()] {
        for start in [0, 20, 40] { #expect(!text.contains(form.dropFirst(start).prefix(20))) }
      }
    }
  }
}
