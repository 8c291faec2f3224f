import Rotation

/// What on this machine is Reroot's own: files that are no component's, and secrets that no command may show. Who they are is
/// known to the store; here they are kept out.
public struct Belongings: Sendable {
  /// What each of the paths is of Reroot's, in words such as “Reroot's data folder /var/lib/reroot”; nil for nothing. The paths
  /// are absolute, symbolic links followed as far as they exist. Blocking.
  public var claims: @Sendable (_ paths: [String]) -> [String?]
  /// A text that a target gave, without Reroot's secrets.
  public var redact: @Sendable (_ text: String) -> String

  /// Describes them.
  public init(claims: @escaping @Sendable ([String]) -> [String?], redact: @escaping @Sendable (String) -> String) {
    self.claims = claims
    self.redact = redact
  }

  /// Nothing is Reroot's own.
  public static let none = Belongings(claims: { $0.map { _ in nil } }, redact: { $0 })

  /// Why a file of this machine cannot be a component's; nil when it can. Blocking.
  ///
  /// - Parameter path: as it is configured; it need not exist.
  public func objection(to path: String) -> String? {
    claims([ResolvedPath.asFarAsItGoes(path)])[0].map { Self.objection(to: path, $0) }
  }

  private static func objection(to path: String, _ claim: String) -> String {
    "\(path) belongs to \(claim); a component's files must lie elsewhere."
  }

  /// Throws `OWN_FILE` where one of the files is Reroot's own.
  func requireForeign(_ paths: [String]) throws {
    try requireForeign(paths.map { ($0, ResolvedPath.asFarAsItGoes($0)) })
  }

  /// The same for places that were found already.
  func requireForeign(_ places: [ResolvedPath]) throws {
    try requireForeign(places.map { ($0.given, $0.path) })
  }

  private func requireForeign(_ paths: [(given: String, real: String)]) throws {
    for (path, claim) in zip(paths, claims(paths.map(\.real))) {
      guard let claim else { continue }
      throw Self.failure(Self.objection(to: path.given, claim))
    }
  }

  private static func failure(_ sentence: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "OWN_FILE", sentence: sentence,
      advice: "Nothing was changed. Correct the path in the component's settings: an update would destroy what Reroot "
        + "needs to go on, and to put anything back.")
  }
}

extension TargetAccess {
  /// The same access, with Reroot's secrets taken out of everything that is said there.
  func saying(without own: Belongings) -> TargetAccess {
    let access = self
    return TargetAccess(
      read: { path in try await own.clean { try await access.read(path) } },
      replace: { changes in try await own.clean { try await access.replace(changes) } },
      checkWritable: { path in try await own.clean { try await access.checkWritable(path) } },
      run: { words, limit in
        let result = try await own.clean { try await access.run(words, limit) }
        return CommandResult(end: result.end, output: own.redact(result.output))
      },
      checkProgram: { program in try await own.clean { try await access.checkProgram(program) } },
      signal: { name, file in try await own.clean { try await access.signal(name, file) } },
      checkSignal: { name, file in try await own.clean { try await access.checkSignal(name, file) } },
      reload: { name, file, ports in try await own.clean { try await access.reload(name, file, ports) } },
      checkOwner: { owner, group in try await own.clean { try await access.checkOwner(owner, group) } },
      converse: { socket, message, limit in
        own.redact(try await own.clean { try await access.converse(socket, message, limit) })
      },
      recover: { paths in try await own.clean { try await access.recover(paths) } },
      makeKey: { order in try await own.clean { try await access.makeKey(order) } },
      state: { path in try await own.clean { try await access.state(path) } },
      states: { paths in try await own.clean { try await access.states(paths) } },
      readAll: { paths in try await own.clean { try await access.readAll(paths) } },
      lookAtKey: { path in try await own.clean { try await access.lookAtKey(path) } })
  }
}

extension Belongings {
  /// Does something, and cleans the failure that it throws.
  fileprivate func clean<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch var refusal as DeliveryFailure {
      refusal.failure.sentence = redact(refusal.failure.sentence)
      refusal.failure.advice = redact(refusal.failure.advice)
      refusal.failure.output = redact(refusal.failure.output)
      throw refusal
    }
  }
}
