/// What an uploaded file may cost, checked before anything is derived from a password.
enum PFXLimits {
  static let maximumBytes = 1 << 20
  static let maximumIterations = 1_000_000
  /// One MAC, one layer of certificates and one key, each at the limit.
  static let maximumTotalIterations = 3 * maximumIterations
  /// OpenSSL's own bound on scrypt's memory (32 MiB), well under what one import may take.
  static let maximumScryptBytes = 32 << 20
  static let maximumKeys = 200
  static let maximumCertificates = 200
  /// Encrypted or plain parts, and bags of bags inside them.
  static let maximumSafes = 200
  static let maximumBags = 2000
  static let maximumNesting = 8

  static func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
      if index > 0, index.isMultiple(of: 3), digit != "-" { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }
}

/// Adds up the iterations that opening a file would take.
struct PFXWork {
  private(set) var total = 0

  /// Counts one derivation, and refuses it when it alone or all together are too much.
  mutating func add(_ derivation: PFXDerivation, for part: String) throws(PFXRefusal) {
    let count = derivation.iterations
    guard count > 0 else {
      throw PFXRefusal.malformed("\(part) asks for \(count) iterations, and there has to be at least one")
    }
    guard count <= PFXLimits.maximumIterations else {
      throw tooHigh(
        "\(part) asks for \(PFXLimits.grouped(count)) iterations of \(derivation.name); the limit is "
          + "\(PFXLimits.grouped(PFXLimits.maximumIterations))")
    }
    if case .scrypt(_, let n, let r, let p) = derivation { try checkScrypt(n: n, r: r, p: p, part: part) }
    total += count
    guard total <= PFXLimits.maximumTotalIterations else {
      throw tooHigh(
        "its parts ask for more than \(PFXLimits.grouped(PFXLimits.maximumTotalIterations)) iterations together")
    }
  }

  private func checkScrypt(n: Int, r: Int, p: Int, part: String) throws(PFXRefusal) {
    guard n > 1, n & (n - 1) == 0, r > 0, p > 0 else {
      throw PFXRefusal.malformed("\(part) has scrypt parameters that are impossible")
    }
    // RFC 7914 section 2: V takes 128·N·r bytes, B 128·r·p. The product N·r·p was bounded before, so neither overflows.
    guard 128 * n * r + 128 * r * p <= PFXLimits.maximumScryptBytes else {
      throw tooHigh("\(part) asks scrypt for more than \(PFXLimits.maximumScryptBytes >> 20) MiB of memory")
    }
  }

  private func tooHigh(_ reason: String) -> PFXRefusal {
    PFXRefusal(
      .iterationsTooHigh,
      "Opening this file would take too long: \(reason). Export it again with fewer, for example with "
        + "`openssl pkcs12 -export -iter 100000`.")
  }
}
