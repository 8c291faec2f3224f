import Foundation
import GRDB
import PKI
import Rotation
import Testing

@testable import Store

@Suite("Second factors, sessions and failed attempts") struct SecondFactorTests {
  private static let hash = Result {
    try PasswordHash.make(
      SecretBytes(utf8: "a password"), parameters: ScryptParameters(logarithmOfN: 10, blockSize: 1, parallelisation: 1))
  }

  private func user(_ system: TestSystem) async throws -> UserRecord.ID {
    try await system.store.addFirstAdministrator(name: "ada", hash: try Self.hash.get()).id
  }

  private func digits(_ password: OneTimePassword, _ system: TestSystem, steps: Int64 = 0) -> String {
    password.code(step: OneTimePassword.step(at: system.clock.now) + steps)
  }

  /// A user whose second factor is on.
  private func turnedOn(
    _ system: TestSystem
  ) async throws -> (user: UserRecord.ID, password: OneTimePassword, codes: [RecoveryCode]) {
    let user = try await user(system)
    let password = try OneTimePassword.generate()
    try await system.store.offerSecondFactor(user, password)
    let codes = try await system.store.turnOnSecondFactor(user, code: digits(password, system))
    return (user, password, codes)
  }

  @Test("A second factor is on after a right code only, within a quarter of an hour")
  func turningOn() async throws {
    let system = try TestSystem()
    let user = try await user(system)
    let password = try OneTimePassword.generate()
    #expect(await code { _ = try await system.store.turnOnSecondFactor(user, code: "000000") } == "NO_OFFER")
    try await system.store.offerSecondFactor(user, password)
    #expect(try await system.store.offeredSecondFactor(user)?.text == password.text)
    let wrong = digits(password, system, steps: 5)
    #expect(await code { _ = try await system.store.turnOnSecondFactor(user, code: wrong) } == "CODE_WRONG")
    #expect(try await system.store.secondFactor(user) == nil)
    #expect(try await system.store.useSecondFactor(user, code: digits(password, system)) == nil)
    system.clock.advance(Store.secondFactorOfferLimit)
    #expect(try await system.store.offeredSecondFactor(user) == nil)
    try await system.store.offerSecondFactor(user, password)
    system.clock.advance(Store.secondFactorOfferLimit - 1)
    let spaced = digits(password, system).prefix(3) + " " + digits(password, system).suffix(3)
    #expect(try await system.store.turnOnSecondFactor(user, code: String(spaced)).count == 10)
    let record = try #require(try await system.store.secondFactor(user))
    #expect(record.recoveryCodesLeft == 10)
    #expect(try await system.store.usersWithSecondFactor() == [user])
    #expect(try await system.store.offeredSecondFactor(user) == nil)
    #expect(await code { try await system.store.offerSecondFactor(user, password) } == "SECOND_FACTOR_ON")
  }

