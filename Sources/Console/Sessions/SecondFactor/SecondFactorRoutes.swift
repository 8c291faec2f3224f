import HTTP
import PKI
import Store

extension ConsoleRouter {
  /// The visitor's own second factor: setting it up, its recovery codes, and switching it off.
  mutating func addSecondFactorRoutes() {
    on(.get, "/account/second-factor", for: .signedIn) { _, _, visit in
      guard try await SecondFactorRoutes.isOff(visit) else { return visit.redirect(to: "/account") }
      return try SecondFactorPages.begin(visit, problem: nil)
    }
    on(.post, "/account/second-factor", for: .signedIn) { request, _, visit in
      try await SecondFactorRoutes.offer(request, visit)
    }
    on(.get, "/account/second-factor/secret", for: .signedIn) { _, _, visit in
      try await SecondFactorRoutes.secret(visit, problem: nil)
    }
    on(.post, "/account/second-factor/secret", for: .signedIn) { request, _, visit in
      try await SecondFactorRoutes.turnOn(request, visit)
    }
    on(.get, "/account/second-factor/removal", for: .signedIn) { _, _, visit in
      guard try await !SecondFactorRoutes.isOff(visit) else { return visit.redirect(to: "/account") }
      return try SecondFactorPages.removal(visit, problems: [])
    }
    on(.post, "/account/second-factor/removal", for: .signedIn) { request, _, visit in
      try await SecondFactorRoutes.turnOff(request, visit)
    }
    on(.get, "/account/recovery-codes", for: .signedIn) { _, _, visit in
      guard try await !SecondFactorRoutes.isOff(visit) else { return visit.redirect(to: "/account") }
      return try SecondFactorPages.newCodes(visit, problem: nil)
    }
    on(.post, "/account/recovery-codes", for: .signedIn) { request, _, visit in
      try await SecondFactorRoutes.replaceCodes(request, visit)
    }
  }
}

enum SecondFactorRoutes {
  static func isOff(_ visit: Visit) async throws -> Bool {
    try await visit.services.store.secondFactor(try visit.signedIn().user) == nil
  }

  /// Makes a secret, once the password was given: a browser that was left open is not enough to lock its owner out.
  static func offer(_ request: Request, _ visit: Visit) async throws -> Response {
    guard try await isOff(visit) else { return visit.redirect(to: "/account") }
    if let refusal = try await PresentPassword.refusal(request, visit) {
      return refusal.response(
        try SecondFactorPages.begin(visit, problem: refusal.sentence, status: refusal.status))
    }
    try await visit.services.store.offerSecondFactor(
      try visit.signedIn().user, try OneTimePassword.generate())
    return visit.redirect(to: "/account/second-factor/secret")
  }

  static func secret(_ visit: Visit, problem: String?) async throws -> Response {
    let visitor = try visit.signedIn()
    guard let password = try await visit.services.store.offeredSecondFactor(visitor.user) else {
      return visit.redirect(to: "/account/second-factor")
    }
    return try SecondFactorPages.secret(visit, password, name: visitor.name, problem: problem)
  }

  /// The codes are shown in this very answer, as nothing keeps them that could show them again.
  static func turnOn(_ request: Request, _ visit: Visit) async throws -> Response {
    let (store, user) = (visit.services.store, try visit.signedIn().user)
    guard try await store.offeredSecondFactor(user) != nil else {
      return visit.redirect(to: "/account/second-factor")
    }
    do {
      let codes = try await visit.audit(.secondFactorAdded, on: try visit.signedIn().name) {
        try await store.turnOnSecondFactor(user, code: request.form["code"] ?? "")
      }
      return try await shown(codes, isNew: true, visit)
    } catch let error as StoreError where error.code == "CODE_WRONG" {
      return try await secret(visit, problem: error.sentence)
    }
  }

  static func replaceCodes(_ request: Request, _ visit: Visit) async throws -> Response {
    guard try await !isOff(visit) else { return visit.redirect(to: "/account") }
    if let refusal = try await PresentPassword.refusal(request, visit) {
      return refusal.response(
        try SecondFactorPages.newCodes(visit, problem: refusal.sentence, status: refusal.status))
    }
    let visitor = try visit.signedIn()
    let codes = try await visit.audit(.recoveryCodesMade, on: visitor.name) {
      try await visit.services.store.replaceRecoveryCodes(visitor.user)
    }
    return try await shown(codes, isNew: false, visit)
  }

  /// Takes the password and a code: neither a stolen password nor a phone that was left lying is enough.
  static func turnOff(_ request: Request, _ visit: Visit) async throws -> Response {
    guard try await !isOff(visit) else { return visit.redirect(to: "/account") }
    let visitor = try visit.signedIn()
    let services = visit.services
    func again(_ field: String, _ refusal: PresentPassword.Refusal) throws -> Response {
      refusal.response(
        try SecondFactorPages.removal(visit, problems: [(field, refusal.sentence)], status: refusal.status))
    }
    if let refusal = try await PresentPassword.refusal(request, visit) {
      return try again(PresentPassword.field, refusal)
    }
    guard let user = try await services.store.user(name: visitor.name) else { throw PageError.notFound("user") }
    let answer = try await services.signInDesk.check(
      code: request.form["code"] ?? "", of: user, from: SignInCaller(request))
    if let refusal = PresentPassword.Refusal(answer, wrong: "This code is not right. Each one is good once.") {
      try await PresentPassword.record(refusal, visit)
      return try again("code", refusal)
    }
    try await visit.audit(.secondFactorRemoved, on: user.name) {
      _ = try await services.store.removeSecondFactor(user.id)
    }
    let (cookie, _) = try await SessionRoutes.renew(visit)
    return visit.redirect(to: "/account", notice: "The second factor is off. Every other browser is signed out.")
      .withHeader("Set-Cookie", cookie)
  }

  private static func shown(_ codes: [RecoveryCode], isNew: Bool, _ visit: Visit) async throws -> Response {
    let (cookie, renewed) = try await SessionRoutes.renew(visit)
    return try SecondFactorPages.codes(renewed, codes, isNew: isNew).withHeader("Set-Cookie", cookie)
  }
}
