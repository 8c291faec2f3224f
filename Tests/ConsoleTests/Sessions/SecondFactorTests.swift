import Foundation
import PKI
import Testing

@testable import Console
@testable import Store

@Suite("Second factor at the profile and at the sign-in", .timeLimit(.minutes(2))) struct SecondFactorTests {
  /// Somebody who has set a second factor up in the browser.
  private struct Owner {
    let console: TestConsole
    let browser: Browser
    let password: OneTimePassword
    var codes: [String]

    /// The code that the app shows now.
    func code(_ steps: Int64 = 0) -> String {
      password.code(step: OneTimePassword.step(at: console.clock.now) + steps)
    }
  }

  private func withOwner(_ body: (Owner) async throws -> Void) async throws {
    try await withConsole { console in
      let browser = console.stranger()
      #expect(try await givePassword(browser).status == 303)
      let page = try await offered(browser)
      let password = try await secret(console)
      let code = password.code(step: OneTimePassword.step(at: console.clock.now))
      let answer = try await browser.submit(page, "/account/second-factor/secret", ["code": code])
      #expect(answer.status == 200)
      let codes = HTML.all(#"<li><code>([^<]*)</code></li>"#, in: answer.html)
      #expect(codes.count == 10)
      // The code that turned it on is used up; the next step begins.
      console.clock.advance(30)
      try await body(Owner(console: console, browser: browser, password: password, codes: codes))
    }
  }

  /// The page with the secret.
  private func offered(_ browser: Browser) async throws -> Answer {
    let answer = try await browser.submit(
      browser.get("/account/second-factor"), "/account/second-factor", ["current": TestConsole.password])
    #expect(answer.location == "/account/second-factor/secret")
    return try await browser.follow(answer)
  }

  /// The secret that was offered, as the store has it.
  private func secret(_ console: TestConsole) async throws -> OneTimePassword {
    let user = try #require(try await console.store.user(name: "ada"))
    return try #require(try await console.store.offeredSecondFactor(user.id))
  }

  private func givePassword(
    _ browser: Browser, _ password: String = TestConsole.password, at path: String = "/sign-in"
  ) async throws -> Answer {
    try await browser.submit(browser.get(path), "/sign-in", ["name": "ada", "password": password])
  }

  private func giveCode(_ browser: Browser, _ code: String) async throws -> Answer {
    try await browser.submit(browser.get("/sign-in/code"), "/sign-in/code", ["code": code])
  }

  @Test(
    "The secret is shown as text, as a link and as a QR code, after the password only, and is on after a right code")
  func setup() async throws {
    try await withBrowser { console, browser in
      #expect(try await browser.get("/account/second-factor/secret").location == "/account/second-factor")
      let refused = try await browser.submit(
        browser.get("/account/second-factor"), "/account/second-factor", ["current": "wrong password"])
      #expect(refused.error(of: "current")?.contains("not your present password") == true)
      #expect(try await browser.get("/account/second-factor/secret").location == "/account/second-factor")
      let page = try await offered(browser)
      let password = try await secret(console)
      #expect(
        HTML.first(#"<code id="secret">([^<]*)</code>"#, in: page.html)?.replacing(" ", with: "") == password.text)
      let uri = password.uri(issuer: "Reroot", account: "ada")
      #expect(page.links.contains(uri))
      let drawn = try #require(QRCode(uri))
      #expect(page.has(drawn.path))
      #expect(page.has("viewBox=\"0 0 \(drawn.drawnSize) \(drawn.drawnSize)\""))

      let wrong = try await browser.submit(page, "/account/second-factor/secret", ["code": "000000"])
      #expect(wrong.status == 422)
      #expect(wrong.error(of: "code") != nil)
      #expect(try await console.stranger().get("/sign-in").status == 200)
      #expect(try await givePassword(console.stranger()).location == "/")

      let code = password.code(step: OneTimePassword.step(at: console.clock.now))
      let answer = try await browser.submit(page, "/account/second-factor/secret", ["code": code])
      #expect(answer.says("Keep these codes now"))
      #expect(try await givePassword(console.stranger()).location == "/sign-in/code")
      let account = try await browser.get("/account")
      #expect(account.says("Recovery codes 10 of 10 left"))
      for path in ["/account/second-factor", "/account/second-factor/secret"] {
        let answer = try await browser.follow(browser.get(path))
        #expect(!answer.has(password.text) && !answer.has("secret="))
      }
    }
  }

  @Test("Turning it on ends the other sessions and gives this one a new token, whose forms work")
  func rotation() async throws {
    try await withConsole { console in
      let browser = console.stranger()
      #expect(try await givePassword(browser).status == 303)
      let other = try await console.browser()
      let page = try await offered(browser)
      let former = try #require(browser.cookies[SessionCookie.name])
      let code = try await secret(console).code(step: OneTimePassword.step(at: console.clock.now))
      let answer = try await browser.submit(page, "/account/second-factor/secret", ["code": code])
      #expect(try await other.get("/roots").status == 303)
      #expect(browser.cookies[SessionCookie.name] != former)
      #expect(try await browser.submit(answer, "/sign-out").location == "/sign-in")
      browser.set(SessionCookie.name, cookie: former)
      #expect(try await browser.get("/roots").status == 303)
    }
  }

  @Test("After the password comes the code; in between nothing is open, and the code is good once")
  func signingIn() async throws {
    try await withOwner { owner in
      let browser = owner.console.stranger()
      let answer = try await givePassword(browser, at: "/sign-in?return=/components")
      #expect(answer.location == "/sign-in/code?return=/components")
      #expect(browser.cookies[SessionCookie.name] == nil)
      let cookie = try #require(answer.headers.first { $0.value.hasPrefix(SessionCookie.stepName + "=") }?.value)
      for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=300"] {
        #expect(cookie.contains("; \(part)"))
      }
      let step = try #require(browser.cookies[SessionCookie.stepName])
      let thief = owner.console.stranger()
      thief.set(SessionCookie.name, cookie: step)
      for path in ["/roots", "/account", "/settings", "/components/export"] {
        #expect(try await browser.get(path).location?.hasPrefix("/sign-in?return=") == true)
        #expect(try await thief.get(path).location?.hasPrefix("/sign-in?return=") == true)
      }
      let page = try await browser.get("/sign-in/code?return=/components")
      #expect(try await browser.submit(page, "/sign-in/code", ["code": owner.code(7)]).says("This code is not right"))
      let code = owner.code()
      let signedIn = try await browser.submit(page, "/sign-in/code", ["code": code])
      #expect(signedIn.location == "/components")
      #expect(browser.cookies[SessionCookie.stepName] == nil)
      #expect(try await browser.get("/components").status == 200)

      let again = owner.console.stranger()
      #expect(try await givePassword(again).location == "/sign-in/code")
      #expect(try await giveCode(again, code).status == 422)
      owner.console.clock.advance(30)
      #expect(try await giveCode(again, owner.code()).location == "/")
      for line in owner.console.log.all { #expect(!line.contains(code) && !line.contains(step)) }
    }
  }

  @Test("The step is not a way around: not its cookie without a code, nor after its time, nor one of another's making")
  func step() async throws {
    try await withOwner { owner in
      let browser = owner.console.stranger()
      #expect(try await browser.get("/sign-in/code").location == "/sign-in")
      browser.set(SessionCookie.stepName, cookie: String(repeating: "x", count: 43))
      #expect(try await browser.get("/sign-in/code").location == "/sign-in")
      #expect(try await givePassword(browser).status == 303)
      let page = try await browser.get("/sign-in/code")
      #expect(try await browser.submit(page, "/sign-in/code", ["code": ""]).status == 422)
      let evil = try await browser.submit(page, "/sign-in/code", ["code": "1", "return": "//evil.example"])
      #expect(!evil.has("evil.example"))
      owner.console.clock.advance(Store.signInStepLimit)
      #expect(try await browser.submit(page, "/sign-in/code", ["code": owner.code()]).location == "/sign-in")
      #expect(try await owner.browser.get("/roots").status == 200)
    }
  }

  @Test(
    "Five wrong codes end the step, and then one must wait as after wrong passwords, which a right one does not undo")
  func limits() async throws {
    try await withOwner { owner in
      let browser = owner.console.stranger()
      #expect(try await givePassword(browser).status == 303)
      let page = try await browser.get("/sign-in/code")
      for _ in 1...3 {
        #expect(try await browser.submit(page, "/sign-in/code", ["code": "000000"]).status == 422)
      }
      // The right password in between forgets nothing.
      #expect(try await givePassword(browser).location == "/sign-in/code")
      for _ in 1...2 { #expect(try await giveCode(browser, "000000").status == 422) }
      let sixth = try await giveCode(browser, owner.code())
      #expect(sixth.status == 429)
      #expect(sixth.header("retry-after") == "30")
      #expect(try await givePassword(owner.console.stranger()).status == 429)
      owner.console.clock.advance(30)
      #expect(try await givePassword(browser).location == "/sign-in/code")
      #expect(try await giveCode(browser, owner.code()).location == "/")

      let other = owner.console.stranger()
      #expect(try await givePassword(other).status == 303)
      let form = try await other.get("/sign-in/code")
      for number in 1...5 {
        let answer = try await other.submit(form, "/sign-in/code", ["code": "000000"])
        #expect(number < 5 ? answer.status == 422 : answer.location == "/sign-in")
      }
      #expect(try await other.get("/sign-in/code").location == "/sign-in")
    }
  }

  @Test("All strangers who have the password together get ten codes wrong at most, and a known browser does not wait")
  func strangersWithPassword() async throws {
    try await withOwner { owner in
      let desk = owner.console.console.services.signInDesk
      let user = try #require(try await owner.console.store.user(name: "ada"))
      for number in 1...10 {
        _ = try await desk.check(code: "000000", of: user, from: SignInCaller(address: "192.0.2.\(number)"))
      }
      let eleventh = try await desk.check(code: owner.code(), of: user, from: SignInCaller(address: "192.0.2.11"))
      guard case .later(let seconds) = eleventh else { return #expect(Bool(false), "\(eleventh)") }
      #expect(seconds == 900)
      let page = try await owner.browser.get("/roots")
      _ = try await owner.browser.submit(page, "/sign-out")
      #expect(try await givePassword(owner.browser).location == "/sign-in/code")
      #expect(try await giveCode(owner.browser, owner.code()).location == "/")
    }
  }

  @Test("A recovery code lets in once, and the page says how many are left")
  func recoveryCode() async throws {
    try await withOwner { owner in
      let browser = owner.console.stranger()
      #expect(try await givePassword(browser).status == 303)
      let answer = try await giveCode(browser, owner.codes[4].uppercased())
      #expect(answer.status == 303)
      #expect(try await browser.follow(answer).says("That recovery code is used up; 9 are left."))
      #expect(try await browser.get("/account").says("9 of 10 left"))
      let again = owner.console.stranger()
      #expect(try await givePassword(again).status == 303)
      #expect(try await giveCode(again, owner.codes[4]).status == 422)

      let page = try await owner.browser.get("/account/recovery-codes")
      let refused = try await owner.browser.submit(page, "/account/recovery-codes", ["current": "wrong password"])
      #expect(refused.error(of: "current") != nil)
      let fresh = try await owner.browser.submit(page, "/account/recovery-codes", ["current": TestConsole.password])
      let codes = HTML.all(#"<li><code>([^<]*)</code></li>"#, in: fresh.html)
      #expect(Set(codes).count == 10 && Set(codes).isDisjoint(with: owner.codes))
      #expect(try await giveCode(again, owner.codes[5]).status == 422)
      #expect(try await giveCode(again, codes[5]).status == 303)
      for line in owner.console.log.all { #expect(!(owner.codes + codes).contains(where: line.contains)) }
    }
  }

  @Test("Switching it off takes the password and a code")
  func removal() async throws {
    try await withOwner { owner in
      let page = try await owner.browser.get("/account/second-factor/removal")
      let path = "/account/second-factor/removal"
      let wrongPassword = try await owner.browser.submit(page, path, ["current": "wrong", "code": owner.code()])
      #expect(wrongPassword.errorFields == ["current"])
      let wrongCode = try await owner.browser.submit(page, path, ["current": TestConsole.password, "code": "000000"])
      #expect(wrongCode.errorFields == ["code"])
      #expect(try await givePassword(owner.console.stranger()).location == "/sign-in/code")
      // The code was not used up beside the wrong password.
      let off = try await owner.browser.submit(page, path, ["current": TestConsole.password, "code": owner.code()])
      #expect(off.location == "/account")
      #expect(try await owner.browser.follow(off).says("The second factor is off."))
      #expect(try await givePassword(owner.console.stranger()).location == "/")
      for path in ["/account/second-factor/removal", "/account/recovery-codes"] {
        #expect(try await owner.browser.get(path).location == "/account")
      }
    }
  }

  @Test("Every change of the second factor and every attempt at a code is recorded, without the code")
  func audit() async throws {
    try await withOwner { owner in
      let browser = owner.console.stranger()
      _ = try await givePassword(browser)
      _ = try await giveCode(browser, "123456")
      _ = try await giveCode(browser, owner.codes[0])
      let codes = "/account/recovery-codes"
      _ = try await browser.submit(browser.get(codes), codes, ["current": TestConsole.password])
      owner.console.clock.advance(30)
      let removal = "/account/second-factor/removal"
      let fields = ["current": TestConsole.password, "code": owner.code()]
      _ = try await browser.submit(browser.get(removal), removal, fields)
      let entries = try await owner.console.store.auditEntries(after: 0, limit: 100)
      let known = entries.filter { $0.author.kind != .reroot }
      #expect(
        known.map(\.event) == [
          "sign-in", "user.second-factor", "sign-in.failed", "sign-in", "user.recovery-codes",
          "user.second-factor-removed",
        ])
      #expect(known[2].author.kind == .stranger && known[2].author.name == "ada")
      #expect(known[2].details == ["form": "code after the password"])
      #expect(known[3].details == ["second factor": "recovery code, 9 left"])
      #expect(known.allSatisfy { $0.author.address == "127.0.0.1" })
      for secret in owner.codes + ["123456"] { #expect(!"\(known)".contains(secret)) }
    }
  }

  @Test("An administrator takes another's second factor away: the password alone lets in again, and one's own stays")
  func takenAway() async throws {
    try await withOwner { owner in
      let console = owner.console
      let browser = console.stranger()
      #expect(try await givePassword(browser).location == "/sign-in/code")
      let page = try await browser.get("/sign-in/code")
      let user = try #require(try await console.store.user(name: "ada"))
      let path = "/users/\(user.id)/second-factor"
      #expect(try await owner.browser.get(path).status == 409)
      let csrf = try await owner.browser.token()
      #expect(try await owner.browser.post(path, [("csrf", csrf)]).status == 409)
      #expect(try await console.store.secondFactor(user.id) != nil)

      let other = try await console.browser(.administrator, 2)
      let list = try await other.get("/users")
      #expect(list.says("UTC On Can sign in") && list.says("UTC Off Can sign in"))
      #expect(try await other.submit(other.get(path), path).location == "/users")
      #expect(try await owner.browser.get("/roots").status == 303)
      #expect(try await browser.submit(page, "/sign-in/code", ["code": owner.code()]).location == "/sign-in")
      #expect(try await givePassword(browser).location == "/")
      #expect(try await other.get(path).status == 404)
    }
  }

  @Test("Who has no recovery codes, as after a restore, is told to make new ones at the next sign-in")
  func noRecoveryCodes() async throws {
    try await withOwner { owner in
      try await owner.console.store.write { try $0.execute(sql: "DELETE FROM recovery_codes") }
      let browser = owner.console.stranger()
      #expect(try await givePassword(browser).status == 303)
      let answer = try await giveCode(browser, owner.code())
      #expect(try await browser.follow(answer).says("You have no recovery codes. Make new ones on the page Account"))
      #expect(try await browser.get("/account").says("Make new ones: without them a lost phone locks you out."))
    }
  }
}
