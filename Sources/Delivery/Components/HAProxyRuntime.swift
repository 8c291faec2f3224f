import Foundation
import PKI
import Rotation

/// Hands the files to a running HAProxy over its runtime API (HAProxy's Management Guide, “Unix Socket commands”), so that
/// it serves them without a reload.
struct HAProxyRuntime {
  let socket: String
  let files: FileLayout
  let component: String
  let timeLimit: Int
  let access: TargetAccess

  /// The first version in which authorities can be set after a certificate was. Those before end, or fail the commit, when
  /// authorities, a certificate and authorities again are set (HAProxy's issue 3165).
  static let firstWithBundles = (major: 3, minor: 3)

  /// Hands over the trust bundle, where there is one, and the combined file; gives back what HAProxy said.
  func activate() async throws -> String {
    try await requireBundlesWork()
    var said = ""
    if let path = files.trustBundle { said += try await replace("ca-file", path) }
    if let path = files.combined { said += try await replace("cert", path) }
    return said
  }

  /// What would make the activation fail; throws the first. Changes nothing.
  func look() async throws {
    try await requireBundlesWork()
    guard let path = files.combined else { return }
    let answer = try await ask("show ssl cert \(path)")
    guard answer.contains("Status: Used") else {
      throw failure(
        "HAPROXY_DOES_NOT_USE_IT", "HAProxy at \(socket) does not use the certificate file \(path)",
        "Name exactly this path in a `bind … crt` line of its configuration, and reload it once.", answer)
    }
  }

  private func requireBundlesWork() async throws {
    let answer = try await ask("show info")
    let line = answer.split(separator: "\n").first { $0.hasPrefix("Version: ") }
    let numbers = line?.dropFirst("Version: ".count).split(separator: ".", maxSplits: 2).map { part in
      Int(part.prefix { $0.isNumber })
    }
    guard let line, let numbers, numbers.count >= 2, let major = numbers[0], let minor = numbers[1] else {
      throw failure(
        "HAPROXY_UNKNOWN", "What answers at \(socket) does not tell HAProxy's version",
        "Give the path of HAProxy's `stats socket`, with `level admin`.", answer)
    }
    guard files.trustBundle != nil, (major, minor) < Self.firstWithBundles else { return }
    throw failure(
      "HAPROXY_TOO_OLD",
      "HAProxy \(line.dropFirst("Version: ".count)) cannot be given a trust bundle over its runtime API: before "
        + "3.3 it may end, or refuse, when authorities are set a second time (its issue 3165). Nothing was handed over",
      "Let “\(component)” be activated by a reload instead, or leave its trust bundle out.", "")
  }

  private func replace(_ kind: String, _ path: String) async throws -> String {
    guard let file = try await access.read(path) else {
      throw failure(
        "NOTHING_TO_HAND_OVER", "There is no file \(path) that could be handed to HAProxy",
        "Let “\(component)” be reloaded or stopped by hand, since it had no such file before.", "")
    }
    let set = try await say(Self.message("set ssl \(kind) \(path)", payload: file.content))
    guard set.lowercased().contains("transaction created") || set.lowercased().contains("transaction updated") else {
      throw failure(
        "HAPROXY_REFUSED", "HAProxy does not take the content of \(path)",
        "It goes on with what it has. Read what it says; a content over 16 KiB needs a higher tune.bufsize.", set)
    }
    let commit = try await ask("commit ssl \(kind) \(path)")
    guard commit.contains("Success!") else {
      // Otherwise the next one would go on with what is left of this one.
      _ = try? await ask("abort ssl \(kind) \(path)")
      throw failure(
        "HAPROXY_REFUSED", "HAProxy does not put the content of \(path) into use",
        "It goes on with what it has. Read what it says, then retry.", commit)
    }
    return commit
  }

  /// A command with its payload, which an empty line ends; so none may be in it. Secret where the payload is.
  static func message(_ command: String, payload: SecretBytes) -> SecretBytes {
    let head = Array("\(command) <<\n".utf8)
    return payload.withBytes { bytes in
      let lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
      let count = head.count + lines.reduce(0) { $0 + $1.count + 1 } + 1
      return SecretBytes(count: count) { buffer in
        buffer.copyBytes(from: head)
        var offset = head.count
        for line in lines {
          UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: line))
          offset += line.count
          buffer[offset] = UInt8(ascii: "\n")
          offset += 1
        }
        buffer[offset] = UInt8(ascii: "\n")
      }
    }
  }

  private func ask(_ command: String) async throws -> String { try await say(SecretBytes(utf8: command + "\n")) }

  private func say(_ message: SecretBytes) async throws -> String {
    try await access.converse(socket, message, .seconds(timeLimit))
  }

  private func failure(_ code: String, _ sentence: String, _ advice: String, _ answer: String) -> DeliveryFailure {
    DeliveryFailure(code: code, sentence: sentence + ".", advice: advice, output: answer)
  }
}