  @Test("A code is good once, also of two that come at the same time, and the one that turned it on is used up")
  func once() async throws {
    let system = try TestSystem()
    let (user, password, _) = try await turnedOn(system)
    #expect(try await system.store.useSecondFactor(user, code: digits(password, system)) == nil)
    system.clock.advance(30)
    let given = digits(password, system)
    let answers = try await withThrowingTaskGroup(of: SecondFactorCode?.self) { group in
      for _ in 0..<8 { group.addTask { try await system.store.useSecondFactor(user, code: given) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count { $0 == .oneTimePassword } == 1)
    #expect(answers.count { $0 == nil } == 7)
    #expect(try await system.store.useSecondFactor(user, code: given) == nil)
  }

  @Test("A recovery code is good once, for its user, and until there are new ones")
  func recovery() async throws {
    let system = try TestSystem()
    let (user, _, codes) = try await turnedOn(system)
    #expect(Set(codes.map(\.text)).count == Store.recoveryCodeCount)
    #expect(try await system.store.useSecondFactor(user, code: codes[0].text.uppercased()) == .recoveryCode(left: 9))
    #expect(try await system.store.useSecondFactor(user, code: codes[0].text) == nil)
    #expect(try await system.store.useSecondFactor(UserRecord.ID(rawValue: 99), code: codes[1].text) == nil)
    let fresh = try await system.store.replaceRecoveryCodes(user)
    #expect(try await system.store.useSecondFactor(user, code: codes[1].text) == nil)
    #expect(try await system.store.useSecondFactor(user, code: fresh[1].text) == .recoveryCode(left: 9))
    #expect(try await system.store.secondFactor(user)?.recoveryCodesLeft == 9)
  }

  @Test("Taking a second factor away takes its codes and whoever stands before the code with it")
  func removal() async throws {
    let system = try TestSystem()
    let (user, password, codes) = try await turnedOn(system)
    let token = try await system.store.createSignInStep(system.store.user(user))
    #expect(try await system.store.signInStep(token)?.name == "ada")
    #expect(try await system.store.removeSecondFactor(user))
    #expect(try await !system.store.removeSecondFactor(user))
    #expect(try await system.store.secondFactor(user) == nil)
    #expect(try await system.store.signInStep(token) == nil)
    system.clock.advance(60)
    #expect(try await system.store.useSecondFactor(user, code: digits(password, system)) == nil)
    #expect(try await system.store.useSecondFactor(user, code: codes[0].text) == nil)
    #expect(await code { _ = try await system.store.replaceRecoveryCodes(user) } == "NOT_FOUND")
    #expect(try await system.store.usersWithSecondFactor().isEmpty)
  }

  @Test("Neither a secret nor a code stands in the database, and the secret opens in its own row only")
  func sealed() async throws {
    let system = try TestSystem()
    let (user, password, codes) = try await turnedOn(system)
    let token = try await system.store.createSignInStep(system.store.user(user))
    let mark = try await system.store.markBrowser(of: "ada")
    let bytes = try ["reroot.sqlite", "reroot.sqlite-wal"].map { name in
      try Data(contentsOf: URL(fileURLWithPath: system.folder.path + "/" + name))
    }
    let secret = password.secret.withBytes { Data($0) }
    let plain = codes.flatMap { [$0.text, $0.text.replacing("-", with: "")] }
    for text in plain + [password.text, token, mark] {
      for file in bytes { #expect(file.range(of: Data(text.utf8)) == nil) }
    }
    for file in bytes { #expect(file.range(of: secret) == nil) }
    try await system.store.write { try $0.execute(sql: "UPDATE second_factors SET id = id + 1") }
    await #expect(throws: PKIError.self) { try await system.store.useSecondFactor(user, code: "123456") }
  }

  @Test("The step before the code ends after five minutes, after five wrong codes, and with the password")
  func steps() async throws {
    let system = try TestSystem()
    let user = try await user(system)
    let late = try await system.store.createSignInStep(system.store.user(user))
    system.clock.advance(Store.signInStepLimit - 1)
    #expect(try await system.store.signInStep(late) != nil)
    system.clock.advance(1)
    #expect(try await system.store.signInStep(late) == nil)
    let wrong = try await system.store.createSignInStep(system.store.user(user))
    for _ in 1..<Store.signInStepFailures { try await system.store.failSignInStep(wrong) }
    #expect(try await system.store.signInStep(wrong) != nil)
    try await system.store.failSignInStep(wrong)
    #expect(try await system.store.signInStep(wrong) == nil)
    let former = try await system.store.createSignInStep(system.store.user(user))
    try await system.store.changePassword(user, hash: try Self.hash.get(), keeping: nil)
    #expect(try await system.store.signInStep(former) == nil)
    let token = try await system.store.createSignInStep(system.store.user(user))
    #expect(try await system.store.endSignInStep(token))
    #expect(try await !system.store.endSignInStep(token))
    #expect(try await system.store.session(token) == nil)
  }

  @Test("A new password link ends the step before the code: the former password is good for nothing any more")
  func stepAndLink() async throws {
    let system = try TestSystem()
    let user = try await turnedOn(system).user
    let token = try await system.store.createSignInStep(system.store.user(user))
    _ = try await system.store.resetPassword(name: "ada", hash: try Self.hash.get())
    #expect(try await system.store.signInStep(token) == nil)
    #expect(try await !system.store.endSignInStep(token))
  }

  @Test("Whoever gave a password that was changed before the session began gets neither a session nor a step")
  func changedMeanwhile() async throws {
    let system = try TestSystem()
    let verified = try await system.store.user(try user(system))
    let weak = try ScryptParameters(logarithmOfN: 10, blockSize: 1, parallelisation: 1)
    let other = try PasswordHash.make(SecretBytes(utf8: "another password"), parameters: weak)
    // The same password under another hash is no change.
    let renewed = try await system.store.renewPasswordHash(
      of: verified, to: try PasswordHash.make(SecretBytes(utf8: "a password"), parameters: weak))
    _ = try await system.store.createSession(renewed)
    try await system.store.changePassword(verified.id, hash: other, keeping: nil)
    for stale in [verified, renewed] {
      #expect(await code { _ = try await system.store.createSession(stale) } == "PASSWORD_CHANGED")
      #expect(await code { _ = try await system.store.createSignInStep(stale) } == "PASSWORD_CHANGED")
    }
    #expect(try await system.store.renewPasswordHash(of: verified, to: renewed.passwordHash) == verified)
    #expect(try await system.store.sessions(of: verified.id).isEmpty)
    _ = try await system.store.createSession(system.store.user(verified.id))
  }

  @Test("A user's sessions are listed with where and what, and end one by one, all others, or by a new token")
  func sessions() async throws {
    let system = try TestSystem()
    let user = try await user(system)
    let first = try await system.store.createSession(
      system.store.user(user), from: "192.0.2.7", browser: "Firefox on Linux")
    system.clock.advance(120)
    let second = try await system.store.createSession(system.store.user(user), from: "2001:db8::1", browser: "Chrome")
    let third = try await system.store.createSession(system.store.user(user))
    let listed = try await system.store.sessions(of: user)
    #expect(listed.map(\.address) == ["", "2001:db8::1", "192.0.2.7"])
    #expect(listed.map(\.browser) == ["", "Chrome", "Firefox on Linux"])
    #expect(listed[2].beganAt == system.clock.now - 120)
    #expect(try await system.store.sessions(of: UserRecord.ID(rawValue: 99)).isEmpty)

    try await system.store.endSession(listed[1].id)
    #expect(try await system.store.session(second) == nil)

    let renewed = try await system.store.renewSession(listed[2].id)
    #expect(try await system.store.session(first) == nil)
    #expect(try await system.store.session(renewed)?.id == listed[2].id)
    try await system.store.endSessions(of: user, except: listed[2].id)
    #expect(try await system.store.session(third) == nil)
    #expect(try await system.store.session(renewed) != nil)
    system.clock.advance(Store.sessionIdleLimit)
    #expect(try await system.store.sessions(of: user).isEmpty)
  }

  // MARK: Failed attempts

  private func wait(_ system: TestSystem, _ counts: SignInCount...) async throws -> Int? {
    try await system.store.signInDelay(counts).map { Int($0.components.seconds) }
  }

  @Test("From one place the wait doubles from half a minute to a quarter of an hour, and a success forgets it")
  func doubling() async throws {
    let system = try TestSystem()
    let place = SignInCount.place("192.0.2.7", name: "Ada")
    for _ in 1...4 { try await system.store.recordFailedSignIn([place]) }
    #expect(try await wait(system, place) == nil)
    for expected in [30, 60, 120, 240, 480, 900, 900] {
      try await system.store.recordFailedSignIn([place])
      #expect(try await wait(system, .place("192.0.2.7", name: "aDA")) == expected)
    }
    #expect(try await wait(system, .place("192.0.2.8", name: "ada")) == nil)
    #expect(try await wait(system, .browser("192.0.2.7", name: "ada")) == nil)
    system.clock.advance(899)
    #expect(try await wait(system, place) == 1)
    // A clock that is set back by a year locks nobody out for a year; the next failure counts on from where it was.
    system.clock.advance(-365 * 86_400)
    #expect(try await wait(system, place) == nil)
    try await system.store.recordFailedSignIn([place])
    #expect(try await wait(system, place) == 900)
    try await system.store.clearFailedSignIns([place])
    #expect(try await wait(system, place) == nil)
  }

  @Test("All strangers together have sixty attempts at a name, and one more each minute")
  func strangers() async throws {
    let system = try TestSystem()
    let all = SignInCount.strangers(name: "ada")
    for _ in 1...59 { try await system.store.recordFailedSignIn([all]) }
    #expect(try await wait(system, all) == nil)
    try await system.store.recordFailedSignIn([all])
    #expect(try await wait(system, all) == 60)
    #expect(try await wait(system, .strangers(name: "bob")) == nil)
    system.clock.advance(59)
    #expect(try await wait(system, all) == 1)
    system.clock.advance(1)
    #expect(try await wait(system, all) == nil)
    try await system.store.recordFailedSignIn([all])
    #expect(try await wait(system, all) == 60)
    system.clock.advance(3600)
    for _ in 1...59 { try await system.store.recordFailedSignIn([all]) }
    #expect(try await wait(system, all) == nil)
  }

  @Test("A new password forgives failures at this name, from wherever, and at no other that ends like it")
  func forgiven() async throws {
    let system = try TestSystem()
    _ = try await user(system)
    let added = try await system.store.addUser(name: "b", role: .viewer, hash: try Self.hash.get())
    func counts(_ name: String) -> [SignInCount] {
      [
        .place("192.0.2.7", name: name), .place("2001:db8::/64", name: name), .browser("x", name: name),
        .strangers(name: name),
      ]
    }
    let others = [counts("a/b"), counts("64/b"), counts("strangers/b")].flatMap { $0 }
    for _ in 1...60 { try await system.store.recordFailedSignIn(counts("b") + others) }
    _ = try await system.store.usePasswordLink(added.token, hash: try Self.hash.get())
    for count in counts("B") { #expect(try await wait(system, count) == nil, "\(count)") }
    for count in others { #expect(try await wait(system, count) != nil, "\(count)") }
  }

  @Test("A count that nobody reaches, in the database, ends no program: one waits for a day at most")
  func absurdCount() async throws {
    let system = try TestSystem()
    let count = SignInCount.strangers(name: "ada")
    try await system.store.recordFailedSignIn([count])
    for level in ["1e300", "9e999"] {
      try await system.store.write { try $0.execute(sql: "UPDATE sign_in_failures SET level = \(level)") }
      #expect(try await wait(system, count) == 86_400)
    }
  }

  @Test("Failures are forgotten after a day, so that guessed names do not pile up")
  func memory() async throws {
    let system = try TestSystem()
    for number in 1...20 { try await system.store.recordFailedSignIn([.place("192.0.2.7", name: "n\(number)")]) }
    system.clock.advance(24 * 3600 + 1)
    try await system.store.recordFailedSignIn([.place("192.0.2.7", name: String(repeating: "x", count: 5000))])
    let kept = try await system.store.read { try String.fetchAll($0, sql: "SELECT counted_by FROM sign_in_failures") }
    #expect(kept.count == 1)
    #expect(kept.allSatisfy { $0.utf8.count < 300 })
  }

  @Test("A browser's mark is good for the name that it was made for, half a year long, and not when it was changed")
  func marks() async throws {
    let system = try TestSystem()
    let mark = try await system.store.markBrowser(of: "Ada")
    let number = try #require(try await system.store.markedBrowser(mark, of: "ADA"))
    #expect(try await system.store.markedBrowser(mark, of: "bob") == nil)
    let other = try await system.store.markBrowser(of: "ada")
    #expect(try await system.store.markedBrowser(other, of: "ada") != number)
    let parts = mark.split(separator: ".").map(String.init)
    let forged = [
      "", "..", mark + "a", String(mark.dropLast()), parts[0] + ".x." + parts[2], "9" + mark,
      parts[0] + "." + parts[1] + ".", mark.uppercased(),
    ]
    for text in forged { #expect(try await system.store.markedBrowser(text, of: "ada") == nil) }
    #expect(try await TestSystem().store.markedBrowser(mark, of: "ada") == nil)
    system.clock.advance(Store.browserMarkLifetime - 1)
    #expect(try await system.store.markedBrowser(mark, of: "ada") == number)
    system.clock.advance(1)
    #expect(try await system.store.markedBrowser(mark, of: "ada") == nil)
  }

  @Test("Marks and recovery codes outlive the server: their key is kept, sealed")
  func reopened() async throws {
    let system = try TestSystem()
    let (user, _, codes) = try await turnedOn(system)
    let mark = try await system.store.markBrowser(of: "ada")
    try system.store.close()
    let clock = system.clock
    let again = try Store.open(folder: system.folder.path, clock: { clock.now })
    #expect(try await again.markedBrowser(mark, of: "ada") != nil)
    #expect(try await again.useSecondFactor(user, code: codes[3].text) == .recoveryCode(left: 9))
    try again.close()
  }
}
