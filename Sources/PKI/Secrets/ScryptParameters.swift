import COpenSSL

/// How much work it costs to derive something from a password: scrypt's N (as a power of two), r and p (RFC 7914).
public struct ScryptParameters: Sendable, Hashable {
  /// N is two to this power.
  public let logarithmOfN: Int
  /// The block size r.
  public let blockSize: Int
  /// The parallelisation p: how often the whole is done.
  public let parallelisation: Int

  /// What new hashes use: N = 2¹⁵, r = 8, p = 1, which takes 32 MiB and about 0.1 s of one core.
  public static let current = ScryptParameters(trusted: 15, 8, 1)

  /// What backups and master keys use: N = 2¹⁷, r = 8, p = 1, which takes 128 MiB and about half a second of one core: who
  /// has the file can try passphrases for as long as it pleases.
  static let passphrase = ScryptParameters(trusted: 17, 8, 1)

  /// The bytes of memory that one derivation needs (RFC 7914 section 6: 128·r·N, and 128·r·p besides).
  public var memory: Int { 128 * blockSize * ((1 << logarithmOfN) + parallelisation) }

  /// What the time of one derivation is in proportion to (RFC 7914 section 6: N·r·p).
  var work: Int { blockSize * parallelisation * (1 << logarithmOfN) }

  /// What may be asked for by parameters that were read from somewhere.
  struct Limits {
    let logarithmOfN: ClosedRange<Int>
    let blockSize: ClosedRange<Int>
    /// MiB at most, not counting what the parallelisation adds.
    let mebibytes: Int

    /// What a sign-in may cost.
    static let password = Limits(logarithmOfN: 10...16, blockSize: 1...16, mebibytes: 64)
    /// What reading a backup may cost.
    static let backup = Limits(logarithmOfN: 10...18, blockSize: 1...16, mebibytes: 256)
    /// What a start may cost, and the least that a master key is worth.
    static let masterKey = Limits(logarithmOfN: 14...20, blockSize: 8...16, mebibytes: 1024)
  }

  /// Nil beyond the limits, and for a parallelisation that is not between 1 and 4.
  init?(_ logarithmOfN: Int, _ blockSize: Int, _ parallelisation: Int, within limits: Limits) {
    guard limits.logarithmOfN.contains(logarithmOfN), limits.blockSize.contains(blockSize),
      (1...4).contains(parallelisation), 128 * blockSize << logarithmOfN <= limits.mebibytes << 20
    else { return nil }
    self.init(trusted: logarithmOfN, blockSize, parallelisation)
  }

  /// Throws `PASSWORD_HASH_INVALID` beyond what a sign-in may cost: N from 2¹⁰ to 2¹⁶, r from 1 to 16, p from 1 to 4, and
  /// not more than 64 MiB.
  public init(logarithmOfN: Int, blockSize: Int, parallelisation: Int) throws {
    guard let found = ScryptParameters(logarithmOfN, blockSize, parallelisation, within: .password) else {
      throw PKIError(
        code: "PASSWORD_HASH_INVALID",
        sentence: "The stored password asks for more work than a sign-in may cost. Set the password again.")
    }
    self = found
  }

  private init(trusted logarithmOfN: Int, _ blockSize: Int, _ parallelisation: Int) {
    self.logarithmOfN = logarithmOfN
    self.blockSize = blockSize
    self.parallelisation = parallelisation
  }

  /// Derives so many bytes. Blocking. Throws an error of the given code and sentence, mostly for want of memory.
  func derive(
    _ count: Int, from password: SecretBytes, salt: [UInt8], orThrow code: String, _ sentence: String
  ) throws -> SecretBytes {
    // EVP_PBE_scrypt refuses when more than this many bytes would be needed; its default is 32 MiB.
    let limit = UInt64(memory) + 1 << 20
    return try SecretBytes(count: count) { buffer in
      _ = try OpenSSLErrors.require(code, sentence) {
        password.withBytes { password in
          EVP_PBE_scrypt(
            password.assumingMemoryBound(to: CChar.self).baseAddress, password.count, salt, salt.count,
            UInt64(1) << logarithmOfN, UInt64(blockSize), UInt64(parallelisation), limit,
            buffer.assumingMemoryBound(to: UInt8.self).baseAddress, buffer.count) == 1 ? true : nil
        }
      }
    }
  }
}
