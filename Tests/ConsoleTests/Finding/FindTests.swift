import Delivery
import Foundation
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("Finding components", .timeLimit(.minutes(2))) struct FindTests {
  /// Begins a search over the form and waits until it has ended; the page then, and its path.
  private func search(
    _ browser: Browser, _ places: String, what: String = "hosts"
  ) async throws -> (page: Answer, path: String) {
    let form = try await browser.get("/components/find")
    let answer = try await browser.submit(form, nil, ["places": places, "what": what])
    let path = try #require(answer.location, "\(answer.text)")
    var page = try await browser.get(path)
    try await eventually("The search ends") {
      page = try await browser.get(path)
      return page.says("Finished") || page.says("Cancelled")
    }
    return (page, path)
  }

  private func proposals(_ page: Answer) -> [String] { page.links.filter { $0.hasPrefix("/components/new?") } }

  @Test("What serves a certificate is proposed, the form is filled in with it, and nothing is stored before Save")
  func acceptance() async throws {
    try await withBrowser { console, browser in
      let root = try TestRoot("Plant root")
      let (server, silent) = (try TestListener(), try TestListener())
      defer { server.stop() }
      server.load(try root.child(["web.example.net", "*.example.net", "192.0.2.7"]))
      silent.stop()
      let (page, _) = try await search(browser, "127.0.0.1:\(server.port),\(silent.port)")
      #expect(page.says("2 of 2 places looked at: 1 certificate found."))
      #expect(page.says("CN=web.example.net") && page.says("CN=Plant root") && page.says("1 place without an answer"))
      let form = try await browser.get(try #require(proposals(page).first))
      let fields = try form.form("/components/new")
      #expect(fields.value("name") == "web.example.net")
      #expect(fields.value("names") == "web.example.net\n*.example.net\n192.0.2.7")
      #expect(fields.value("endpoints.0.host") == "127.0.0.1")
      #expect(fields.value("endpoints.0.port") == "\(server.port)")
      #expect(fields.value("endpoints.0.server_name") == "web.example.net")
      #expect(try await console.store.components().isEmpty)
      let saved = try await browser.submit(
        form, "/components/new", ["files.certificate": "/w/c.pem", "files.key": "/w/k.pem"])
      #expect(saved.status == 303, "\(saved.text)")
      let again = try await search(browser, "127.0.0.1:\(server.port)").page
      #expect(again.says("Known") && proposals(again).isEmpty, "what is there already is not proposed again")
    }
  }

  @Test("A program finds what a page finds, and can add what is proposed once it says where the files are")
  func program() async throws {
    try await withConsole { console in
      let program = try await Program(console)
      let (server, silent) = (try TestListener(), try TestListener())
      defer { server.stop() }
      server.load(try TestRoot("Plant root").child(["web.example.net"]))
      silent.stop()
      let places: JSONValue = [.string("127.0.0.1:\(server.port)"), .string("127.0.0.1:\(silent.port)")]
      let wrong = try await program.send("POST", "/component-searches", ["where": "hosts", "places": ["a b:x"]])
      #expect(try wrong.json["errors"]?.elements?.first?["pointer"] == "/places", "\(wrong)")
      let begun = try await program.send("POST", "/component-searches", ["where": "hosts", "places": places])
      #expect(begun.status == 201, "\(begun)")
      let path = String(try #require(begun.header("location")).dropFirst(APIPath.root.count))
      var found = JSONValue.null
      try await eventually("The search ends") {
        found = try await program.get(path).json
        return found["standing"] == "ended"
      }
      #expect(FindingAPI.search.problems(found) == [])
      #expect(found["places"]?.elements?.map { $0["result"]?.text } == ["serves", "silent"])
      let proposal = try #require(found["places"]?.elements?.first?["proposal"])
      guard case .object(var members) = proposal else { throw BrowserError(description: "no proposal") }
      members["files"] = ["certificate": "/w/c.pem", "key": "/w/k.pem"]
      let added = try await program.send("POST", "/components", .object(members))
      #expect(added.status == 201, "\(added)")
      let known = try await program.get(path).json["places"]?.elements?.first
      #expect(known?["component"] == "web.example.net" && known?["proposal"] == nil)
      #expect(try await program.send("DELETE", path).status == 204)
      #expect(try await program.get("/component-searches/nothing").status == 404)
    }
  }

  @Test("This machine's sockets are looked at with the program's name, which tells the kind and so the files")
  func machine() async throws {
    let server = try TestListener()
    defer { server.stop() }
    server.load(try TestRoot("r").child(["db.example.net"]))
    let console = try await TestConsole(listening: [
      ListeningSocket(address: "0.0.0.0", port: server.port, process: "nginx"),
      ListeningSocket(address: "::", port: server.port, process: "nginx"),
    ])
    let browser = try await console.browser()
    let page = try await search(browser, "", what: "machine").page
    #expect(page.says("1 of 1 place looked at") && page.says("Program: nginx"))
    let form = try await browser.get(try #require(proposals(page).first))
    let preset = try #require(Preset.named("nginx"))
    #expect(try form.form("/components/new").value("files.certificate") == preset.files.certificateChain)
    #expect(try form.form("/components/new").value("name") == "nginx db.example.net")
    try await console.stop()
  }

  @Test("A list that cannot be used, or that asks for too much, is said at its field, and nothing is connected to")
  func bounds() async throws {
    try await withBrowser { _, browser in
      let form = try await browser.get("/components/find")
      let server = try TestListener()
      defer { server.stop() }
      for (text, part) in [
        ("", "at least one host"), ("127.0.0.1:\(server.port)\n10.0.0.0/20:1", "more than 1024"),
        ("a b:x", "one host to a line"),
        ("10.0.0.0/8", "at most 4,096"),
      ] {
        let answer = try await browser.submit(form, nil, ["places": text])
        #expect(answer.status == 422, "\(text.prefix(60))")
        #expect(answer.error(of: "places")?.contains(part) == true, "\(text.prefix(60)): \(answer.errorFields)")
      }
      let machine = try await browser.submit(form, nil, ["what": "machine"])
      #expect(machine.status == 422 && machine.says("Nothing listens on this machine"))
    }
  }

  @Test("A search can be cancelled, and no more than two run at once")
  func cancel() async throws {
    try await withBrowser { _, browser in
      // They accept and never say a word, so that each of them costs its whole time limit.
      let mute = try (0..<60).map { _ in try TestListener(isMute: true) }
      defer { for listener in mute { listener.stop() } }
      let form = try await browser.get("/components/find")
      let text = mute.map { "127.0.0.1:\($0.port)" }.joined(separator: "\n")
      let paths = try await [1, 2].asyncMap { _ in
        try #require(try await browser.submit(form, nil, ["places": text]).location)
      }
      let third = try await browser.submit(form, nil, ["places": text])
      #expect(third.status == 409 && third.says("2 searches are running already"))
      for path in paths {
        let page = try await browser.get(path)
        #expect(page.says("Looking"))
        #expect(try await browser.submit(page, path + "/cancel").status == 303)
        #expect(try await browser.get(path).says("Cancelled"))
      }
      #expect(try await browser.submit(form, nil, ["places": "127.0.0.1:\(mute[0].port)"]).status == 303)
    }
  }

  @Test("What is found comes over the page's stream, and the stream ends with the search")
  func stream() async throws {
    try await withBrowser { _, browser in
      let server = try TestListener()
      defer { server.stop() }
      server.load(try TestRoot("r").child(["streamed.example.net"]))
      let form = try await browser.get("/components/find")
      let path = try #require(try await browser.submit(form, nil, ["places": "127.0.0.1:\(server.port)"]).location)
      let reader = try await browser.events(path + "/events")
      try await eventually("The certificate is drawn") { reader.text.contains("streamed.example.net") }
      #expect(reader.text.contains("\"hasEnded\":true"))
      try await eventually("The stream is closed") { reader.hasEnded }
      #expect(reader.messages.last?.event == "end", "so that the browser does not open it again")
      reader.close()
    }
  }

  @Test("Many finds are sent over the stream in part, within its buffer, and shown whole on the page")
  func many() async throws {
    try await withBrowser { console, _ in
      let leaf = try TestRoot("r").child((1...4).map { "a-rather-long-name-\($0).plant.example.net" }).chain[0]
      let places = (1...1_024).map { Place(host: "192.0.2.7", port: UInt16($0)) }
      let results = places.enumerated().map { index, place in
        PlaceSighting(
          place: place,
          result: index < 724
            ? .serves(.init(leaf: leaf, transport: .tls)) : .silent(String(repeating: "no way ", count: 20)))
      }
      var search = Searches.Search(places: places, startedAt: TestClock.start, results: results)
      let known = try await KnownPlaces(console.console.services)
      func drawn(isLive: Bool) throws -> String {
        try console.console.services.renderer.render(
          "components/finding", FindPages.finding("t", search, known, isLive: isLive))
      }
      func count(_ part: String, _ text: String) -> Int { text.components(separatedBy: part).count - 1 }
      let live = try drawn(isLive: true)
      #expect(count("Add as component", live) == 200 && count("<li>", live) == 200)
      #expect(live.contains("724 certificates found") && live.contains("300 places without an answer"))
      #expect(live.contains("The rest is shown once the search has ended."))
      let message = try JSONEncoder().encode(LiveChanges(partials: [.init(id: "finding", html: live)]))
      #expect(message.count < 1 << 19)
      search.standing = .ended
      #expect(try drawn(isLive: true).contains("Reload the page to see the rest."))
      let whole = try drawn(isLive: false)
      #expect(count("Add as component", whole) == 724 && count("<li>", whole) == 300)
      #expect(!whole.contains("The first 200"))
    }
  }

  @Test("The console itself is marked, and not proposed, and a server that has only its port or its certificate is not")
  func itself() async throws {
    try await withBrowser { console, browser in
      let page = try await search(browser, "127.0.0.1:\(console.port)").page
      #expect(page.says("1 certificate found") && page.says("This console") && proposals(page).isEmpty)
      let known = try await KnownPlaces(console.console.services)
      let leaf = try #require(console.console.services.https.current.chain.first).fingerprint.hex
      let place = Place(host: "192.0.2.7", port: console.port)
      #expect(known.isConsole(at: place, serving: leaf) && !known.isConsole(at: place, serving: "00"))
      #expect(!known.isConsole(at: Place(host: "192.0.2.7", port: console.port &+ 1), serving: leaf))
    }
  }

  @Test("Hostile texts of certificates and greetings are text, and names that are none are not proposed")
  func hostile() async throws {
    try await withBrowser { _, browser in
      let hostile = "<script>alert(1)</script>\u{202E}<img src=x>"
      let root = try RootMaker.makeRoot(
        commonName: hostile, organization: hostile, algorithm: .ecdsaP256, notBefore: TestClock.start - 9,
        notAfter: TestClock.start + 86_400)
      let server = try TestListener()
      let greeter = try TestListener(greeting: "220 <script>alert(2)</script>\u{202E}\u{1B}[31m\r\n")
      defer {
        server.stop()
        greeter.stop()
      }
      server.load(root)
      let (page, _) = try await search(browser, "127.0.0.1:\(server.port),\(greeter.port)")
      for answer in [page, try await browser.get(try #require(proposals(page).first))] {
        #expect(!answer.has("<script>alert") && !answer.has("<img "))
        #expect(!answer.html.unicodeScalars.contains { $0 == "\u{202E}" || $0 == "\u{1B}" })
      }
      #expect(page.says("alert(2)"))
      let form = try await browser.get(try #require(proposals(page).first))
      #expect(try form.form("/components/new").value("names") == "127.0.0.1")
    }
  }

  @Test("A search that there is none of, or a place that served nothing, is not found")
  func notFound() async throws {
    try await withBrowser { _, browser in
      for path in ["/components/find/x", "/components/find/x/events", "/components/new?found=x&place=0"] {
        #expect(try await browser.get(path).status == 404, "\(path)")
      }
      let server = try TestListener()
      server.stop()
      let path = try await search(browser, "127.0.0.1:\(server.port)").path
      let token = try #require(path.split(separator: "/").last)
      for place in ["0", "1", "-1", "x", "99999999999999999999"] {
        #expect(try await browser.get("/components/new?found=\(token)&place=\(place)").status == 404, "\(place)")
      }
    }
  }
}

extension Sequence {
  fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
    var result: [T] = []
    for element in self { result.append(try await transform(element)) }
    return result
  }
}
