import Foundation
import PKI
import Testing

@testable import Store

@Suite("reroot users reset", .timeLimit(.minutes(2))) struct UsersResetTests {
  @Test("It prints a link for the only administrator, which works once, and the former password works no more")
  func link() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let store = try Store.open(folder: data)
    let former = try PasswordHash.make(SecretBytes(utf8: "a forgotten password"))
    let user = try await store.addFirstAdministrator(name: "Ada", hash: former)
    let session = try await store.createSession(user)
    try store.close()

    let ended = try await reroot(
      "users", "reset", "ada", "--data", data, "--address", "https://console.example:8443")
    #expect(ended.status == 0, "\(ended)")
    #expect(ended.output.hasPrefix("Ada (administrator) chooses a new password, once and within 24 hours, at\n"))
    let address = try #require(
      ended.output.split(separator: "\n").first { $0.hasPrefix("https://console.example:8443/password/") })
    let token = String(address.split(separator: "/").last ?? "")

    let after = try Store.open(folder: data)
    #expect(try await after.session(session) == nil)
    let dropped = try await after.user(user.id)
    #expect(!dropped.hasPassword && dropped.passwordHash != former)
    #expect(try await after.passwordLink(token)?.name == "Ada")
    let hash = try PasswordHash.make(SecretBytes(utf8: "a new and long password"))
    #expect(try await after.usePasswordLink(token, hash: hash).id == user.id)
    await #expect(throws: StoreError.self) { _ = try await after.usePasswordLink(token, hash: hash) }
    #expect(try await after.user(user.id).passwordHash == hash)
    let entries = try await after.auditEntries(limit: 10)
    #expect(entries.contains { $0.event == AuditEvent.userLinkMade.rawValue && $0.subject == "ada" })
    try after.close()
  }

  @Test("A name that nobody has is told which there are, and an empty folder that it is one; nothing is made there")
  func unknown() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let store = try Store.open(folder: data)
    let hash = try PasswordHash.make(SecretBytes(utf8: "a forgotten password"))
    _ = try await store.addFirstAdministrator(name: "Ada", hash: hash)
    try store.close()
    let ended = try await reroot("users", "reset", "Eve", "--data", data)
    #expect(ended.status == 1)
    #expect(ended.complaints == ["reroot: There is no user “Eve”. There are: Ada."])

    let nothing = try await reroot("users", "reset", "Ada", "--data", folder.path + "/other")
    #expect(nothing.status == 1)
    #expect(nothing.complaints.first?.contains("There is no Reroot in the folder") == true)
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/other"))
  }

  @Test(
    "An address that is more than a host and a port, or another scheme, is refused, and the password stays",
    arguments: [
      "javascript:alert(1)", "http://console.example", "https://", "https://console.example/path", "https://a@b",
      "https://console.example:0", "https://console.example:70000", "https://console.example?x", "console.example",
    ])
  func badAddress(_ address: String) async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let store = try Store.open(folder: data)
    let hash = try PasswordHash.make(SecretBytes(utf8: "a remembered password"))
    let user = try await store.addFirstAdministrator(name: "Ada", hash: hash)
    try store.close()
    let ended = try await reroot("users", "reset", "Ada", "--data", data, "--address", address)
    #expect(ended.status == 1)
    #expect(ended.complaints.first?.contains("Give https://HOST or https://HOST:PORT") == true, "\(ended)")
    let after = try Store.open(folder: data)
    #expect(try await after.user(user.id).passwordHash == hash)
    try after.close()
  }

  @Test("While a server runs on the folder it says so, and the password stays")
  func running() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let store = try Store.open(folder: data)
    let hash = try PasswordHash.make(SecretBytes(utf8: "a remembered password"))
    _ = try await store.addFirstAdministrator(name: "Ada", hash: hash)
    let ended = try await reroot("users", "reset", "Ada", "--data", data)
    #expect(ended.status == 1)
    #expect(ended.complaints.first?.contains("Another Reroot is running on the data folder") == true)
    #expect(try await store.user(name: "Ada")?.passwordHash == hash)
    try store.close()
  }

  @Test("A second factor stays, unless it is to be taken away: nobody is locked out for good by a lost phone")
  func secondFactor() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let store = try Store.open(folder: data)
    let hash = try PasswordHash.make(SecretBytes(utf8: "a forgotten password"))
    let user = try await store.addFirstAdministrator(name: "Ada", hash: hash).id
    let app = try OneTimePassword.generate()
    try await store.offerSecondFactor(user, app)
    _ = try await store.turnOnSecondFactor(user, code: app.code(step: OneTimePassword.step(at: Date())))
    try store.close()
    for (words, isLeft) in [([], true), (["--without-second-factor"], false)] {
      let ended = try await reroot(["users", "reset", "Ada", "--data", data] + words)
      #expect(ended.status == 0, "\(ended)")
      #expect(ended.output.contains("Ada has no second factor any more.") == !isLeft)
      let after = try Store.open(folder: data)
      #expect(try await (after.secondFactor(user) != nil) == isLeft)
      let entries = try await after.auditEntries(limit: 10)
      #expect(entries.contains { $0.event == AuditEvent.secondFactorRemoved.rawValue } == !isLeft)
      try after.close()
    }
  }
}
