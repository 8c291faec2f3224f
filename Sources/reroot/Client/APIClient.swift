import Console
import Foundation
import PKI

/// Speaks to a running console over its API, by HTTPS with a server that is known: there is no way not to look at its
/// certificate. Every call blocks, for a time limit at most.
struct APIClient: Sendable {
  let settings: ClientSettings
  private let token: SecretBytes
  private let context: TLSContext

  /// How long a connection and its handshake may take.
  private static let connecting = Duration.seconds(20)
  /// How long an answer may take: a plan looks at every component.
  private static let answering = Duration.seconds(600)
  /// The server sends something at least every 15 s.
  private static let silence = Duration.seconds(60)

  /// - Throws: ``CommandFailure``, `ValidationError` for a file that cannot be read or is not for the owner alone.
  init(_ settings: ClientSettings) throws {
    self.settings = settings
    token = try settings.token()
    context = try TLSContext(trusting: try settings.trust())
  }

  // MARK: Requests

  /// Sends a request and reads the JSON of its answer; null where it has none.
  ///
  /// - Throws: ``CommandFailure``: `refused` with the server's own sentence, `notConnected`.
  @discardableResult
  func json(_ request: APIRequest) throws -> JSONValue {
    let bytes = try bytes(request)
    return bytes.isEmpty ? .null : try Self.value(bytes)
  }

  /// The same, with the `ETag` of what is answered.
  func tagged(_ request: APIRequest) throws -> (value: JSONValue, tag: String?) {
    let reply = try send(request)
    return (try Self.value(try connected { try reply.all() }), reply.fields["etag"])
  }

  /// The whole body of an answer.
  func bytes(_ request: APIRequest) throws -> [UInt8] {
    let reply = try send(request)
    return try connected { try reply.all() }
  }

  /// Every item of a list, page by page.
  func all(_ path: String, _ query: [(String, String?)] = []) throws -> [JSONValue] {
    var items: [JSONValue] = []
    while true {
      let page = try json(.get(path, query + [("offset", "\(items.count)"), ("limit", "1000")]))
      let some = page["items"]?.elements ?? []
      items += some
      if some.isEmpty || items.count >= Int(page["total"]?.whole ?? 0) { return items }
    }
  }

  /// Sends a request and gives back its answer, whose body is still to be read.
  ///
  /// A request that is too many for the moment is sent again when the server says so, as is one that can do nothing twice
  /// when its answer was lost.
  func send(_ request: APIRequest) throws -> HTTPReply {
    let key = request.isRepeatable ? UUID().uuidString : nil
    var (losses, waits) = (0, 0)
    while true {
      do {
        let reply = try connected { try exchange(request, key) }
        if reply.status == 429, waits < 10, let seconds = reply.fields["retry-after"].flatMap({ Int($0) }),
          seconds <= 120
        {
          waits += 1
          sleep(UInt32(max(1, seconds)))
          continue
        }
        guard reply.status < 300 else {
          throw Self.refusal(reply.status, try connected { try reply.all() }, of: request.path)
        }
        return reply
      } catch let failure as CommandFailure where failure.code == "CONNECTION_LOST" && losses < 2 {
        guard key != nil || request.method == "GET" else { throw failure }
        losses += 1
      }
    }
  }

  /// The next bytes of an answer; nil at its end.
  func next(of reply: HTTPReply) throws -> [UInt8]? { try connected { try reply.next() } }

  /// Reads the events of a stream until `take` has had enough.
  ///
  /// - Parameter take: whether more is wanted.
  /// - Returns: false when the server has ended the stream.
  func events(_ request: APIRequest, _ take: (ServerEvent) throws -> Bool) throws -> Bool {
    let reply = try connected { try exchange(request, nil, silence: Self.silence) }
    guard reply.status == 200 else {
      throw Self.refusal(reply.status, try connected { try reply.all() }, of: request.path)
    }
    var parser = ServerEventParser()
    while let bytes = try connected({ try reply.next() }) {
      for event in try parser.take(bytes) where try !take(event) { return true }
    }
    return false
  }

  private func exchange(_ request: APIRequest, _ key: String?, silence: Duration? = nil) throws -> HTTPReply {
    let connection = try TLSConnection.connect(
      host: settings.address.host, port: settings.address.port, serverName: settings.address.host, context: context,
      timeLimit: Self.connecting)
    connection.allow(silence ?? Self.answering)
    try connection.write(request.bytes(host: settings.address.authority, token: token, key: key))
    return try HTTPReply {
      if let silence { connection.allow(silence) }
      return try connection.read(maximum: 1 << 16)
    }
  }

  // MARK: Answers

  /// What went wrong on the way to the server, as a failure of the command.
  private func connected<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as PKIError {
      var sentence = error.sentence
      switch error.code {
      case "OTHER_CERTIFICATE":
        sentence += " If the console has a new certificate, compare this on its page and give it with --fingerprint."
      case let code where code.hasPrefix("CHAIN_"):
        sentence +=
          " Give the root certificate that the console's certificate is of with --ca-file, or the SHA-256 of a "
          + "certificate of the console's own making with --fingerprint."
      default: break
      }
      let code = ["CONNECTION_LOST", "CONNECTION_TIMED_OUT"].contains(error.code) ? "CONNECTION_LOST" : error.code
      throw CommandFailure(.notConnected, code, sentence)
    } catch let failure as CommandFailure where failure.code == "CUT_OFF" {
      throw CommandFailure(.notConnected, "CONNECTION_LOST", failure.sentence)
    }
  }

  private static func value(_ bytes: [UInt8]) throws -> JSONValue {
    do {
      return try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
    } catch {
      throw CommandFailure(
        .notConnected, "NOT_THE_API", "What answers at the address of the console is not its API. Check the address.")
    }
  }

  /// The server's own words for what it refuses (RFC 9457).
  ///
  /// - Parameter path: what was asked for, below `/api/v1`.
  static func refusal(_ status: Int, _ bytes: [UInt8], of path: String) -> CommandFailure {
    let problem = (try? value(bytes)) ?? .null
    let exit = status >= 500 ? CommandStatus.failed : .refused
    guard let detail = CommandAdvice.sentence(problem, of: path) else {
      return CommandFailure(exit, "HTTP_\(status)", "The server answers with the status \(status) and no explanation.")
    }
    let errors = problem["errors"]?.elements ?? []
    var lines = [detail] + errors.filter { $0["detail"]?.text != detail }.compactMap { GivenName.sentence($0) }
    // The server has put the name of a single value in front already, as the API calls it.
    if errors.count == 1, let wrong = errors[0]["detail"]?.text, detail.hasSuffix(": " + wrong) { lines.removeFirst() }
    return CommandFailure(exit, problem["code"]?.text ?? "HTTP_\(status)", lines.joined(separator: "\n  "))
  }
}
