/// A QR code of a text (ISO/IEC 18004:2015): byte mode, error correction level M, the smallest version that holds it.
struct QRCode {
  /// Modules on a side.
  let size: Int
  /// Whether a module is dark, row by row.
  private let modules: [Bool]

  /// The light frame that readers need (section 5.3.8).
  private static let quietZone = 4

  /// Nil when the text is too long: more than 2,331 bytes.
  init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard let version = QRVersion.smallest(for: bytes.count) else { return nil }
    let codewords = QRCodewords.all(bytes, version)
    var best: (penalty: Int, matrix: QRMatrix)?
    for mask in 0..<8 {
      let matrix = QRMatrix(version, codewords, mask: mask)
      let penalty = matrix.penalty
      if penalty < best?.penalty ?? .max { best = (penalty, matrix) }
    }
    guard let matrix = best?.matrix else { return nil }
    size = version.size
    modules = matrix.modules
  }

  /// Modules on a side with the quiet zone.
  var drawnSize: Int { size + 2 * Self.quietZone }

  /// The dark modules as the data of an SVG path, one rectangle for each run in a row, the quiet zone around them.
  var path: String {
    var path = ""
    for row in 0..<size {
      var column = 0
      while column < size {
        guard self[row, column] else {
          column += 1
          continue
        }
        let start = column
        while column < size, self[row, column] { column += 1 }
        path += "M\(start + Self.quietZone) \(row + Self.quietZone)h\(column - start)v1h-\(column - start)z"
      }
    }
    return path
  }

  /// Whether a module is dark.
  subscript(_ row: Int, _ column: Int) -> Bool { modules[row * size + column] }
}

/// One of the forty sizes at level M, and how its codewords are divided (tables 1 and 9).
struct QRVersion {
  let number: Int

  /// Modules on a side.
  var size: Int { 17 + 4 * number }
  /// Codewords for error correction in each block.
  var correction: Int { Self.corrections[number - 1] }
  /// The blocks that the codewords are divided into.
  var blocks: Int { Self.blockCounts[number - 1] }
  /// All codewords: the modules that are left by the function patterns, in eights.
  var codewords: Int {
    var free = (16 * number + 128) * number + 64
    if number >= 2 {
      let perSide = number / 7 + 2
      free -= (25 * perSide - 10) * perSide - 55
      if number >= 7 { free -= 36 }
    }
    return free / 8
  }
  /// Codewords that hold data.
  var data: Int { codewords - correction * blocks }
  /// The bits of the number of bytes (table 3).
  var countBits: Int { number < 10 ? 8 : 16 }

  /// Where the centres of the alignment patterns are, in both directions (annex E).
  var alignment: [Int] {
    guard number >= 2 else { return [] }
    let count = number / 7 + 2
    let step = (number * 8 + count * 3 + 5) / (count * 4 - 4) * 2
    return [6] + (0..<count - 1).reversed().map { size - 7 - $0 * step }
  }

  static func smallest(for bytes: Int) -> QRVersion? {
    (1...40).lazy.map(QRVersion.init).first { 4 + $0.countBits + 8 * bytes <= 8 * $0.data }
  }

  private static let corrections = [
    10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  ]
  private static let blockCounts = [
    1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33,
    35,
    37, 38, 40, 43, 45, 47, 49,
  ]
}
