/// The certificate chain and the key that a server proves itself with. Nothing prints them.
public struct ServerIdentity: Sendable, CustomStringConvertible, CustomReflectable {
  let chainPEM: String
  let keyPEM: [UInt8]

  /// - Parameters:
  ///   - chainPEM: the server's certificate, then the ones that lead to its root, each in PEM.
  ///   - keyPEM: the unencrypted private key in PEM (PKCS#8, PKCS#1 or SEC1).
  public init(chainPEM: String, keyPEM: [UInt8]) {
    self.chainPEM = chainPEM
    self.keyPEM = keyPEM
  }

  /// Always `[redacted]`.
  public var description: String { "[redacted]" }
  /// Empty, so that `dump` shows nothing either.
  public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

/// Where a server listens, how it proves itself, and how much it takes from a client.
public struct ServerConfiguration: Sendable {
  /// A numeric address or a name of this machine.
  public var host: String
  /// 0 lets the system choose a free port.
  public var port: UInt16
  /// Nil serves plain HTTP, for tests and behind a proxy on the same machine.
  public var identity: ServerIdentity?

  /// The largest body in bytes: a file of the largest size and the fields around it.
  public var maximumBodyBytes = 1 << 20 + 64 << 10
  /// The largest uploaded file in bytes.
  public var maximumFileBytes = 1 << 20
  /// The longest text field in bytes.
  public var maximumFieldBytes = 64 << 10
  /// The largest number of fields and files of one form.
  public var maximumParts = 64
  /// Bytes of bodies held at the same time for all clients together; beyond it requests get 503.
  public var maximumHeldBytes = 64 << 20

  /// Connections at the same time, event streams included. More of them wait to be accepted. The process's limit of
  /// open files is raised for them where the system allows it; otherwise they are fewer.
  public var connectionLimit = 12_000
  /// Connections at the same time from one address; nil is no limit. A proxy in front is one address.
  public var perAddressLimit: Int?
  /// How long a connection may stay without a request or without progress.
  public var idleTimeout: Duration = .seconds(30)
  /// How long a client may take to send a whole request. An answer gets this and a second for every 8 KiB.
  public var requestTimeout: Duration = .seconds(60)
  /// Memory in bytes for the head of a request, its cookies once more, pieces of its body and the head of the answer,
  /// per connection. A request whose head leaves less than 3 KiB of it is refused with 431; with 16 KiB, 6 KB of
  /// cookies pass. It is most of what an idle event stream costs.
  public var connectionMemory = 16 << 10
  /// Threads that serve connections.
  public var threads = 2
  /// Silence on an event stream after which a comment is sent.
  public var keepAlive: Duration = .seconds(15)

  /// Whose forwarded headers say where a request comes from; nobody's, unless set.
  public var proxies = TrustedProxies()

  /// Gives the answer to a request without a body where it is at hand; nil for all others, which the handler answers. What is
  /// answered so changes no thread, which costs more than the answer. It is called on a thread that serves connections and
  /// must not block.
  public var atHand: @Sendable (RequestHead) -> Response? = { _ in nil }

  /// Draws the answer to a request that the server refuses; by default the sentence as plain text. It is called on a
  /// thread that serves connections and must not block.
  public var problemPage: @Sendable (RequestProblem, RequestHead) -> Response = { problem, _ in problem.plainResponse }

  /// Draws the same for a request whose head fills the memory of its connection: a few short header fields fit beside it.
  public var briefProblem: @Sendable (RequestProblem, RequestHead) -> Response = { problem, _ in problem.plainResponse }

  /// Makes a configuration with the usual limits.
  public init(host: String = "127.0.0.1", port: UInt16 = 0, identity: ServerIdentity? = nil) {
    self.host = host
    self.port = port
    self.identity = identity
  }

  var formLimits: FormLimits {
    FormLimits(fieldBytes: maximumFieldBytes, fileBytes: maximumFileBytes, parts: maximumParts)
  }
}

/// Why a server cannot be started or cannot take an identity.
public struct ServerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What a program may tell apart.
  public enum Code: String, Sendable {
    case portTaken
    case portForbidden
    case addressUnusable
    case identityUnusable
    case tooManyOpenFiles
    case notRunning
    case alreadyStarted
    case libraryRefused
  }

  /// The kind of error.
  public let code: Code
  /// What happened, to what, and what to do next.
  public let sentence: String
  /// The sentence.
  public var description: String { sentence }

  init(_ code: Code, _ sentence: String) {
    self.code = code
    self.sentence = sentence
  }
}
