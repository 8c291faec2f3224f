/// Base32 (RFC 4648, section 6), in capitals and without padding: how authenticator apps take a secret.
public enum Base32 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  /// Eight characters for every five bytes, begun ones included.
  public static func text(_ bytes: some Sequence<UInt8>) -> String {
    text(bytes, alphabet: alphabet)
  }

  /// The same with another alphabet of 32 characters.
  static func text(_ bytes: some Sequence<UInt8>, alphabet: [UInt8]) -> String {
    var out: [UInt8] = []
    var (pending, bits): (UInt32, UInt32) = (0, 0)
    for byte in bytes {
      pending = (pending << 8 | UInt32(byte)) & 0xFFFF
      bits += 8
      while bits >= 5 {
        bits -= 5
        out.append(alphabet[Int(pending >> bits & 31)])
      }
    }
    if bits > 0 { out.append(alphabet[Int(pending << (5 - bits) & 31)]) }
    return String(decoding: out, as: UTF8.self)
  }
}
