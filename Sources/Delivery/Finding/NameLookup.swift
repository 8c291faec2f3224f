import Rotation

/// Resolves names for the finder, several at a time, on threads of its own.
///
/// The resolver cannot be told a limit, and where a name service is dead it takes half a minute over each name. So a name is
/// given up after a while, and its thread left behind; there are more threads than names that are waited for, so that those
/// left behind do not keep the names after them waiting.
struct NameLookup: Sendable {
  private let blocking: @Sendable (_ host: String) throws -> [String]
  private let limit: Duration
  private let threads: WorkThreads

  /// How long a name is waited for.
  static let limit = Duration.seconds(3)
  /// How many names are waited for at once.
  static let parallel = 32
  /// How many of the resolver's calls may be open at once, with those that are not waited for any more. The resolver gives
  /// a name up after five seconds, twice for each server (resolv.conf(5)): four times as long as it is waited for.
  static let threadLimit = 4 * parallel
  /// How many addresses of one name are looked at.
  static let addressLimit = 8

  init(resolve: @escaping @Sendable (_ host: String) throws -> [String], limit: Duration = Self.limit) {
    blocking = resolve
    self.limit = limit
    threads = WorkThreads(count: Self.threadLimit, name: "resolving")
  }

  /// Resolves the names and tells each as soon as it is known. Once the task is cancelled or the deadline is over no
  /// further one is begun, nor told.
  func resolve(
    _ hosts: [String], until deadline: ContinuousClock.Instant,
    tell: @escaping @Sendable (_ host: String, _ addresses: Result<[String], DeliveryFailure>) -> Void
  ) async {
    await withTaskGroup(of: Void.self) { group in
      for (index, host) in hosts.enumerated() {
        if index >= Self.parallel { await group.next() }
        guard !Task.isCancelled, ContinuousClock.now < deadline else { break }
        group.addTask { tell(host, await addresses(of: host, until: deadline)) }
      }
    }
  }

  private func addresses(
    of host: String, until deadline: ContinuousClock.Instant
  ) async -> Result<[String], DeliveryFailure> {
    let late = Addresses.unresolved(host, "the name service gives no answer in time")
    do {
      let blocking = blocking
      let found = try await threads.run(within: min(limit, deadline - .now), expired: { late }) { try blocking(host) }
      return .success(Array(found.prefix(Self.addressLimit)))
    } catch {
      return .failure(DeliveryFailure(error, doing: "Resolving \(host)"))
    }
  }
}
