/// What a user may do. Each role may do everything that the ones before it may.
public enum Role: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// Sees everything but secrets, users and the audit log, which holds names and addresses; changes nothing.
  case viewer
  /// Plans, starts and decides on updates, and reads the audit log.
  case `operator`
  /// Imports roots, describes components, adds users, changes settings.
  case administrator

  /// Ordered by what they may do.
  public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .viewer: 0
    case .operator: 1
    case .administrator: 2
    }
  }
}
