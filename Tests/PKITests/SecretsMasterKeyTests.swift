import Foundation
import Testing

@testable import PKI

@Suite("The master key")
struct SecretsMasterKeyTests {
  @Test("opens what it sealed, whatever the length", arguments: [0, 1, 15, 16, 17, 32, 4096, 1 << 20])
  func opensWhatItSealed(count: Int) throws {
    let key = try MasterKey.generate()
    let secret = SecretBytes(try SecureRandom.bytes(count))
    let sealed = try key.seal(secret, context: "root/7/key")
    #expect(sealed.count == count + MasterKey.overhead)
    #expect(sealed.first == 1)
    #expect(try key.open(sealed, context: "root/7/key") == secret)
  }

  @Test("follows the known answer of AES-256-GCM")
  func knownAnswer() throws {
    let key = try MasterKey(bytes: SecretBytes([UInt8](repeating: 0, count: 32)))
    // Test case 14 of the GCM specification: key, nonce and one block of plaintext all zero, no associated data.
    let sealed =
      try [1] + [UInt8](repeating: 0, count: 12)
      + #require(Hexadecimal.bytes("cea7403d4d606b6e074ec5d3baf39d18" + "d0d1c8a799996bf0265b98b5d48ab919"))
    #expect(try key.open(sealed, context: "") == SecretBytes([UInt8](repeating: 0, count: 16)))
  }

  @Test("never seals the same way twice")
  func freshNonces() throws {
    let key = try MasterKey.generate()
    let secret = SecretBytes(utf8: "the same")
    let seals = try Set((0..<200).map { _ in try key.seal(secret, context: "c") })
    #expect(seals.count == 200)
  }

  @Test("does not open for another row, with another key, or after any change of any byte")
  func broken() throws {
    let key = try MasterKey.generate()
    let sealed = try key.seal(SecretBytes(utf8: "secret"), context: "root/7/key")
    func refused(_ bytes: [UInt8], _ key: MasterKey, _ context: String) -> Bool {
      do {
        _ = try key.open(bytes, context: context)
        return false
      } catch let error as PKIError {
        return error.code == "SEAL_BROKEN" && error.sentence.contains("cannot be opened")
          && !error.description.contains("secret\"")
      } catch { return false }
    }
    #expect(refused(sealed, key, "root/8/key"))
    #expect(refused(sealed, key, ""))
    #expect(refused(sealed, try MasterKey.generate(), "root/7/key"))
    for index in sealed.indices {
      var changed = sealed
      changed[index] ^= 1
      #expect(refused(changed, key, "root/7/key"), "byte \(index)")
    }
    for count in 0..<sealed.count {
      #expect(refused(Array(sealed.prefix(count)), key, "root/7/key"), "cut to \(count)")
    }
    #expect(refused(sealed + [0], key, "root/7/key"))
  }

  @Test("has exactly 32 bytes", arguments: [0, 16, 31, 33, 64])
  func length(count: Int) {
    #expect { try MasterKey(bytes: SecretBytes([UInt8](repeating: 7, count: count))) } throws: { error in
      (error as? PKIError)?.code == "MASTER_KEY_INVALID"
    }
  }

  @Test("is never printed")
  func redacted() throws {
    let key = try MasterKey(bytes: SecretBytes([UInt8](repeating: 65, count: 32)))
    var dumped = ""
    dump(key, to: &dumped)
    #expect("\(key)" == "[redacted]")
    #expect(!dumped.contains("65") && !dumped.contains("AAAA"))
  }
}
