import Foundation
import Testing

@testable import PKI

@Suite("Reading a private key") struct PrivateKeyReadingTests {
  private static let algorithms: [KeyAlgorithm] = [.ecdsaP256, .rsa2048, .ed25519, .ecdsaP384]

  @Test("Keys of all kinds, one after the other and at the same time, are read as what they are")
  func kinds() async throws {
    let keys = try Self.algorithms.map { try PrivateKey.generate($0) }
    let texts = try keys.map { try $0.pkcs8PEM() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for round in 0..<40 {
        let (key, text) = (keys[round % keys.count], texts[round % keys.count])
        group.addTask {
          let read = try PrivateKey(pem: text)
          #expect(read.publicKeyFingerprint == key.publicKeyFingerprint)
          #expect(read.keyDescription == key.keyDescription)
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("After what cannot be read comes what can")
  func damaged() throws {
    let text = try PrivateKey.generate(.ecdsaP256).pkcs8PEM().withBytes { String(decoding: $0, as: UTF8.self) }
    let lines = text.split(separator: "\n").map(String.init)
    let body = lines.dropFirst().dropLast()
    let other = try PrivateKey.generate(.ed25519).pkcs8PEM().withBytes { String(decoding: $0, as: UTF8.self) }
    for damaged in [
      "-----BEGIN PRIVATE KEY-----\n", lines.dropLast().joined(separator: "\n"),
      ([lines[0]] + body.reversed() + [lines.last ?? ""]).joined(separator: "\n"),
      "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n" + body.joined(separator: "\n")
        + "\n-----END PRIVATE KEY-----\n",
    ] {
      #expect(throws: PKIError.self) { try PrivateKey(pem: SecretBytes(utf8: damaged)) }
      _ = try PrivateKey(pem: SecretBytes(utf8: text))
    }
    // What comes first counts, whatever stands before it or behind.
    let read = try PrivateKey(pem: SecretBytes(utf8: text + other))
    #expect(read.keyDescription == "ECDSA P-256")
    #expect(try PrivateKey(pem: SecretBytes(utf8: "a comment\n" + other + text)).keyDescription == "Ed25519")
  }
}
