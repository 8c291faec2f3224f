/// The modules of a QR code under one mask.
struct QRMatrix {
  /// Whether each is dark, row by row.
  private(set) var modules: [Bool]
  /// Whether each belongs to a function pattern, which holds no data and is not masked.
  private var isFunction: [Bool]
  private let size: Int

  init(_ version: QRVersion, _ codewords: [UInt8], mask: Int) {
    size = version.size
    modules = Array(repeating: false, count: size * size)
    isFunction = modules
    drawPatterns(version)
    drawFormat(mask)
    drawVersion(version)
    place(codewords, mask)
  }

  private subscript(_ row: Int, _ column: Int) -> Bool { modules[row * size + column] }

  private mutating func set(_ row: Int, _ column: Int, _ isDark: Bool) {
    guard (0..<size).contains(row), (0..<size).contains(column) else { return }
    modules[row * size + column] = isDark
    isFunction[row * size + column] = true
  }

  // MARK: Function patterns (section 5.3)

  private mutating func drawPatterns(_ version: QRVersion) {
    for index in 0..<size {
      set(6, index, index % 2 == 0)
      set(index, 6, index % 2 == 0)
    }
    // A finder has rings at the distances 1 (dark with its centre), 2 (light), 3 (dark) and its separator at 4.
    for (row, column) in [(3, 3), (3, size - 4), (size - 4, 3)] { ring(row, column, 4) { $0 != 2 && $0 != 4 } }
    let centres = version.alignment
    for row in centres {
      for column in centres where !isFinder(row, column, centres) { ring(row, column, 2) { $0 != 1 } }
    }
  }

  private func isFinder(_ row: Int, _ column: Int, _ centres: [Int]) -> Bool {
    guard let last = centres.last else { return true }
    return (row == 6 && column == 6) || (row == 6 && column == last) || (row == last && column == 6)
  }

  private mutating func ring(_ row: Int, _ column: Int, _ radius: Int, _ isDark: (Int) -> Bool) {
    for down in -radius...radius {
      for right in -radius...radius { set(row + down, column + right, isDark(max(abs(down), abs(right)))) }
    }
  }

  // MARK: Format and version (sections 7.9 and 7.10)

  /// Level M and the mask with their BCH code, twice, and the module that is always dark.
  private mutating func drawFormat(_ mask: Int) {
    let level = 0b00
    let data = level << 3 | mask
    let bits = (data << 10 | Self.remainder(data, degree: 10, 0x537)) ^ 0x5412
    func bit(_ index: Int) -> Bool { bits >> index & 1 == 1 }
    for index in 0..<6 { set(index, 8, bit(index)) }
    set(7, 8, bit(6))
    set(8, 8, bit(7))
    set(8, 7, bit(8))
    for index in 9..<15 { set(8, 14 - index, bit(index)) }
    for index in 0..<8 { set(8, size - 1 - index, bit(index)) }
    for index in 8..<15 { set(size - 15 + index, 8, bit(index)) }
    set(size - 8, 8, true)
  }

  private mutating func drawVersion(_ version: QRVersion) {
    guard version.number >= 7 else { return }
    let bits = version.number << 12 | Self.remainder(version.number, degree: 12, 0x1F25)
    for index in 0..<18 {
      let isDark = bits >> index & 1 == 1
      set(size - 11 + index % 3, index / 3, isDark)
      set(index / 3, size - 11 + index % 3, isDark)
    }
  }

  private static func remainder(_ data: Int, degree: Int, _ generator: Int) -> Int {
    (0..<degree).reduce(data) { rest, _ in rest << 1 ^ (rest >> (degree - 1) & 1) * generator }
  }

  // MARK: Data (sections 7.7.3 and 7.8.2)

  /// In pairs of columns from the right, upwards and downwards in turns, past the vertical timing pattern.
  private mutating func place(_ codewords: [UInt8], _ mask: Int) {
    var index = 0
    var isUpwards = true
    var right = size - 1
    while right > 0 {
      if right == 6 { right = 5 }
      for step in 0..<size {
        let row = isUpwards ? size - 1 - step : step
        for column in [right, right - 1] where !isFunction[row * size + column] {
          let isDark = index < codewords.count * 8 && codewords[index / 8] >> UInt8(7 - index % 8) & 1 == 1
          modules[row * size + column] = isDark != Self.isInverted(row, column, mask)
          index += 1
        }
      }
      isUpwards.toggle()
      right -= 2
    }
  }

  /// Table 10.
  private static func isInverted(_ row: Int, _ column: Int, _ mask: Int) -> Bool {
    switch mask {
    case 0: (row + column) % 2 == 0
    case 1: row % 2 == 0
    case 2: column % 3 == 0
    case 3: (row + column) % 3 == 0
    case 4: (row / 2 + column / 3) % 2 == 0
    case 5: row * column % 2 + row * column % 3 == 0
    case 6: (row * column % 2 + row * column % 3) % 2 == 0
    default: ((row + column) % 2 + row * column % 3) % 2 == 0
    }
  }

  // MARK: How hard it is to read (section 7.8.3)

  /// The lower, the better.
  var penalty: Int {
    let lines = (0..<size).flatMap { index in
      [
        Array(modules[index * size..<(index + 1) * size]),
        stride(from: index, to: size * size, by: size).map { modules[$0] },
      ]
    }
    let dark = modules.count { $0 }
    let imbalance = abs(dark * 20 - modules.count * 10) / modules.count
    return lines.reduce(0) { $0 + Self.runs($1) + Self.lookalikes($1) } + blocks + imbalance * 10
  }

  /// Five and more of a colour in a line.
  private static func runs(_ line: [Bool]) -> Int {
    [true, false].reduce(0) { penalty, colour in
      let runs = line.split { $0 != colour }
      return penalty + runs.reduce(0) { $0 + ($1.count >= 5 ? $1.count - 2 : 0) }
    }
  }

  /// What looks like a finder: dark 1:1:3:1:1 with four light modules at one of its sides.
  private static func lookalikes(_ line: [Bool]) -> Int {
    guard line.count >= 11 else { return 0 }
    return (0...line.count - 11).count { start in
      let piece = line[start..<start + 11]
      return piece.elementsEqual(finder) || piece.elementsEqual(finder.reversed())
    } * 40
  }

  private static let finder = [true, false, true, true, true, false, true, false, false, false, false]

  /// Squares of two by two of a colour.
  private var blocks: Int {
    var penalty = 0
    for row in 0..<size - 1 {
      for column in 0..<size - 1 {
        let colour = self[row, column]
        if self[row, column + 1] == colour, self[row + 1, column] == colour, self[row + 1, column + 1] == colour {
          penalty += 3
        }
      }
    }
    return penalty
  }
}
