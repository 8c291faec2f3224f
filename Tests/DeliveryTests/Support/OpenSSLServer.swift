import Foundation
import PKI

@testable import Delivery

/// OpenSSL's own server on a port of the loopback address.
final class OpenSSLServer: Sendable {
  let port: UInt16
  private let process = Process()
  private let input = Pipe()
  private let folder: TestFolder

  init(_ identity: Identity, _ options: [String]) throws {
    folder = try TestFolder()
    try folder.write(identity.chainPEM, to: "chain.pem")
    try folder.write(identity.key.pkcs8PEM().text, to: "key.pem", mode: 0o600)
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", folder.path("chain.pem"), "-cert_chain",
        folder.path("chain.pem"), "-key", folder.path("key.pem"),
      ] + options
    process.standardInput = input
    process.standardOutput = output
    process.standardError = output
    try process.run()
    try output.fileHandleForWriting.close()
    // It names the port that it was given: “ACCEPT 127.0.0.1:34567”.
    var said = ""
    while true {
      let piece = output.fileHandleForReading.availableData
      said += String(decoding: piece, as: UTF8.self)
      if let line = said.split(separator: "\n").first(where: { $0.hasPrefix("ACCEPT ") }), said.hasSuffix("\n"),
        let port = line.split(separator: ":").last.flatMap({ UInt16($0) })
      {
        self.port = port
        break
      }
      guard !piece.isEmpty else {
        throw DeliveryFailure(code: "NO_SERVER", sentence: "openssl s_server ended: \(said)", advice: "")
      }
    }
    // Read on, so that it never waits for a reader.
    output.fileHandleForReading.readabilityHandler = { handle in
      if handle.availableData.isEmpty { handle.readabilityHandler = nil }
    }
  }

  func end() {
    // A process that is started from a thread of Swift's pool blocks the gentler signals.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}
