import PKI
import Rotation

/// How a component's target is reached: the seam behind which this machine, and later another one, lies.
///
/// Every closure throws ``DeliveryFailure`` and nothing else.
public struct TargetAccess: Sendable {
  /// Reads a file, following symbolic links; nil when there is no such file.
  public var read: @Sendable (_ path: String) async throws -> TargetFile?
  /// Replaces all the files or none, in the order given; undoes first what a crash left half done there.
  public var replace: @Sendable (_ changes: [FileChange]) async throws -> Void
  /// Throws unless the file could be replaced or made; leaves nothing behind.
  public var checkWritable: @Sendable (_ path: String) async throws -> Void
  /// Runs a program with its arguments, without a shell, and ends it with all its children when its time is over.
  public var run: @Sendable (_ words: [String], _ timeLimit: Duration) async throws -> CommandResult
  /// Throws unless the program exists and may be run.
  public var checkProgram: @Sendable (_ program: String) async throws -> Void
  /// Sends a signal (`HUP`, …) to the process whose number stands in the file.
  public var signal: @Sendable (_ name: String, _ pidFile: String) async throws -> Void
  /// Throws unless the signal could be sent; sends nothing.
  public var checkSignal: @Sendable (_ name: String, _ pidFile: String) async throws -> Void
  /// Sends a signal like ``signal`` and returns who took the connections at some ports for that process until then; nil where
  /// that cannot be told.
  public var reload: @Sendable (_ name: String, _ pidFile: String, _ ports: Set<UInt16>) async throws -> FormerWorkers?
  /// Throws unless such a user and group exist and files may be given to them.
  public var checkOwner: @Sendable (_ owner: String?, _ group: String?) async throws -> Void
  /// Says something to a Unix socket and gives back the answer, once the other side has closed.
  public var converse:
    @Sendable (_ socket: String, _ message: SecretBytes, _ timeLimit: Duration) async throws -> String
  /// Undoes what a crash left half done in the folders of these files; returns a sentence for each thing worth telling.
  public var recover: @Sendable (_ paths: [String]) async throws -> [Recovery]
  /// The properties of a file, without its content leaving the target; nil when there is no such file.
  public var state: @Sendable (_ path: String) async throws -> FoundFile.State?
  /// The same of several files that belong together, in their order.
  public var states: @Sendable (_ paths: [String]) async throws -> [FoundFile.State?]
  /// Reads several files that belong together, in their order.
  public var readAll: @Sendable (_ paths: [String]) async throws -> [TargetFile?]
  /// Makes a key at the target and returns a signing request for it (PKCS#10, DER); only that travels.
  public var makeKey: @Sendable (_ order: KeyOrder) async throws -> [UInt8]
  /// Looks at a key file without the key leaving the target; nil when there is no such file, `KEY_UNREADABLE` when it is
  /// no key, `NOT_PEM` when there is something else in it than PEM.
  public var lookAtKey: @Sendable (_ path: String) async throws -> KeyView?

  /// Puts an access together; what only looks ahead may be left out.
  public init(
    read: @escaping @Sendable (String) async throws -> TargetFile?,
    replace: @escaping @Sendable ([FileChange]) async throws -> Void,
    checkWritable: @escaping @Sendable (String) async throws -> Void = { _ in },
    run: @escaping @Sendable ([String], Duration) async throws -> CommandResult,
    checkProgram: @escaping @Sendable (String) async throws -> Void = { _ in },
    signal: @escaping @Sendable (String, String) async throws -> Void,
    checkSignal: @escaping @Sendable (String, String) async throws -> Void = { _, _ in },
    reload: (@Sendable (String, String, Set<UInt16>) async throws -> FormerWorkers?)? = nil,
    checkOwner: @escaping @Sendable (String?, String?) async throws -> Void = { _, _ in },
    converse: @escaping @Sendable (String, SecretBytes, Duration) async throws -> String = { socket, _, _ in
      throw DeliveryFailure(
        code: "NO_SOCKETS", sentence: "The socket \(socket) cannot be used over the way to this target.",
        advice: "Let the component be activated by a command.")
    },
    recover: @escaping @Sendable ([String]) async throws -> [Recovery] = { _ in [] },
    makeKey: (@Sendable (KeyOrder) async throws -> [UInt8])? = nil,
    state: (@Sendable (String) async throws -> FoundFile.State?)? = nil,
    states: (@Sendable ([String]) async throws -> [FoundFile.State?])? = nil,
    readAll: (@Sendable ([String]) async throws -> [TargetFile?])? = nil,
    lookAtKey: (@Sendable (String) async throws -> KeyView?)? = nil
  ) {
    self.read = read
    self.replace = replace
    self.checkWritable = checkWritable
    self.run = run
    self.checkProgram = checkProgram
    self.signal = signal
    self.checkSignal = checkSignal
    self.reload =
      reload ?? { name, file, _ in
        try await signal(name, file)
        return nil
      }
    self.checkOwner = checkOwner
    self.converse = converse
    self.recover = recover
    self.makeKey = makeKey ?? { _ in throw Self.noKeysHere }
    let one =
      state ?? { path in
        if let states { try await states([path])[0] } else { try await read(path)?.state }
      }
    self.state = one
    self.states = states ?? { try await Self.each($0, one) }
    self.readAll = readAll ?? { try await Self.each($0, read) }
    self.lookAtKey = lookAtKey ?? { path in try await read(path).map { try KeyView.of($0, path: path) } }
  }

  private static func each<Found: Sendable>(
    _ paths: [String], _ body: @Sendable (String) async throws -> Found
  ) async throws -> [Found] {
    var found: [Found] = []
    for path in paths { found.append(try await body(path)) }
    return found
  }

  private static let noKeysHere = DeliveryFailure(
    code: "NO_KEYS_HERE", sentence: "No key can be made at this target.",
    advice: "Let Reroot make the key, in the component's settings.")
}

/// What was found of a replacement that a crash had cut short, and put right.
public struct Recovery: Sendable, Hashable {
  /// What was found and done, for a person.
  public var sentence: String
  /// Files that somebody changed after the crash; they were left as they are.
  public var leftAsFound: [String]

  /// Describes a recovery.
  public init(sentence: String, leftAsFound: [String] = []) {
    self.sentence = sentence
    self.leftAsFound = leftAsFound
  }
}
