/// What stood in the place of a pattern's `:names`.
public struct PathParameters: Sendable {
  private let values: [String: String]

  /// Makes parameters by hand, for tests of handlers.
  public init(_ values: [String: String] = [:]) { self.values = values }

  /// The decoded segment, never empty.
  public subscript(_ name: String) -> String? { values[name] }

  /// The segment as a number without sign, nil when it is none.
  public func integer(_ name: String) -> Int? {
    guard let text = values[name], text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text)
  }
}

/// The path exists, but not for this method (RFC 9110, section 15.5.6).
public struct MethodNotAllowed: Error, Sendable, Equatable {
  /// The methods that the path knows, for the `Allow` header.
  public let allowed: [Method]

  /// The value of the `Allow` header.
  public var allow: String { allowed.map(\.description).joined(separator: ", ") }

  /// The 405, to be drawn by the page of problems.
  public var problem: RequestProblem {
    RequestProblem(status: 405, sentence: "This address does not take the request's method. It takes \(allow).")
  }

  /// `page` with the header that a 405 must have.
  public func response(_ page: Response) -> Response { page.withHeader("Allow", allow) }
}

/// Finds the handler for a method and a path. Patterns are paths whose segments may be `:names`; a segment that is
/// spelled out wins over a name, whatever the order in which they were added. One slash at the end makes no difference.
///
/// No route can be added without saying who may use it. The router only tells: whoever asks it decides, between finding
/// a match and answering by it.
public struct Router<Context: Sendable, Access: Sendable>: Sendable {
  /// What a route does with a request.
  public typealias Handler = @Sendable (Request, PathParameters, Context) async throws -> Response

  /// One line of the table of all routes.
  public struct Entry: Sendable {
    /// The method that it was added for. GET answers HEAD, too, where HEAD has no route of its own.
    public let method: Method
    /// The pattern, such as `/updates/:id`.
    public let pattern: String
    /// Who may use it.
    public let access: Access
  }

  /// The route of a request, which has not been answered yet.
  public struct Match: Sendable {
    /// The pattern of the route, such as `/updates/:id`.
    public let pattern: String
    /// Who may use the route.
    public let access: Access
    fileprivate let path: PathParameters
    fileprivate let handler: Handler

    /// Answers the request. Throws what the handler throws.
    public func answer(_ request: Request, _ context: Context) async throws -> Response {
      try await handler(request, path, context)
    }
  }

  private struct Route {
    let method: Method
    let segments: [Segment]
    let access: Access
    let handler: Handler
  }

  private enum Segment: Hashable {
    case literal(String)
    case name(String)

    var text: String {
      switch self {
      case .literal(let text): text
      case .name(let name): ":" + name
      }
    }
  }

  private var routes: [Route] = []

  /// An empty router.
  public init() {}

  /// Every route with who may use it, in the order in which they were added.
  public var table: [Entry] {
    routes.map { route in
      Entry(method: route.method, pattern: Router.pattern(route.segments), access: route.access)
    }
  }

  private static func pattern(_ segments: [Segment]) -> String { "/" + segments.map(\.text).joined(separator: "/") }

  /// Adds a route. HEAD is answered by the handler for GET unless it has its own.
  public mutating func on(
    _ method: Method, _ pattern: String, for access: Access, _ handler: @escaping Handler
  ) {
    let segments = pattern.split(separator: "/").map { text -> Segment in
      text.hasPrefix(":") ? .name(String(text.dropFirst())) : .literal(String(text))
    }
    precondition(
      !routes.contains { $0.method == method && $0.segments == segments }, "\(method) \(pattern) has two handlers")
    routes.append(Route(method: method, segments: segments, access: access, handler: handler))
  }

  /// The route of a method and a path.
  /// - Returns: nil when no route has this path.
  /// - Throws: ``MethodNotAllowed``.
  public func match(_ method: Method, _ path: String) throws(MethodNotAllowed) -> Match? {
    let path = path.split(separator: "/")
    let candidates = routes.filter { Router.matches($0.segments, path) }
    guard !candidates.isEmpty else { return nil }
    let match =
      Router.best(candidates, method) ?? (method == .head ? Router.best(candidates, .get) : nil)
    guard let match else { throw MethodNotAllowed(allowed: Router.allowed(candidates)) }
    return Match(
      pattern: Router.pattern(match.segments), access: match.access, path: Router.parameters(match.segments, path),
      handler: match.handler)
  }

  private static func matches(_ segments: [Segment], _ path: [Substring]) -> Bool {
    segments.count == path.count
      && zip(segments, path).allSatisfy { segment, text in
        if case .literal(let wanted) = segment { wanted == text } else { true }
      }
  }

  /// Compared from the left, the pattern that spells out a segment first wins.
  private static func best(_ candidates: [Route], _ method: Method) -> Route? {
    candidates.filter { $0.method == method }.min { left, right in
      for (one, other) in zip(left.segments, right.segments) {
        switch (one, other) {
        case (.literal, .name): return true
        case (.name, .literal): return false
        default: continue
        }
      }
      return false
    }
  }

  private static func parameters(_ segments: [Segment], _ path: [Substring]) -> PathParameters {
    var values: [String: String] = [:]
    for case (.name(let name), let text) in zip(segments, path) { values[name] = String(text) }
    return PathParameters(values)
  }

  private static func allowed(_ candidates: [Route]) -> [Method] {
    var methods = Set(candidates.map(\.method))
    if methods.contains(.get) { methods.insert(.head) }
    return methods.sorted { $0.description < $1.description }
  }
}
