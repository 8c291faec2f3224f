/// How much work a password hash costs: scrypt's N (as a power of two), r and p (RFC 7914).
public struct ScryptParameters: Sendable, Hashable {
  /// N is two to this power.
  public let logarithmOfN: Int
  /// The block size r.
  public let blockSize: Int
  /// The parallelisation p: how often the whole is done.
  public let parallelisation: Int

  /// What new hashes use: N = 2¹⁵, r = 8, p = 1, which takes 32 MiB and about 0.1 s of one core.
  public static let current = ScryptParameters(trusted: 15, 8, 1)

  /// The bytes of memory that one derivation needs (RFC 7914 section 6: 128·r·N, and 128·r·p besides).
  public var memory: Int { 128 * blockSize * ((1 << logarithmOfN) + parallelisation) }

  /// Throws `PASSWORD_HASH_INVALID` beyond what a sign-in may cost: N from 2¹⁰ to 2¹⁶, r from 1 to 16, p from 1 to 4, and
  /// not more than 64 MiB.
  public init(logarithmOfN: Int, blockSize: Int, parallelisation: Int) throws {
    guard (10...16).contains(logarithmOfN), (1...16).contains(blockSize), (1...4).contains(parallelisation),
      128 * blockSize << logarithmOfN <= 64 << 20
    else {
      throw PKIError(
        code: "PASSWORD_HASH_INVALID",
        sentence: "The stored password asks for more work than a sign-in may cost. Set the password again.")
    }
    self.init(trusted: logarithmOfN, blockSize, parallelisation)
  }

  private init(trusted logarithmOfN: Int, _ blockSize: Int, _ parallelisation: Int) {
    self.logarithmOfN = logarithmOfN
    self.blockSize = blockSize
    self.parallelisation = parallelisation
  }
}
