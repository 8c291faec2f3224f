import Foundation
import PKI
import Testing

@testable import Console
@testable import Store

@Suite("Sessions", .timeLimit(.minutes(2))) struct SessionTests {
  private static let good = "a sentence that is long"

  private func signIn(_ browser: Browser, _ name: String, _ password: String, at path: String = "/sign-in") async throws
    -> Answer
  {
    try await browser.submit(browser.get(path), "/sign-in", ["name": name, "password": password])
  }

  @Test("The link of the set-up makes one administrator, signs in, and is used up")
  func setup() async throws {
    try await withConsole(hasAdministrator: false) { console in
      let token = try #require(try await console.store.makeSetupToken())
      let browser = console.stranger()
      let fields = ["name": "Ada", "password": Self.good, "password_again": Self.good]
      #expect(try await browser.get("/setup/wrong").status == 404)
      let page = try await browser.get("/setup/\(token)")
      #expect(page.status == 200)
      let answer = try await browser.submit(page, nil, fields)
      #expect(answer.status == 303)
      #expect(answer.location == "/")
      #expect(try await browser.open("/").status == 200)
      #expect(try await browser.get("/setup/\(token)").says("This link is not valid any more"))
      let other = console.stranger()
      let again = try await other.submit(other.get("/sign-in"), nil, ["name": "Eve", "password": Self.good])
      #expect(again.status == 422)
      #expect(try await console.store.users().map(\.name) == ["Ada"])
      #expect(try await console.store.makeSetupToken() == nil)
    }
  }

  @Test(
    "The set-up says which rule a name or a password breaks",
    arguments: [
      ("", good, good, "name", "Give a name of 1 to 64 characters"),
      (String(repeating: "n", count: 65), good, good, "name", "Give a name of 1 to 64 characters"),
      ("a\u{7}b", good, good, "name", "a character that is not shown (U+0007)"),
      ("ada", "eleven char", "eleven char", "password", "at least 12 characters"),
      (
        "ada", String(repeating: "ab1", count: 342), String(repeating: "ab1", count: 342), "password",
        "at most 1024 bytes"
      ),
      ("administrator", "Administrator", "Administrator", "password", "harder to guess"),
      ("ada", "ababababababab", "ababababababab", "password", "harder to guess"),
      ("ada", good, good + "!", "password_again", "not the same"),
    ])
  func credentials(
    _ name: String, _ password: String, _ again: String, _ field: String, _ sentence: String
  ) async throws {
    try await withConsole(hasAdministrator: false) { console in
      let token = try #require(try await console.store.makeSetupToken())
      let browser = console.stranger()
      let answer = try await browser.submit(
        browser.get("/setup/\(token)"), nil, ["name": name, "password": password, "password_again": again])
      #expect(answer.status == 422)
      #expect(answer.error(of: field)?.contains(sentence) == true)
      #expect(answer.errorFields == [field])
      if password.count > 5 { #expect(!answer.has(password) || password.lowercased() == name) }
      #expect(try await console.store.users().isEmpty)
    }
  }

  @Test(
    "Passwords of exactly 12 characters and of exactly 1,024 bytes are taken, with spaces and of any kind of characters",
    arguments: [
      "twelve chars", String(repeating: "a sentence, again", count: 61).prefix(1024).description, "über größe åß",
    ])
  func boundary(_ password: String) async throws {
    try await withConsole(hasAdministrator: false) { console in
      let token = try #require(try await console.store.makeSetupToken())
      let browser = console.stranger()
      let answer = try await browser.submit(
        browser.get("/setup/\(token)"), nil, ["name": "ada", "password": password, "password_again": password])
      #expect(answer.status == 303)
      // The same characters, decomposed as another keyboard sends them.
      let other = console.stranger()
      #expect(try await signIn(other, "ada", password.decomposedStringWithCanonicalMapping).status == 303)
    }
  }

  @Test("Signing in gives a new token, whatever the browser came with, and signing out ends it on the server")
  func inAndOut() async throws {
    try await withConsole { console in
      let browser = console.stranger()
      let planted = String(repeating: "x", count: 43)
      browser.set(SessionCookie.name, cookie: planted)
      #expect(try await signIn(browser, "ADA", TestConsole.password).location == "/")
      let token = try #require(browser.cookies[SessionCookie.name])
      #expect(token != planted)
      let page = try await browser.get("/roots")
      #expect(page.status == 200)
      let out = try await browser.submit(page, "/sign-out")
      #expect(out.location == "/sign-in")
      browser.set(SessionCookie.name, cookie: token)
      #expect(try await browser.get("/roots").location == "/sign-in?return=/roots")
    }
  }

  @Test("The cookie of a session is for this host, HTTPS and the server only")
  func cookie() async throws {
    try await withConsole { console in
      let answer = try await signIn(console.stranger(), "ada", TestConsole.password)
      let cookie = try #require(answer.headers.first { $0.value.hasPrefix(SessionCookie.name + "=") }?.value)
      #expect(cookie.hasPrefix("__Host-"))
      for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] { #expect(cookie.contains("; \(part)")) }
      #expect(!cookie.contains("Domain"))
    }
  }

  @Test("A session ends when it was not used for half an hour, and after twelve hours in any case")
  func ends() async throws {
    try await withBrowser { console, browser in
      console.clock.advance(Store.sessionIdleLimit - 1)
      #expect(try await browser.get("/roots").status == 200)
      console.clock.advance(Store.sessionIdleLimit)
      #expect(try await browser.get("/roots").status == 303)
      let other = try await console.browser()
      for _ in 1...24 {
        console.clock.advance(Store.sessionIdleLimit - 1)
        #expect(try await other.get("/roots").status == 200)
      }
      console.clock.advance(24)
      #expect(try await other.get("/roots").status == 303)
    }
  }

  @Test("Changing the password ends every other session and keeps this one")
  func passwordChange() async throws {
    try await withBrowser { console, browser in
      let other = try await console.browser()
      #expect(try await other.get("/roots").status == 200)
      let fields = ["current": "wrong password", "password": Self.good, "password_again": Self.good]
      let page = try await browser.get("/account")
      #expect(try await browser.submit(page, "/account", fields).error(of: "current") != nil)
      #expect(try await other.get("/roots").status == 200)
      let right = fields.merging(["current": TestConsole.password]) { $1 }
      #expect(try await browser.submit(page, "/account", right).status == 303)
      #expect(try await browser.get("/roots").status == 200)
      #expect(try await other.get("/roots").status == 303)
      #expect(try await signIn(console.stranger(), "ada", TestConsole.password).status == 422)
      #expect(try await signIn(console.stranger(), "ada", Self.good).status == 303)
    }
  }

  @Test(
    "The page to go on with after signing in is one of this host",
    arguments: [
      ("/components", "/components"), ("/updates/7?a=b", "/updates/7?a=b"), ("//evil.example", "/"),
      ("/\\evil.example", "/"), ("\\\\evil.example", "/"), ("https://evil.example", "/"), ("evil.example", "/"),
      ("/\t/evil.example", "/"), ("/\n/evil.example", "/"), ("/%0d%0aSet-Cookie: a=b", "/"), ("/sign-out", "/"),
      ("/sign-in", "/"), ("", "/"), ("/a\u{202E}b", "/"), ("/" + String(repeating: "a", count: 2000), "/"),
      ("/" + String(repeating: "a", count: 1999), "/" + String(repeating: "a", count: 1999)),
    ])
  func returnPath(_ wanted: String, _ expected: String) async throws {
    #expect((ReturnPath.checked(wanted) ?? "/") == expected)
  }

  @Test("The return path goes through the form, and only a good one leads on")
  func returnOverHTTP() async throws {
    try await withConsole { console in
      let browser = console.stranger()
      let asked = try await browser.get("/components/new")
      #expect(asked.location == "/sign-in?return=/components/new")
      let page = try await browser.get(try #require(asked.location))
      let answer = try await browser.submit(page, "/sign-in", ["name": "ada", "password": TestConsole.password])
      #expect(answer.location == "/components/new")
      let evil = console.stranger()
      let form = try await evil.get("/sign-in?return=//evil.example")
      #expect(!form.has("evil.example"))
      let forced = try await evil.submit(
        form, "/sign-in", ["name": "ada", "password": TestConsole.password, "return": "//evil.example"])
      #expect(forced.location == "/")
      #expect(try await evil.get("/sign-in?return=//evil.example").location == "/")
    }
  }

  @Test("Neither a password nor a token is ever logged")
  func log() async throws {
    try await withConsole { console in
      let browser = console.stranger()
      _ = try await signIn(browser, "ada", "an open secret 17")
      _ = try await signIn(browser, "ada", TestConsole.password)
      let token = try #require(browser.cookies[SessionCookie.name])
      for secret in ["an open secret 17", TestConsole.password, token] {
        #expect(!console.log.all.contains { $0.contains(secret) })
      }
      #expect(console.log.all.contains { $0.hasPrefix("sign-in ") })
    }
  }
}
