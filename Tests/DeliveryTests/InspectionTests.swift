import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("An inspection", .timeLimit(.minutes(1)))
struct InspectionTests {
  @Test("finds files, certificate, root and trust of a component that is in order, and no problem")
  func good() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let server = try TestListener.tls(identity)
    var sample = try TestComponent(
      endpoints: [Endpoint(host: "127.0.0.1", port: server.port)], identity: identity, authority: authority)
    sample.component.activation = Activation(method: .command(["/bin/true"]))
    let before = try sample.folder.picture()
    let (findings, snapshot) = await sample.inspect()
    #expect(findings.problems == [])
    #expect(findings.files.map(\.role) == [.certificateChain, .key, .trustBundle])
    #expect(findings.files.map { $0.state?.mode } == [0o640, 0o400, 0o604])
    #expect(findings.files.allSatisfy { $0.state?.owner == geteuid() && $0.state?.group == getegid() })
    #expect(findings.served.map(\.fingerprint) == [identity.chain[0].fingerprint.hex])
    #expect(findings.served.map(\.endpoint) == ["127.0.0.1:\(server.port)"])
    #expect(findings.presents == authority.rootKey)
    #expect(findings.accepts == [authority.rootKey])
    #expect(findings.previousNotAfter == identity.chain.first?.notAfter)
    #expect(findings.previousNotBefore == identity.chain.first?.notBefore)
    #expect(snapshot.map(\.file) == findings.files)
    for kept in snapshot { #expect(kept.content?.sha256Hex == kept.file.state?.sha256) }
    #expect(snapshot.first?.content?.text == identity.chainPEM)
    #expect(try sample.folder.picture() == before)
  }

  @Test("finds nothing wrong with files that are not there yet")
  func fresh() async throws {
    let sample = try TestComponent()
    for name in ["chain.pem", "key.pem", "roots.pem"] { unlink(sample.folder.path(name)) }
    let (findings, snapshot) = await sample.inspect()
    #expect(findings.problems == [])
    #expect(findings.files.map(\.state) == [nil, nil, nil])
    #expect(findings.presents == nil && findings.accepts == [])
    #expect(snapshot.allSatisfy { $0.content == nil })
  }

  @Test("reads a combined file, and accepts nothing where no bundle is configured")
  func combined() async throws {
    var sample = try TestComponent()
    let path = try sample.folder.write(
      sample.identity.chainPEM + sample.identity.key.pkcs8PEM().text, to: "combined.pem", mode: 0o600)
    sample.component.files = FileLayout(combined: path)
    let (findings, _) = await sample.inspect()
    #expect(findings.problems == [])
    #expect(findings.files.map(\.role) == [.combined])
    #expect(findings.presents == sample.authority.rootKey && findings.accepts == nil)
  }

  @Test("finds the root over an intermediate authority, known or in the bundle, and none that is neither")
  func roots() async throws {
    let authority = try TestAuthority()
    let identity = try TestAuthority.child(of: try authority.intermediate())
    let sample = try TestComponent(identity: identity, authority: authority)
    #expect(await sample.inspect().findings.presents == authority.rootKey)
    #expect(await sample.inspect(knownRoots: []).findings.presents == authority.rootKey)
    let other = try TestAuthority("Other Root")
    try sample.folder.write(other.certificate.pem, to: "roots.pem")
    #expect(await sample.inspect(knownRoots: []).findings.presents == nil)
    #expect(await sample.inspect(knownRoots: [other.certificate]).findings.accepts == [other.rootKey])
  }

