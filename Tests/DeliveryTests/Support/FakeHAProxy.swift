import Foundation
import Synchronization

@testable import Delivery

/// What answers at a Unix socket as HAProxy's runtime API does: one command to a connection, whose payload an empty line
/// ends.
final class FakeHAProxy: Sendable {
  /// What it was told, in order; a payload follows its command after a line end.
  let heard = Collected<String>()
  private let listening: Int32
  private let path: String

  /// - Parameter answer: what is said to a command, without its payload; nil means to say nothing and stay.
  init(at path: String, answer: @escaping @Sendable (String) -> [UInt8]?) throws {
    self.path = path
    let listening = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listening, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    guard isBound, listen(listening, 8) == 0 else { throw DeliveryFailure.system(errno, "Listening") }
    self.listening = listening
    let heard = heard
    Thread {
      while true {
        let connection = accept(listening, nil, nil)
        if connection < 0, errno == EINTR { continue }
        guard connection >= 0 else { break }
        let text = Self.hear(connection)
        heard.append(text)
        let command = String(text.prefix { $0 != "\n" }).replacing(" <<", with: "")
        if let bytes = answer(command) {
          send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
          shutdown(connection, Int32(SHUT_WR))
        }
        Thread {
          TestListener.drain(connection)
          close(connection)
        }.start()
      }
      close(listening)
    }.start()
  }

  deinit {
    shutdown(listening, Int32(SHUT_RDWR))
    unlink(path)
  }

  /// As HAProxy 2.6 and 3.3 answer, of that version; commands that begin with one of these fail.
  static func healthy(_ version: String, at path: String, failing: [String: String] = [:]) throws -> FakeHAProxy {
    try FakeHAProxy(at: path) { command in
      if let answer = failing.first(where: { command.hasPrefix($0.key) })?.value { return Array(answer.utf8) }
      if command == "show info" { return Array("Name: HAProxy\nVersion: \(version)\nPid: 1\n\n".utf8) }
      if command.hasPrefix("show ssl cert") { return Array("Filename: x\nStatus: Used\n\n".utf8) }
      if command.hasPrefix("set ssl ca-file") { return Array("transaction created for CA x!\n\n".utf8) }
      if command.hasPrefix("set ssl cert") { return Array("Transaction created for certificate x!\n\n".utf8) }
      if command.hasPrefix("commit") { return Array("Committing x.\nSuccess!\n\n".utf8) }
      return Array("Unknown command.\n\n".utf8)
    }
  }

  private static func hear(_ connection: Int32) -> String {
    var text: [UInt8] = []
    while true {
      let byte = TestListener.receive(1, from: connection)
      guard let byte = byte.first else { break }
      text.append(byte)
      guard byte == UInt8(ascii: "\n") else { continue }
      let hasPayload = text.prefix { $0 != UInt8(ascii: "\n") }.suffix(2).elementsEqual("<<".utf8)
      if !hasPayload || text.suffix(2).elementsEqual("\n\n".utf8) { break }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
