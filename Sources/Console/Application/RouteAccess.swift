import HTTP
import Store

/// The console's routes, each added with who may use it.
public typealias ConsoleRouter = Router<Visit, RouteAccess>

/// Who may use a route.
public struct RouteAccess: Sendable, Hashable {
  /// What is asked of a visitor.
  public enum Requirement: Sendable, Hashable {
    /// Nothing: the route is answered without a session.
    case nothing
    /// A session, whatever the role: what belongs to the visitor alone.
    case session
    /// A session with this role, or one that may do more.
    case role(Role)
  }

  /// What is asked of a visitor.
  public let requirement: Requirement
  /// What one does with the route, for the sentence of a refusal: "start an update".
  public let purpose: String?

  /// Without a session.
  public static let open = RouteAccess(requirement: .nothing, purpose: nil)
  /// With any session.
  public static let signedIn = RouteAccess(requirement: .session, purpose: nil)
  /// Everybody who may look.
  public static let viewer = RouteAccess(requirement: .role(.viewer), purpose: nil)
  /// Operators and administrators.
  public static let `operator` = RouteAccess(requirement: .role(.operator), purpose: nil)
  /// Administrators.
  public static let administrator = RouteAccess(requirement: .role(.administrator), purpose: nil)

  /// Operators and administrators; the purpose goes on after "may".
  public static func `operator`(to purpose: String) -> RouteAccess {
    RouteAccess(requirement: .role(.operator), purpose: purpose)
  }

  /// Administrators; the purpose goes on after "may".
  public static func administrator(to purpose: String) -> RouteAccess {
    RouteAccess(requirement: .role(.administrator), purpose: purpose)
  }

  /// Whether somebody may use the route; nil is a stranger.
  public func permits(_ role: Role?) -> Bool {
    switch requirement {
    case .nothing: true
    case .session: role != nil
    case .role(let needed): role.map { $0 >= needed } ?? false
    }
  }

  /// The page that a visitor gets whose role does not do.
  func refusal(to role: Role) -> PageError {
    var allowed = "Nobody"
    if case .role(let needed) = requirement {
      allowed = Display.list(Role.allCases.filter { $0 >= needed }.map { $0.words.plural })
    }
    let sentence = "Only \(allowed) may \(purpose ?? "do this"). You are signed in as \(role.words.article) "
    return PageError(
      403,
      sentence + "\(role.rawValue), so nothing was changed. Ask one of them to do it, or an administrator for "
        + "another role.", title: "Your role does not allow this")
  }
}

extension Role {
  /// How the role is written in sentences.
  var words: (article: String, plural: String) {
    switch self {
    case .viewer: ("a", "viewers")
    case .operator: ("an", "operators")
    case .administrator: ("an", "administrators")
    }
  }

  /// What it is called in lists and forms.
  public var label: String {
    switch self {
    case .viewer: "Viewer"
    case .operator: "Operator"
    case .administrator: "Administrator"
    }
  }
}
