import Foundation
import Testing

@testable import PKI

/// Who takes part in the tests of TLS; each certificate is made once.
enum TLSCast {
  private static let made = Result {
    let root = try RootMaker.makeRoot(
      commonName: "TLS Root", algorithm: .ecdsaP256, notBefore: .now - 30 * day, notAfter: .now + 30 * day)
    let stranger = try RootMaker.makeRoot(
      commonName: "Stranger", algorithm: .ecdsaP256, notBefore: .now - 30 * day, notAfter: .now + 30 * day)
    return (root: root, stranger: stranger)
  }

  static var root: Identity { get throws { try made.get().root } }
  static var stranger: Identity { get throws { try made.get().stranger } }

  /// A certificate and key under a root.
  static func identity(
    under root: Identity? = nil, names: [AlternativeName] = [.dns("localhost"), .ip("127.0.0.1")],
    usage: CertificateUsage = .both, key: KeyAlgorithm = .ecdsaP256, from: Date = .now - day, to: Date = .now + day
  ) throws -> Identity {
    let root = try root ?? self.root
    let key = try PrivateKey.generate(key)
    let request = ChildRequest(
      names: names, usage: usage, publicKeyOf: key, serialNumber: .random(), notBefore: from, notAfter: to)
    let certificate = try #require(root.leaf)
    let checked = try CheckedRequest(request, root: certificate, now: min(.now, to - 1))
    return Identity(chain: [try Issuer(root: certificate, key: root.key).sign(checked)], key: key)
  }

  /// A context that trusts the root, or the ones given.
  static func context(
    _ identity: Identity? = nil, trusted: [Identity]? = nil, requireClientCertificate: Bool = false
  ) throws -> TLSContext {
    try TLSContext(
      identity: try identity ?? self.identity(), trusted: (try trusted ?? [root]).flatMap(\.chain),
      requireClientCertificate: requireClientCertificate)
  }
}

/// A port of the loopback address, answered once, on a thread of its own.
final class OneAnswer<Value: Sendable>: Sendable {
  let port: UInt16
  private let answered: DispatchSemaphore
  private let box: Box

  // Sendable holds: `result` is written before the semaphore is signalled, and read after it was waited for.
  private final class Box: @unchecked Sendable {
    var result: Result<Value, any Error>?
  }

  /// The descriptor is the answer's to close.
  init(_ answer: @escaping @Sendable (_ connection: Int32) throws -> Value) throws {
    let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(listening, pointer, length) == 0 && getsockname(listening, pointer, &length) == 0
      }
    }
    try #require(isBound && listen(listening, 8) == 0)
    port = UInt16(bigEndian: address.sin_port)
    let (box, answered) = (Box(), DispatchSemaphore(value: 0))
    self.box = box
    self.answered = answered
    Thread {
      defer { answered.signal() }
      defer { close(listening) }
      let connection = accept(listening, nil, nil)
      box.result = Result { try answer(connection) }
    }.start()
  }

  /// What the answer returned or threw.
  func result() throws -> Result<Value, any Error> {
    try #require(answered.wait(timeout: .now() + 20) == .success)
    return try #require(box.result)
  }
}

extension OneAnswer where Value == [UInt8] {
  /// A server that says back in capitals what it is told, as one message.
  static func tls(_ context: @autoclosure () throws -> TLSContext) throws -> OneAnswer<[UInt8]> {
    let context = try context()
    return try OneAnswer { connection in
      let tls = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
      let said = try tls.read(maximum: 1_000)
      try tls.write(Array(String(decoding: said, as: UTF8.self).uppercased().utf8))
      tls.close()
      return said
    }
  }

  /// A server that says something raw once it has heard the first byte, and returns the first bytes heard.
  static func saying(_ bytes: [UInt8]) throws -> OneAnswer<[UInt8]> {
    try OneAnswer { connection in
      defer { close(connection) }
      var heard = [UInt8](repeating: 0, count: 4_096)
      let count = recv(connection, &heard, heard.count, 0)
      send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      shutdown(connection, Int32(SHUT_WR))
      var rest = [UInt8](repeating: 0, count: 4_096)
      while recv(connection, &rest, rest.count, 0) > 0 {}
      return Array(heard.prefix(max(0, count)))
    }
  }
}

/// Connects, says something and hears the answer to its end.
func converse(_ port: UInt16, _ context: TLSContext, name: String = "localhost", limit: Duration = .seconds(10)) throws
  -> String
{
  let tls = try TLSConnection.connect(
    host: "127.0.0.1", port: port, serverName: name, context: context, timeLimit: limit)
  try tls.write(Array("hello".utf8))
  var answer: [UInt8] = []
  while true {
    let piece = try tls.read(maximum: 3)
    if piece.isEmpty { break }
    answer += piece
  }
  tls.close()
  return String(decoding: answer, as: UTF8.self)
}

/// The error that the body throws; nil when it throws none.
func pkiError(of body: () throws -> Void) -> PKIError? {
  do {
    try body()
    return nil
  } catch { return error as? PKIError }
}

extension Result {
  /// The error as one of PKI's.
  var pkiError: PKIError? {
    if case .failure(let error) = self { return error as? PKIError }
    return nil
  }
}
