import Foundation
import Testing

@testable import Rotation

@Suite("The files of a component")
struct FileLayoutTests {
  private func problems(_ files: FileLayout) -> [String] { files.problems().map(\.field) }

  @Test("may be PEM files, or stores with the file of their password, or one of each kind")
  func good() {
    let good = [
      FileLayout(certificateChain: "/c", key: "/k"), FileLayout(combined: "/a", trustBundle: "/t"),
      FileLayout(keyStore: "/k", storePasswordFile: "/p"),
      FileLayout(keyStore: "/k", trustStore: "/t", storePasswordFile: "/p"),
      FileLayout(certificateChain: "/c", key: "/k", trustStore: "/t", storePasswordFile: "/p"),
      FileLayout(trustBundle: "/t", keyStore: "/k", storePasswordFile: "/p"),
    ]
    for files in good { #expect(files.problems() == [], "\(files)") }
  }

  @Test("are refused where a store lacks its password, or two files have one purpose, or one file two")
  func bad() {
    #expect(problems(FileLayout(keyStore: "/k")) == ["files.store_password_file"])
    #expect(
      problems(FileLayout(certificateChain: "/c", key: "/k", trustStore: "/t")) == ["files.store_password_file"])
    #expect(problems(FileLayout(combined: "/a", keyStore: "/k", storePasswordFile: "/p")) == ["files.key_store"])
    #expect(problems(FileLayout(key: "/c", keyStore: "/k", storePasswordFile: "/p")) == ["files.key_store"])
    #expect(
      problems(FileLayout(trustBundle: "/t", keyStore: "/k", trustStore: "/u", storePasswordFile: "/p"))
        == ["files.trust_store"])
    #expect(
      problems(FileLayout(keyStore: "/k", trustStore: "/k", storePasswordFile: "/p")) == ["files.trust_store"])
    #expect(problems(FileLayout(keyStore: "/k", storePasswordFile: "/k")) == ["files.store_password_file"])
    #expect(problems(FileLayout(keyStore: "/k", storePasswordFile: "p")) == ["files.store_password_file"])
    #expect(
      problems(FileLayout(certificateChain: "/c", key: "/k", storePasswordFile: "/p")) == ["files.store_password_file"])
    #expect(problems(FileLayout(trustStore: "/t", storePasswordFile: "/p")) == ["files.certificate", "files.key"])
  }

  @Test("are trusted roots or the component's own, secret or not; the password file is none of those that are replaced")
  func roles() {
    let files = FileLayout(keyStore: "/k", trustStore: "/t", storePasswordFile: "/p", mode: 0o640, keyMode: 0o400)
    #expect(files.paths.map(\.path) == ["/k", "/t"] && files.identityPaths.map(\.path) == ["/k"])
    #expect(files.trustFile == "/t" && FileLayout(trustBundle: "/b").trustFile == "/b")
    #expect(FileLayout(certificateChain: "/c", key: "/k").trustFile == nil)
    #expect(files.mode(of: .keyStore) == 0o400 && files.mode(of: .trustStore) == 0o640)
    #expect(FileLayout.Role.identity == [.certificateChain, .key, .combined, .keyStore])
    #expect(FileLayout.Role.trust == [.trustBundle, .trustStore])
  }

  @Test("keep a key that is made on the target in a file of its own")
  func keptKey() {
    let far = SSHTarget(
      host: "far.example", user: "reroot", identityFile: "/id",
      hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHbnEFO+gqJKYpeAugrdHywFv5MyC7Ayhx1kX6CATMf4")
    func problems(_ files: FileLayout, at target: Target = .local) -> [String] {
      Component(
        id: .init(rawValue: 1), name: "a", names: [.dns("a.example")], keyMade: .onTarget, target: target, files: files
      ).problems().map(\.field)
    }
    #expect(problems(FileLayout(certificateChain: "/c", key: "/k"), at: .ssh(far)) == [])
    #expect(problems(FileLayout(combined: "/a"), at: .ssh(far)) == ["key.made"])
    #expect(problems(FileLayout(certificateChain: "/c", key: "/k", trustBundle: "/t")) == [])
    #expect(problems(FileLayout(combined: "/a")) == ["key.made"])
    #expect(problems(FileLayout(keyStore: "/k", storePasswordFile: "/p")) == ["key.made"])
  }

  @Test("and the whole component of a database of before are read as they were")
  func olderText() throws {
    let text = """
      {"id":7,"name":"a","description":"","stage":1,"names":[{"dns":{"_0":"a.example"}}],"usage":"server",
       "key":"rsa-2048","target":"local","files":{"certificateChain":"/c","key":"/k","trustBundle":"/t",
       "mode":{"bits":420},"keyMode":{"bits":384}},"activation":{"method":{"none":{}},"timeLimit":30},"endpoints":[],
       "verificationTimeLimit":30}
      """
    let component = try JSONDecoder().decode(Component.self, from: Data(text.utf8))
    #expect(
      component
        == Component(
          id: .init(rawValue: 7), name: "a", names: [.dns("a.example")], key: .rsa2048,
          files: FileLayout(certificateChain: "/c", key: "/k", trustBundle: "/t")))
    #expect(!component.keepsKey)
  }
}
