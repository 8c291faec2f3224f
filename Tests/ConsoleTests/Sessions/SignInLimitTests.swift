import Foundation
import PKI
import Testing

@testable import Console
@testable import Store

/// Who has to wait after failed attempts, and who has not.
@Suite("Limits of signing in", .timeLimit(.minutes(2))) struct SignInLimitTests {
  private func signIn(_ browser: Browser, _ name: String, _ password: String) async throws -> Answer {
    try await browser.submit(browser.get("/sign-in"), "/sign-in", ["name": name, "password": password])
  }

  private struct Unexpected: Error { let answer: String }

  private static let right = SecretBytes(utf8: TestConsole.password)
  private static let wrong = SecretBytes(utf8: "wrong")

  @Test("After five failed attempts one must wait, for a name that nobody has too", arguments: ["ada", "nobody"])
  func delay(_ name: String) async throws {
    try await withConsole { console in
      let browser = console.stranger()
      for _ in 1...5 {
        let answer = try await signIn(browser, name, "wrong password")
        #expect(answer.status == 422)
        #expect(answer.says("The name or the password is wrong"))
      }
      let sixth = try await signIn(browser, name, TestConsole.password)
      #expect(sixth.status == 429)
      #expect(sixth.header("retry-after") == "30")
      console.clock.advance(29)
      #expect(try await signIn(browser, name, TestConsole.password).header("retry-after") == "1")
      console.clock.advance(1)
      #expect(try await signIn(browser, name, TestConsole.password).status == (name == "ada" ? 303 : 422))
      // The failures of one name delay nobody else, and a success forgets them.
      #expect(try await signIn(console.stranger(), "ada", TestConsole.password).status == 303)
    }
  }

  @Test(
    "Strangers who lock a name out, from the same place and from everywhere, do not lock out a browser that is known")
  func knownBrowser() async throws {
    try await withConsole { console in
      let owner = console.stranger()
      #expect(try await signIn(owner, "ada", TestConsole.password).status == 303)
      let mark = try #require(owner.cookies[SessionCookie.browserName])
      #expect(try await owner.submit(owner.get("/roots"), "/sign-out").status == 303)
      #expect(owner.cookies[SessionCookie.browserName] == mark)

      let stranger = console.stranger()
      for _ in 1...5 { #expect(try await signIn(stranger, "ada", "wrong password").status == 422) }
      #expect(try await signIn(stranger, "ada", TestConsole.password).status == 429)
      for _ in 1...60 { try await console.store.recordFailedSignIn([.strangers(name: "ada")]) }
      let other = SignInCaller(address: "192.0.2.1")
      let desk = console.console.services.signInDesk
      guard case .later = try await desk.check(name: "ada", password: Self.right, from: other) else {
        throw Unexpected(answer: "a stranger is let in")
      }
      // A mark that was not made here, or was made for somebody else, is a stranger's.
      let forged = console.stranger()
      for value in [String(mark.dropLast()) + "x", try await console.store.markBrowser(of: "bob")] {
        forged.set(SessionCookie.browserName, cookie: value)
        #expect(try await signIn(forged, "ada", TestConsole.password).status == 429)
      }
      #expect(try await signIn(owner, "ADA", TestConsole.password).status == 303)
    }
  }

  @Test("A known browser has five attempts of its own, and its failures delay nobody else")
  func knownBrowserFails() async throws {
    try await withConsole { console in
      let thief = console.stranger()
      thief.set(SessionCookie.browserName, cookie: try await console.store.markBrowser(of: "ada"))
      for _ in 1...5 { #expect(try await signIn(thief, "ada", "wrong password").status == 422) }
      #expect(try await signIn(thief, "ada", TestConsole.password).status == 429)
      #expect(try await signIn(console.stranger(), "ada", TestConsole.password).status == 303)
    }
  }

  @Test("A stranger who tries name after name is refused soon, and does not make the audit log grow with each")
  func names() async throws {
    try await withConsole { console in
      let owner = console.stranger()
      #expect(try await signIn(owner, "ada", TestConsole.password).status == 303)
      #expect(try await owner.submit(owner.get("/roots"), "/sign-out").status == 303)
      let before = try await console.store.auditEntries(after: 0, limit: 1000).count
      let stranger = console.stranger()
      var statuses: [Int: Int] = [:]
      for number in 1...200 {
        let answer = try await signIn(stranger, "name \(number)", "wrong password")
        statuses[answer.status, default: 0] += 1
      }
      #expect(statuses == [422: 40, 429: 160])
      // One for the failures, one for what was not looked at.
      #expect(try await console.store.auditEntries(after: 0, limit: 1000).count == before + 2)
      #expect(try await signIn(owner, "ada", TestConsole.password).status == 303)
      console.clock.advance(30)
      #expect(try await signIn(stranger, "one more", "wrong password").status == 422)
      #expect(try await signIn(stranger, "yet one more", "wrong password").status == 429)
      // What has come together since is told by the next entry.
      console.clock.advance(60)
      #expect(try await signIn(stranger, "and another", "wrong password").status == 422)
      let last = try #require(
        try await console.store.auditEntries(after: 0, limit: 1000).last { $0.event == "sign-in.failed" })
      #expect(last.details["attempts"] == "41" && last.author.name == "unknown name")
    }
  }

  @Test("Addresses of one /64 are one place, so that a network of IPv6 has no endless supply of attempts")
  func place() async throws {
    try await withConsole { console in
      let desk = console.console.services.signInDesk
      for number in 1...5 {
        let caller = SignInCaller(address: "2001:db8:1:2::\(number)")
        guard case .wrong = try await desk.check(name: "ada", password: Self.wrong, from: caller) else {
          throw Unexpected(answer: "\(number)")
        }
      }
      let neighbour = SignInCaller(address: "2001:db8:1:2:ffff::1")
      guard case .later = try await desk.check(name: "ada", password: Self.right, from: neighbour) else {
        throw Unexpected(answer: "the neighbour is let in")
      }
      let another = SignInCaller(address: "2001:db8:1:3::1")
      guard case .right = try await desk.check(name: "ada", password: Self.right, from: another) else {
        throw Unexpected(answer: "another network is not let in")
      }
    }
  }

  @Test("One place takes few of the turns to wait for a password check, and neither another's nor a known browser's")
  func crowd() async throws {
    try await withConsole { console in
      let desk = try SignInDesk(store: console.store)
      func flood(_ count: Int, _ address: @escaping @Sendable (Int) -> String) -> [Task<Bool, any Error>] {
        (1...count).map { number in
          Task {
            let caller = SignInCaller(address: address(number))
            if case .busy = try await desk.check(name: "no\(number)", password: Self.wrong, from: caller) {
              return true
            }
            return false
          }
        }
      }
      let one = flood(12) { _ in "192.0.2.1" }
      guard
        case .right = try await desk.check(
          name: "ada", password: Self.right, from: SignInCaller(address: "192.0.2.2"))
      else { throw Unexpected(answer: "another place is not let in") }
      var busy = 0
      for attempt in one {
        if try await attempt.value { busy += 1 }
      }
      #expect(busy > 0)

      let mark = try await console.store.markBrowser(of: "ada")
      let many = flood(40) { "198.51.100.\($0)" }
      let known = SignInCaller(address: "192.0.2.2", mark: mark)
      guard case .right = try await desk.check(name: "ada", password: Self.right, from: known) else {
        throw Unexpected(answer: "the known browser is not let in")
      }
      for attempt in many { _ = try await attempt.value }
    }
  }

  /// The answer to an attempt, without what is another in every browser.
  private func shown(_ answer: Answer, _ name: String) -> String {
    let fields = answer.headers.filter { !["date", "content-length"].contains($0.name) }.map {
      "\($0.name): \($0.value)"
    }
    let html = answer.html.replacingOccurrences(of: #"[0-9a-f]{64}"#, with: "TOKEN", options: .regularExpression)
    return
      "\(answer.status)\n\(fields.joined(separator: "\n"))\n\(html.replacing("value=\"\(name)\"", with: "value=\"NAME\""))"
  }

  /// How long they take is compared in Tests/Systems/test_sign_in_time.py.
  @Test("An unknown name, a wrong password and one before a second factor cost one hash each and read the same")
  func sameAnswer() async throws {
    try await withConsole { console in
      let (store, desk) = (console.store, console.console.services.signInDesk)
      let plain = try #require(try await store.user(name: "ada"))
      let bob = try await store.addUser("bobx", hash: plain.passwordHash)
      let password = try OneTimePassword.generate()
      try await store.offerSecondFactor(bob, password)
      let code = password.code(step: OneTimePassword.step(at: console.clock.now))
      _ = try await store.turnOnSecondFactor(bob, code: code)

      let names = ["ada", "bobx", "nobody"]
      var answers: [String: Set<String>] = [:]
      for round in 1...8 {
        for name in names {
          if round % 4 == 0 { try await store.clearFailedSignIns([.place("127.0.0.1", name: name)]) }
          let browser = console.stranger()
          let page = try await browser.get("/sign-in")
          let before = desk.passwordsVerified
          let answer = try await browser.submit(page, "/sign-in", ["name": name, "password": "wrong password"])
          #expect(desk.passwordsVerified == before + 1, "\(name)")
          answers[name, default: []].insert(shown(answer, name))
        }
      }
      #expect(answers.values.allSatisfy { $0.count == 1 })
      #expect(Set(answers.values).count == 1)
    }
  }

  @Test("A hash of less work is made again at the next good sign-in, and at no bad one")
  func rehash() async throws {
    try await withConsole { console in
      let store = console.store
      let weak = try PasswordHash.make(
        SecretBytes(utf8: "the right password"),
        parameters: ScryptParameters(logarithmOfN: 12, blockSize: 8, parallelisation: 1))
      _ = try await store.addUser("bob", hash: weak)
      #expect(weak.isOutdated)
      #expect(try await signIn(console.stranger(), "bob", "wrong password").status == 422)
      #expect(try await store.user(name: "bob")?.passwordHash == weak)
      #expect(try await signIn(console.stranger(), "bob", "the right password").status == 303)
      let renewed = try #require(try await store.user(name: "bob")).passwordHash
      #expect(renewed.parameters == .current)
      #expect(!renewed.isOutdated)
      #expect(try await signIn(console.stranger(), "bob", "the right password").status == 303)
      #expect(try await store.user(name: "bob")?.passwordHash == renewed)
    }
  }
}

extension Store {
  /// A user who did not come by the set-up.
  func addUser(_ name: String, hash: PasswordHash) async throws -> UserRecord.ID {
    try await write { database in
      try database.execute(
        sql: "INSERT INTO users (name, folded_name, password_hash, added_at) VALUES (?, ?, ?, 0)",
        arguments: [name, SignInName.folded(name), hash.text])
      return UserRecord.ID(rawValue: database.lastInsertedRowID)
    }
  }
}
