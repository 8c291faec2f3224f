/// The codewords of a QR code: the text, filled up, divided into blocks, each with its error correction, and interleaved.
enum QRCodewords {
  static func all(_ bytes: [UInt8], _ version: QRVersion) -> [UInt8] {
    let blocks = divided(data(bytes, version), version)
    let generator = generator(version.correction)
    let corrections = blocks.map { remainder($0, generator) }
    return interleaved(blocks) + interleaved(corrections)
  }

  /// Mode, count and bytes, a terminator, and the two pad codewords in turns (sections 7.4.5, 7.4.9 and 7.4.10).
  private static func data(_ bytes: [UInt8], _ version: QRVersion) -> [UInt8] {
    var bits: [Bool] = []
    func append(_ value: Int, _ count: Int) {
      for bit in (0..<count).reversed() { bits.append(value >> bit & 1 == 1) }
    }
    append(0b0100, 4)
    append(bytes.count, version.countBits)
    for byte in bytes { append(Int(byte), 8) }
    append(0, min(4, version.data * 8 - bits.count))
    append(0, (8 - bits.count % 8) % 8)
    var result = stride(from: 0, to: bits.count, by: 8).map { start in
      bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
    }
    var pad: UInt8 = 0xEC
    while result.count < version.data {
      result.append(pad)
      pad ^= 0xEC ^ 0x11
    }
    return result
  }

  /// The first blocks are one codeword shorter where the data does not divide evenly (section 7.5.1).
  private static func divided(_ data: [UInt8], _ version: QRVersion) -> [[UInt8]] {
    let (short, longer) = data.count.quotientAndRemainder(dividingBy: version.blocks)
    var rest = data[...]
    return (0..<version.blocks).map { index in
      let count = short + (index >= version.blocks - longer ? 1 : 0)
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
  }

  /// The first codeword of each block, then the second of each, … (section 7.6).
  private static func interleaved(_ blocks: [[UInt8]]) -> [UInt8] {
    let longest = blocks.map(\.count).max() ?? 0
    return (0..<longest).flatMap { index in blocks.compactMap { index < $0.count ? $0[index] : nil } }
  }

  // MARK: Reed–Solomon over GF(256) with the polynomial 0x11D (section 7.5.2)

  private static func product(_ one: UInt8, _ other: UInt8) -> UInt8 {
    var result = 0
    for bit in (0..<8).reversed() {
      result <<= 1
      if result & 0x100 != 0 { result ^= 0x11D }
      if other >> UInt8(bit) & 1 == 1 { result ^= Int(one) }
    }
    return UInt8(truncatingIfNeeded: result)
  }

  /// (x − 1)(x − 2)(x − 4)… of this degree, without its leading 1, the highest power first.
  private static func generator(_ degree: Int) -> [UInt8] {
    var coefficients = [UInt8](repeating: 0, count: degree - 1) + [1]
    var root: UInt8 = 1
    for _ in 0..<degree {
      for index in 0..<degree {
        coefficients[index] = product(coefficients[index], root) ^ (index + 1 < degree ? coefficients[index + 1] : 0)
      }
      root = product(root, 2)
    }
    return coefficients
  }

  private static func remainder(_ data: [UInt8], _ generator: [UInt8]) -> [UInt8] {
    var rest = [UInt8](repeating: 0, count: generator.count)
    for byte in data {
      let factor = byte ^ rest[0]
      rest.removeFirst()
      rest.append(0)
      for index in generator.indices { rest[index] ^= product(generator[index], factor) }
    }
    return rest
  }
}