  @Test("takes a root of the same name for another one")
  func sameName() async throws {
    let sample = try TestComponent()
    let twin = try TestAuthority()
    try sample.folder.write(twin.certificate.pem, to: "roots.pem")
    #expect(twin.certificate.subject == sample.authority.certificate.subject)
    #expect(await sample.inspect(knownRoots: [twin.certificate]).findings.presents == nil)
    #expect(
      await sample.inspect(knownRoots: [twin.certificate, sample.authority.certificate]).findings.presents
        == sample.authority.rootKey)
  }

  /// Something that is wrong with a component, and what is said of it.
  struct Fault: Sendable, CustomTestStringConvertible {
    let name: String
    let codes: [String]
    let make: @Sendable (inout TestComponent) throws -> Void
    var testDescription: String { name }
  }

  @Test("A trust bundle that is something else forbids the start, for it would be overwritten")
  func otherFile() async throws {
    let made = try TestComponent()
    try made.folder.write("server {}\n", to: "roots.pem")
    let findings = await made.inspect().findings
    #expect(findings.problems.first { $0.code == "BUNDLE_UNREADABLE" }?.isBlocking == true)
    // What it accepts is not known, which is something else than nothing.
    #expect(findings.accepts == nil)
  }

  /// Files that an update would destroy, or may replace.
  static let contents: [(text: String, isBlocking: Bool)] = [
    ("root:*:19000:0:99999:7:::\n", true), ("{}", true), ("# a comment\n", true), ("", false), ("\n \n", false),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", false),
    ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", false),
  ]

  @Test("Another program's file in the place of a certificate or key forbids the start, a damaged one does not")
  func anotherProgramsFile() async throws {
    for (text, isBlocking) in Self.contents {
      for name in ["chain.pem", "key.pem"] {
        let made = try TestComponent()
        try made.folder.write(text, to: name)
        let problems = await made.inspect().findings.problems
        #expect(problems.count == 1 && problems.first?.isBlocking == isBlocking, "\(name) \(text): \(problems)")
        #expect((problems.first?.code == "NOT_PEM") == isBlocking, "\(problems)")
      }
    }
  }

  static let faults: [Fault] = [
    Fault(name: "a folder is missing", codes: ["FOLDER_MISSING"]) {
      $0.component.files.certificateChain = $0.folder.path("no/chain.pem")
    },
    Fault(name: "the certificate is no certificate", codes: ["NOT_PEM"]) {
      try $0.folder.write("hello", to: "chain.pem")
    },
    Fault(name: "the certificate is empty", codes: ["CERTIFICATE_UNREADABLE"]) {
      try $0.folder.write("", to: "chain.pem")
    },
    Fault(name: "the key is no key", codes: ["NOT_PEM"]) { try $0.folder.write("hello", to: "key.pem") },
    Fault(name: "the bundle is damaged", codes: ["BUNDLE_UNREADABLE"]) {
      try $0.folder.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", to: "roots.pem")
    },
    Fault(name: "the bundle is another file", codes: ["BUNDLE_UNREADABLE"]) {
      try $0.folder.write("server {\n  listen 443 ssl;\n}\n", to: "roots.pem")
    },
    Fault(name: "the bundle holds a revocation list too", codes: ["BUNDLE_UNREADABLE"]) {
      let list = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"
      try $0.folder.write($0.authority.certificate.pem + list, to: "roots.pem")
    },
    Fault(name: "the bundle holds comments only", codes: []) { try $0.folder.write("# none yet\n\n", to: "roots.pem") },
    Fault(name: "the bundle is empty", codes: []) { try $0.folder.write("\n", to: "roots.pem") },
    Fault(name: "the key is another certificate's", codes: ["KEY_DOES_NOT_MATCH"]) {
      try $0.folder.write($0.authority.child().key.pkcs8PEM().text, to: "key.pem")
    },
    Fault(name: "the certificate has ended", codes: ["CERTIFICATE_EXPIRED"]) {
      let identity = try $0.authority.expired()
      try $0.folder.write(identity.chainPEM, to: "chain.pem")
      try $0.folder.write(identity.key.pkcs8PEM().text, to: "key.pem")
    },
    Fault(name: "the certificate is not valid yet", codes: ["CERTIFICATE_NOT_YET_VALID"]) {
      let identity = try $0.authority.early()
      try $0.folder.write(identity.chainPEM, to: "chain.pem")
      try $0.folder.write(identity.key.pkcs8PEM().text, to: "key.pem")
    },
    Fault(name: "a folder stands in the way", codes: ["FOLDER_IN_THE_WAY"]) {
      unlink($0.folder.path("roots.pem"))
      try $0.folder.folder("roots.pem")
    },
    Fault(name: "a file is too large", codes: ["FILE_TOO_LARGE"]) {
      try $0.folder.write(String(repeating: "\n", count: TargetFile.maximumBytes + 1), to: "roots.pem")
    },
    Fault(name: "the owner does not exist", codes: ["OWNER_UNKNOWN"]) { $0.component.files.owner = "no-such-user" },
    Fault(name: "the group does not exist", codes: ["GROUP_UNKNOWN"]) { $0.component.files.group = "no-such-group" },
    Fault(name: "the activation's program is missing", codes: ["PROGRAM_MISSING"]) {
      $0.component.activation = Activation(method: .command(["/no/such/program"]))
    },
    Fault(name: "the check's program is missing", codes: ["PROGRAM_MISSING"]) {
      $0.component.activation.check = ["/no/such/check"]
    },
    Fault(name: "the check refuses already", codes: ["CHECK_REFUSES_TODAY"]) {
      $0.component.activation.check = ["/bin/false"]
    },
    Fault(name: "the check is content", codes: []) { $0.component.activation.check = ["/bin/true"] },
    Fault(name: "the pid file is missing", codes: ["PID_FILE_MISSING"]) {
      $0.component.activation = Activation(method: .signal("HUP", pidFile: $0.folder.path("pid")))
    },
    Fault(name: "a foreign journal lies there", codes: ["RECOVERY_NOT_TRUSTED"]) {
      try $0.folder.write("{}", to: ".reroot-0123456789abcdef.journal", mode: 0o644)
    },
  ]

  @Test("tells what would make a step fail", arguments: faults)
  func fault(row: Fault) async throws {
    var sample = try TestComponent()
    try row.make(&sample)
    let problems = await sample.inspect().findings.problems
    #expect(problems.map(\.code) == row.codes, "\(problems)")
    #expect(problems.allSatisfy { !$0.sentence.isEmpty && !$0.advice.isEmpty })
  }

  @Test("tells when the files hold another certificate than is served, and when that has ended")
  func servesOther() async throws {
    let authority = try TestAuthority()
    let server = try TestListener.tls(try authority.expired())
    let sample = try TestComponent(
      endpoints: [Endpoint(host: "127.0.0.1", port: server.port)], authority: authority)
    let (findings, _) = await sample.inspect()
    #expect(findings.problems.map(\.code) == ["SERVES_OTHER_THAN_FILE", "CERTIFICATE_EXPIRED"])
    #expect(findings.presents == authority.rootKey)
  }

  @Test("tells where nobody answers, and goes by the files then")
  func silent() async throws {
    try await TestListener.withSilentPort { port in
      let sample = try TestComponent(endpoints: [Endpoint(host: "127.0.0.1", port: port)])
      let (findings, _) = await sample.inspect()
      #expect(findings.problems.map(\.code) == ["NOTHING_ANSWERS"])
      #expect(findings.served.isEmpty && findings.presents == sample.authority.rootKey)
    }
  }

  @Test("undoes first what a crash has left, and tells which file somebody has changed since")
  func afterCrash() async throws {
    for isChanged in [false, true] {
      let sample = try TestComponent()
      let path = sample.folder.path
      let before = try sample.folder.picture()
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
        let changes = ["chain.pem", "key.pem"].map {
          FileChange(path: path + "/" + $0, content: SecretBytes(utf8: "half"), mode: 0o600)
        }
        try await TargetAccess.local(observe: { if $0 == .synced { kill(getpid(), SIGKILL) } }).replace(changes)
      }
      let byHand = sample.identity.chainPEM + "# by hand\n"
      if isChanged { try sample.folder.write(byHand, to: "chain.pem", mode: 0o640) }
      let problems = await sample.inspect().findings.problems
      #expect(problems.map(\.code) == (isChanged ? ["CHANGED_AFTER_CRASH"] : []))
      #expect(try sample.folder.text("chain.pem") == (isChanged ? byHand : sample.identity.chainPEM))
      #expect(try sample.folder.picture().filter { $0.key != "chain.pem" } == before.filter { $0.key != "chain.pem" })
    }
  }

  @Test("looks at each endpoint by itself, in their order")
  func look() async throws {
    let authority = try TestAuthority()
    let identity = try authority.child()
    let (good, mute) = (try TestListener.tls(identity), try TestListener.mute())
    let endpoints = [mute, good].map { Endpoint(host: "127.0.0.1", port: $0.port) }
    let sample = try TestComponent(endpoints: endpoints, identity: identity, authority: authority)
    let seen: [(Endpoint, Result<ServedCertificate, DeliveryFailure>)] = await sample.delivery.look()
    #expect(seen.map(\.0) == endpoints)
    #expect(throws: DeliveryFailure.self) { try seen[0].1.get() }
    #expect(try seen[1].1.get().fingerprint == identity.chain[0].fingerprint.hex)
  }
}

