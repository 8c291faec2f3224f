import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("Files are handed to a running HAProxy", .timeLimit(.minutes(1)))
struct HAProxyRuntimeTests {
  /// A component with a combined file of its identity, activated over the socket `s` of its folder.
  private func component(withBundle: Bool = false, timeLimit: Int = 5) throws -> TestComponent {
    var sample = try TestComponent()
    sample.component.files = FileLayout(
      combined: sample.folder.path("all.pem"), trustBundle: withBundle ? sample.folder.path("roots.pem") : nil)
    try sample.folder.write(
      try sample.identity.chainPEM + sample.identity.key.pkcs8PEM().text, to: "all.pem", mode: 0o600)
    sample.component.activation = Activation(method: .haproxySocket(sample.folder.path("s")), timeLimit: timeLimit)
    return sample
  }

  @Test("the certificate with its key is set and then committed, without an empty line in between")
  func certificate() async throws {
    let sample = try component()
    let path = sample.folder.path("all.pem")
    let pem = try sample.identity.chainPEM + sample.identity.key.pkcs8PEM().text
    // As somebody's editor may have left it, to be put back.
    try sample.folder.write("\n\n" + pem.replacing("\n", with: "\r\n\r\n"), to: "all.pem")
    let haproxy = try FakeHAProxy.healthy("2.6.12-1+deb12u4", at: sample.folder.path("s"))
    #expect(try await sample.delivery.activate().output == "Committing x.\nSuccess!\n\n")
    #expect(haproxy.heard.all == ["show info\n", "set ssl cert \(path) <<\n\(pem)\n", "commit ssl cert \(path)\n"])
  }

  @Test("the trust bundle comes first, from the version on that can do both")
  func bundle() async throws {
    let sample = try component(withBundle: true)
    let haproxy = try FakeHAProxy.healthy("3.3.0", at: sample.folder.path("s"))
    _ = try await sample.delivery.activate()
    let words = haproxy.heard.all.map { $0.split(separator: " ").prefix(3).joined(separator: " ") }
    #expect(words == ["show info\n", "set ssl ca-file", "commit ssl ca-file", "set ssl cert", "commit ssl cert"])
  }

  @Test(
    "a trust bundle is not handed to a version that it could end",
    arguments: [
      ("2.6.12-1+deb12u4", false), ("2.9.9", false), ("3.2.99", false), ("3.3-dev5-ab12cd", true), ("3.3.0", true),
      ("3.10.1", true), ("4.0.0", true), ("", false), ("x.y", false),
    ])
  func versions(version: String, isTaken: Bool) async throws {
    let sample = try component(withBundle: true)
    let haproxy = try FakeHAProxy.healthy(version, at: sample.folder.path("s"))
    let failed = await failure { _ = try await sample.delivery.activate() }
    let expected = isTaken ? nil : version.first?.isNumber == true ? "HAPROXY_TOO_OLD" : "HAPROXY_UNKNOWN"
    #expect(failed?.code == expected)
    if !isTaken { #expect(haproxy.heard.all == ["show info\n"], "Nothing was set.") }
    #expect(await sample.inspect().findings.problems.map(\.code) == (expected.map { [$0] } ?? []))
  }

  /// A command that fails, and what comes of it.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let failing: [String: String]
    let code: String
    var last = ""
  }

  @Test(
    "what HAProxy refuses is told in its words, and nothing is left behind",
    arguments: [
      Refusal(
        testDescription: "a content that it cannot read", failing: ["set ssl cert": "unable to load\n\n"],
        code: "HAPROXY_REFUSED", last: "set ssl cert"),
      Refusal(
        testDescription: "a content that is too long, which it answers with nothing", failing: ["set ssl cert": ""],
        code: "HAPROXY_REFUSED", last: "set ssl cert"),
      Refusal(
        testDescription: "a commit", failing: ["commit ssl cert": "Can't commit x!\n\n"], code: "HAPROXY_REFUSED",
        last: "abort ssl cert"),
      Refusal(
        testDescription: "everything, for want of rights", failing: ["": "Permission denied\n\n"],
        code: "HAPROXY_UNKNOWN", last: "show info"),
    ])
  func refused(row: Refusal) async throws {
    let sample = try component()
    let haproxy = try FakeHAProxy.healthy("2.6.12", at: sample.folder.path("s"), failing: row.failing)
    let failed = await failure { _ = try await sample.delivery.activate() }
    #expect(failed?.code == row.code)
    #expect(failed?.failure.output == row.failing.values.first)
    #expect(haproxy.heard.all.last?.hasPrefix(row.last) == true)
    #expect(failed.map { !"\($0) \($0.failure.output)".contains("PRIVATE KEY") } == true)
  }

  @Test("the plan tells when it does not use the file")
  func unused() async throws {
    let sample = try component()
    let haproxy = try FakeHAProxy.healthy(
      "2.6.12", at: sample.folder.path("s"), failing: ["show ssl cert": "Can't display the certificate\n\n"])
    #expect(await sample.inspect().findings.problems.map(\.code) == ["HAPROXY_DOES_NOT_USE_IT"])
    #expect(!haproxy.heard.all.contains { $0.hasPrefix("set") })
  }

  @Test("a socket that is silent, endless, or nobody's is left in time and told")
  func broken() async throws {
    let sample = try component(timeLimit: 1)
    #expect(await code { _ = try await sample.delivery.activate() } == "SOCKET_UNREACHABLE")
    for answer in [nil, [UInt8](repeating: 0x61, count: LocalSocket.longestAnswer + 1)] as [[UInt8]?] {
      let haproxy = try FakeHAProxy(at: sample.folder.path("s")) { _ in answer }
      #expect(await code { _ = try await sample.delivery.activate() } == "SOCKET_BROKEN")
      #expect(haproxy.heard.all == ["show info\n"])
    }
  }

  @Test("a file that is not there cannot be handed over")
  func missing() async throws {
    let sample = try component()
    unlink(sample.folder.path("all.pem"))
    let haproxy = try FakeHAProxy.healthy("2.6.12", at: sample.folder.path("s"))
    #expect(await code { _ = try await sample.delivery.activate() } == "NOTHING_TO_HAND_OVER")
    #expect(haproxy.heard.all == ["show info\n"])
  }
}
