import Foundation
import PKI
import Rotation
import Synchronization
import Testing

@testable import Delivery

@Suite("Looking for servers", .timeLimit(.minutes(1)))
struct FinderTests {
  private func look(
    _ finder: Finder, _ places: [Place], within limit: Duration = .seconds(30)
  ) async -> [Int: PlaceSighting] {
    let seen = Mutex<[Int: PlaceSighting]>([:])
    await finder.look(at: places, within: limit) { index, sighting in seen.withLock { $0[index] = sighting } }
    return seen.withLock { $0 }
  }

  private func reason(_ sighting: PlaceSighting?) -> String? {
    switch sighting?.result {
    case .noTLS(let reason): "no TLS: " + reason
    case .silent(let reason): "silent: " + reason
    case .notLooked: "not looked"
    case .serves, nil: nil
    }
  }

  @Test("finds certificates over TLS, PostgreSQL and SMTP, tells what else answers, and guesses the kind")
  func real() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let context = try TLSContext(identity: identity, trusted: [], requireClientCertificate: false)
    @Sendable func finish(_ connection: Int32) {
      let tls = try? TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(5))
      _ = try? tls?.read(maximum: 1)
    }
    let tls = try TestListener.tls(identity)
    let postgres = try TestListener { connection, _ in
      // A ClientHello is no message of PostgreSQL's.
      guard TestListener.receive(8, from: connection) == [0, 0, 0, 8, 4, 210, 22, 47] else {
        close(connection)
        return
      }
      send(connection, "S", 1, Int32(MSG_NOSIGNAL))
      finish(connection)
    }
    let smtp = try TestListener { connection, _ in
      func say(_ line: String) { send(connection, line, line.utf8.count, Int32(MSG_NOSIGNAL)) }
      func line() -> String {
        var bytes: [UInt8] = []
        while let byte = TestListener.receive(1, from: connection).first, byte != 10, bytes.count < 100 {
          bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
      }
      say("220 mail.example ESMTP Postfix\r\n")
      guard line().hasPrefix("EHLO") else {
        close(connection)
        return
      }
      say("250-mail.example\r\n250 STARTTLS\r\n")
      _ = line()
      say("220 Go\r\n")
      finish(connection)
    }
    let other = try TestListener.saying(Array("SSH-2.0-Test_\u{1B}[31m1.0\r\n".utf8))
    let sightings = try await TestListener.withSilentPort { silent in
      await look(
        Finder(),
        [tls, postgres, smtp, other].map { Place(host: "127.0.0.1", port: $0.port) }
          + [Place(host: "127.0.0.1", port: silent)])
    }
    let leaf = identity.chain[0]
    #expect((0...2).map { sightings[$0]?.found?.leaf } == [leaf, leaf, leaf])
    #expect((0...2).map { sightings[$0]?.found?.transport } == [.tls, .postgresql, .smtp])
    #expect((0...2).map { sightings[$0]?.found?.kind } == [nil, "postgresql", "postfix"])
    #expect(reason(sightings[3]) == "no TLS: It answers without TLS: SSH-2.0-Test_\\u{1B}[31m1.0\\u{D}\\u{A}")
    #expect(reason(sightings[4])?.hasPrefix("silent: ") == true)
  }

  /// A network in memory that records what was asked of it.
  private func recorded(
    _ log: Collected<String>,
    answer: @escaping @Sendable (String) throws -> [Certificate] = { _ in throw ProbeProblem.nobody("") }
  ) -> Finder {
    Finder(
      wire: FindingWire(
        resolve: { host in
          log.append("resolve \(host)")
          if host == "missing.example" { throw Addresses.unresolved(host, "no such host") }
          return host == "two.example" ? ["192.0.2.1", "192.0.2.2"] : ["192.0.2.3"]
        },
        probe: Probe { endpoint, address, _ in
          log.append("connect \(address) \(endpoint.port)")
          return try answer(address)
        },
        greeting: { address, port, _ in
          log.append("connect \(address) \(port)")
          return []
        }))
  }

  @Test("connects to exactly what was asked for, and resolves the given names only, each once")
  func onlyWhatWasAsked() async throws {
    let log = Collected<String>()
    let text = "two.example:443,444\nmissing.example:1\n192.0.2.9:5432\n[2001:db8::1]:636"
    let places = try PlaceList.places(in: text, usualPorts: [1])
    let sightings = await look(recorded(log) { _ in throw ProbeProblem.notTLS("") }, places)
    #expect(sightings.count == 5)
    #expect(log.all.filter { $0.hasPrefix("resolve") }.sorted() == ["resolve missing.example", "resolve two.example"])
    #expect(
      Set(log.all.filter { $0.hasPrefix("connect") }) == [
        "connect 192.0.2.1 443", "connect 192.0.2.2 443", "connect 192.0.2.1 444", "connect 192.0.2.2 444",
        "connect 192.0.2.9 5432", "connect 2001:db8::1 636",
      ])
    #expect(reason(sightings[2])?.contains("missing.example cannot be resolved") == true)
  }

  @Test("does not touch the ports beside those that were asked for")
  func neighbours() async throws {
    let identity = try TestAuthority().child()
    let (asked, beside) = (try TestListener.tls(identity), try TestListener.tls(identity))
    _ = await look(Finder(), [Place(host: "127.0.0.1", port: asked.port)])
    #expect(asked.accepted == 1 && beside.accepted == 0)
  }

  @Test("tells that the addresses of a name serve different certificates")
  func differing() async throws {
    let authority = try TestAuthority()
    let (one, two) = (try authority.child().chain, try authority.child().chain)
    let log = Collected<String>()
    let finder = recorded(log) { address in address == "192.0.2.1" ? one : two }
    let sightings = await look(finder, [Place(host: "two.example", port: 1), Place(host: "one.example", port: 1)])
    #expect(sightings[0]?.found?.differs == true && sightings[0]?.found?.leaf == one[0])
    #expect(sightings[1]?.found?.differs == false)
  }

  @Test("looks at the other address of a place where nobody answers at the first, and tells where it was")
  func otherHost() async throws {
    let leaf = try TestAuthority().child().chain
    for answering in ["127.0.0.1", "::1", "neither"] {
      let log = Collected<String>()
      let finder = recorded(log) { address in
        guard address == answering else { throw ProbeProblem.nobody("refused") }
        return leaf
      }
      let sighting = await look(finder, [Place(host: "127.0.0.1", port: 443, process: "java", otherHost: "::1")])[0]
      #expect(sighting?.found?.leaf == (answering == "neither" ? nil : leaf[0]))
      #expect(sighting?.place.host == (answering == "::1" ? "::1" : "127.0.0.1"))
      #expect(sighting?.place.process == "java")
      #expect(log.all == ["connect 127.0.0.1 443"] + (answering == "127.0.0.1" ? [] : ["connect ::1 443"]))
    }
  }

  @Test("tells a server that takes connections and says nothing from one that does not answer")
  func mute() async throws {
    let mute = try TestListener.mute()
    let sightings = await look(Finder(), [Place(host: "127.0.0.1", port: mute.port)], within: .seconds(1))
    #expect(reason(sightings[0]) == "no TLS: It accepts connections, but says nothing.")
    let unreachable = recorded(Collected<String>()) { _ in throw ProbeProblem.tooSlow }
    let places = [Place(host: "192.0.2.9", port: 1)]
    #expect(reason(await look(unreachable, places)[0]) == "silent: no answer in time")
  }

  @Test("begins nothing any more once it is cancelled, and looks at no more than sixteen places at once")
  func cancelled() async throws {
    let log = Collected<String>()
    let gate = DispatchSemaphore(value: 0)
    let finder = recorded(log) { _ in
      gate.wait()
      throw ProbeProblem.nobody("refused")
    }
    let places = (1...100).map { Place(host: "192.0.2.9", port: UInt16($0)) }
    let task = Task { await look(finder, places) }
    #expect(await eventually { log.all.count == 16 })
    task.cancel()
    for _ in places { gate.signal() }
    let sightings = await task.value
    #expect(sightings.count == 100)
    #expect(log.all.count == 16, "those that had begun")
    #expect(sightings.values.count { reason($0) == "not looked" } == 84)
  }

  /// A network in which some names are never resolved, until the gate is opened for each.
  private func halfDead(
    _ log: Collected<String>, gate: DispatchSemaphore, limit: Duration, leaf: [Certificate]
  ) -> Finder {
    Finder(
      wire: FindingWire(
        resolve: { host in
          if host.hasPrefix("dead") { gate.wait() }
          return ["192.0.2.3"]
        },
        probe: Probe { endpoint, address, _ in
          log.append("\(endpoint.host) \(address)")
          return leaf
        }, greeting: { _, _, _ in [] }), resolvingLimit: limit)
  }

  @Test("passes over names that the name service never answers for, says so, and finds what comes after them")
  func deadNames() async throws {
    let (log, gate) = (Collected<String>(), DispatchSemaphore(value: 0))
    let dead = (1...100).map { "dead\($0).example" }
    defer { for _ in dead { gate.signal() } }
    let leaf = try TestAuthority().child().chain
    let finder = halfDead(log, gate: gate, limit: .milliseconds(100), leaf: leaf)
    let places = (dead + ["alive.example"]).map { Place(host: $0, port: 443) }
    let sightings = await look(finder, places)
    #expect(sightings.count == 101)
    #expect(sightings[100]?.found?.leaf == leaf[0])
    #expect(log.all == ["alive.example 192.0.2.3"])
    for index in 0..<100 {
      let said = "The host name dead\(index + 1).example cannot be resolved: the name service gives no answer in time."
      #expect(reason(sightings[index]) == "silent: " + said)
    }
  }

  @Test("looks at addresses, and at names that are resolved, while others are still being resolved")
  func whileResolving() async throws {
    let (log, gate) = (Collected<String>(), DispatchSemaphore(value: 0))
    let finder = halfDead(log, gate: gate, limit: .seconds(40), leaf: try TestAuthority().child().chain)
    let places = ["dead.example", "192.0.2.9", "alive.example"].map { Place(host: $0, port: 443) }
    let task = Task { await look(finder, places) }
    let early = await eventually { log.all.sorted() == ["192.0.2.9 192.0.2.9", "alive.example 192.0.2.3"] }
    gate.signal()
    #expect(early, "\(log.all)")
    #expect(await task.value.values.count { $0.found != nil } == 3)
  }

  @Test("waits three seconds for a name, unless told otherwise")
  func resolvingLimit() async throws {
    let gate = DispatchSemaphore(value: 0)
    defer { gate.signal() }
    let names = NameLookup(resolve: { _ in
      gate.wait()
      return []
    })
    let start = ContinuousClock.now
    await names.resolve(["dead.example"], until: start + .seconds(30)) { _, _ in }
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test("ends in its time, however slow the servers are")
  func timeLimit() async throws {
    let mute = try TestListener.mute()
    let start = ContinuousClock.now
    let places = (0..<40).map { _ in Place(host: "127.0.0.1", port: mute.port) }
    let sightings = await look(Finder(), places, within: .seconds(1))
    #expect(sightings.count == 40)
    #expect(ContinuousClock.now - start < .seconds(8))
    #expect(sightings.values.contains { reason($0) == "no TLS: It accepts connections, but says nothing." })
  }

  @Test("does not keep the shared threads from other work")
  func ownThreads() async throws {
    let mute = try TestListener.mute()
    let places = (0..<32).map { _ in Place(host: "127.0.0.1", port: mute.port) }
    let task = Task { await look(Finder(), places, within: .seconds(2)) }
    #expect(await eventually { mute.accepted >= 8 })
    let start = ContinuousClock.now
    await withTaskGroup(of: Void.self) { group in for _ in 0..<32 { group.addTask { await Task.yield() } } }
    #expect(ContinuousClock.now - start < .seconds(1))
    _ = await task.value
  }

  /// What is seen, and the kind.
  static let kinds: [(UInt16, Endpoint.Transport, String?, String, String?)] = [
    (443, .tls, nil, "", "nginx"), (443, .tls, "apache2", "", "apache"), (443, .tls, "haproxy", "", "haproxy"),
    (443, .tls, "java", "", "nginx"), (9443, .tls, "java", "", nil),
    (15432, .postgresql, "docker-proxy", "", "postgresql"), (2525, .smtp, "master", "220 a ESMTP Postfix", "postfix"),
    (1143, .imap, "systemd", "* OK Dovecot ready.", "dovecot"), (3306, .mariadb, "docker-proxy", "", "mariadb"),
    (443, .tls, "haproxy", "220 Postfix", "haproxy"), (9443, .tls, "nginx: master", "", "nginx"),
    (9443, .tls, nil, "", nil),
    (9999, .postgresql, nil, "", "postgresql"), (5432, .postgresql, "postgres", "", "postgresql"),
    (2525, .smtp, nil, "220 a ESMTP Postfix (Debian)", "postfix"), (2525, .smtp, nil, "220 hello", "postfix"),
    (143, .imap, nil, "* OK Dovecot ready.", "dovecot"), (8883, .tls, nil, "", "mosquitto"),
    (5671, .tls, "beam.smp", "", "rabbitmq"), (389, .ldap, nil, "", "openldap"), (3306, .mariadb, nil, "", "mariadb"),
    (6380, .tls, nil, "", "redis"),
  ]

  @Test("guesses the kind by the program, the greeting, the beginning of TLS and the port, in this order")
  func guesses() {
    for (port, transport, process, greeting, kind) in Self.kinds {
      let guess = KindGuess.kind(port: port, transport: transport, process: process, greeting: greeting)
      #expect(guess == kind, "\(port) \(transport) \(process ?? "-") \(greeting)")
      if let kind { #expect(Preset.named(kind) != nil) }
    }
  }
}
