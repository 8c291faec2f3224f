import Rotation
import Store

/// What is done to tokens, by whichever way it was asked for.
enum TokenDesk {
  /// Makes a token of the visitor's. A program's may do no more than its own, is valid no longer, and ends with it.
  ///
  /// - Returns: the token, which is shown once.
  /// - Throws: ``InputRefusal``.
  static func make(
    name given: String, role: String, days: String, _ visit: Visit
  ) async throws -> (token: String, record: TokenRecord) {
    let visitor = try visit.signedIn()
    var problems: [InputProblem] = []
    let name = TokenName.checked(given)
    if name == nil { problems.append(InputProblem(field: "name", sentence: TokenName.rule)) }
    let allowed = Role.allCases.filter { $0 <= visitor.role }
    let limit = Role(rawValue: role).flatMap { allowed.contains($0) ? $0 : nil }
    if limit == nil {
      problems.append(
        InputProblem(
          field: "role", sentence: "Choose \(allowed.map(\.label).joined(separator: " or ")): no more than you may do.")
      )
    }
    let range = Store.tokenDays
    let number = days.utf8.count <= 4 ? Int(days).flatMap { range.contains($0) ? $0 : nil } : nil
    if number == nil {
      problems.append(
        InputProblem(
          field: "days", sentence: "Give a whole number of days from \(range.lowerBound) to \(range.upperBound)."))
    }
    guard let name, let limit, let number else { throw InputRefusal(problems) }
    var maker: TokenRecord?
    if case .token(let own) = visitor.credential { maker = own }
    do {
      return try await visit.audit(.tokenMade, on: name, ["role": limit.rawValue, "days": String(number)]) {
        try await visit.services.store.makeToken(named: name, of: visitor.user, role: limit, days: number, by: maker)
      }
    } catch let error as StoreError where error.code == "NAME_TAKEN" {
      throw InputRefusal("name", error.sentence, code: error.code)
    }
  }

  /// The tokens that the visitor may see: the visitor's own, and for an administrator everybody's.
  static func visible(_ visit: Visit) async throws -> [TokenRecord] {
    try await visit.services.store.tokens(of: visit.may(.administrator) ? nil : try visit.signedIn().user)
  }

  /// Ends a token that the visitor may see. Its streams end with it.
  ///
  /// A program may end the token that it has, and those that were made to do no more than it may: whoever finds a weak token
  /// must not take the strong ones from their owner.
  ///
  /// - Throws: `ROLE_NEEDED`.
  static func remove(_ id: TokenRecord.ID, _ visit: Visit) async throws -> TokenRecord {
    guard let token = try await visible(visit).first(where: { $0.id == id }) else {
      throw PageError.notFound("token")
    }
    if case .token(let own) = try visit.signedIn().credential, own.id != id, token.limit > own.role {
      throw PageError.strongerToken(token.limit)
    }
    try await visit.audit(.tokenRemoved, on: token.name, ["of": token.userName, "token": "\(id)"]) {
      try await visit.services.store.removeToken(id)
    }
    // Also those of the tokens that were made by it.
    visit.services.sessionStreams.end(allBut: try await visit.services.openCredentials())
    return token
  }
}

extension PageError {
  /// A token was to be ended by one that may do less.
  static func strongerToken(_ role: Role) -> PageError {
    PageError(
      403,
      "A token ends itself, and tokens that may do no more than it. End this one with a token of the role "
        + "\(role.rawValue), or in a browser.", code: "ROLE_NEEDED")
  }
}