@Suite("What several addresses show")
struct JudgementTests {
  private let component = VerificationTests.component([])

  private func judge(_ sightings: [(String, Result<[Certificate], ProbeProblem>)]) -> Result<
    [Certificate], DeliveryFailure
  > {
    Judgement(Endpoint(host: "gateway.example", port: 443), component)
      .anything(sightings.map { AddressSighting(address: $0.0, result: $0.1) })
  }

  private func code(_ result: Result<[Certificate], DeliveryFailure>) -> String? {
    if case .failure(let failure) = result { return failure.code }
    return nil
  }

  @Test("counts as a whole: a family without a listener is passed over, a single silent address is not")
  func families() throws {
    let authority = try TestAuthority()
    let (one, other) = (try authority.child().chain, try authority.child().chain)
    let nobody = Result<[Certificate], ProbeProblem>.failure(.nobody("refused"))
    #expect(code(judge([("::1", nobody), ("127.0.0.1", .success(one))])) == nil)
    #expect(code(judge([("::1", .success(one)), ("127.0.0.1", nobody)])) == nil)
    #expect(code(judge([("192.0.2.1", nobody), ("192.0.2.2", .success(one))])) == "NOTHING_ANSWERS")
    #expect(code(judge([("::1", nobody), ("127.0.0.1", nobody)])) == "NOTHING_ANSWERS")
    #expect(code(judge([("::1", .failure(.tooSlow)), ("127.0.0.1", .success(one))])) == "NO_ANSWER_IN_TIME")
    #expect(code(judge([("192.0.2.1", .success(one)), ("192.0.2.2", .success(one))])) == nil)
    #expect(code(judge([("192.0.2.1", .success(one)), ("192.0.2.2", .success(other))])) == "ADDRESSES_DIFFER")
    #expect(code(judge([("192.0.2.1", .success([]))])) == "NO_CERTIFICATE_SERVED")
    #expect(code(judge([])) == "NO_CERTIFICATE_SERVED")
  }
}
