import Testing

@testable import Console

/// That a real reader reads the codes is for the browser's tests; these hold every version against the standard's sums.
@Suite("QR codes") struct QRCodeTests {
  /// GF(256) by tables, apart from the code under test.
  private static let powers: [Int] = (0..<255).reduce(into: [1]) { list, _ in
    let next = (list.last ?? 1) << 1
    list.append(next > 255 ? next ^ 0x11D : next)
  }

  private static func product(_ one: Int, _ other: Int) -> Int {
    guard one != 0, other != 0 else { return 0 }
    let logarithm = { (value: Int) in powers.prefix(255).firstIndex(of: value) ?? 0 }
    return powers[(logarithm(one) + logarithm(other)) % 255]
  }

  @Test("Every block of every version is a multiple of its generator: no syndrome is left", arguments: 1...40)
  func correction(_ number: Int) throws {
    let version = QRVersion(number: number)
    let longest = (8 * version.data - 4 - version.countBits) / 8
    let text = [UInt8]((0..<longest).map { UInt8(truncatingIfNeeded: $0 * 7 + 13) })
    let all = QRCodewords.all(text, version)
    #expect(all.count == version.codewords)
    // Apart again: the data in turns, the longer blocks last, then the correction in turns.
    let short = version.data / version.blocks
    let firstLonger = version.blocks - version.data % version.blocks
    var blocks = [[UInt8]](repeating: [], count: version.blocks)
    var index = 0
    for column in 0...short {
      for block in 0..<version.blocks where column < short || block >= firstLonger {
        blocks[block].append(all[index])
        index += 1
      }
    }
    for _ in 0..<version.correction {
      for block in 0..<version.blocks {
        blocks[block].append(all[index])
        index += 1
      }
    }
    #expect(index == all.count)
    for block in [blocks.first, blocks.last].compactMap({ $0 }) {
      for root in [0, 1, version.correction - 1] {
        let sum = block.reduce(0) { Self.product($0, Self.powers[root]) ^ Int($1) }
        #expect(sum == 0)
      }
    }
  }

  @Test("The function patterns leave a module for every bit of the codewords", arguments: 1...40)
  func patterns(_ number: Int) {
    let version = QRVersion(number: number)
    // Drawn with no bit set and with every bit set, exactly the modules of the codewords differ.
    let zeros = QRMatrix(version, Array(repeating: 0, count: version.codewords), mask: 1)
    let ones = QRMatrix(version, Array(repeating: 255, count: version.codewords), mask: 1)
    #expect(zip(zeros.modules, ones.modules).count { $0 != $1 } == version.codewords * 8)
    #expect(version.alignment.first ?? 6 == 6)
    #expect(version.alignment.last.map { $0 == version.size - 7 } ?? (number == 1))
  }

  @Test("The smallest version is taken, and more than the largest holds is refused")
  func sizes() throws {
    for (count, size) in [
      (1, 21), (14, 21), (15, 25), (26, 25), (180, 53), (181, 57), (213, 57), (214, 61), (2331, 177),
    ] {
      #expect(QRCode(String(repeating: "a", count: count))?.size == size, "\(count)")
    }
    #expect(QRCode(String(repeating: "a", count: 2332)) == nil)
  }

  @Test("The three finders, the timing patterns and the dark module stand where they belong")
  func frame() throws {
    let code = try #require(QRCode("otpauth://totp/Reroot:ada?secret=GEZDGNBVGY3TQOJQ"))
    let finder = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]
    for (top, left) in [(0, 0), (0, code.size - 7), (code.size - 7, 0)] {
      for (row, line) in finder.enumerated() {
        for (column, module) in line.enumerated() { #expect(code[top + row, left + column] == (module == "1")) }
      }
    }
    for index in 8..<code.size - 8 {
      #expect(code[6, index] == (index % 2 == 0))
      #expect(code[index, 6] == (index % 2 == 0))
    }
    #expect(code[code.size - 8, 8])
    #expect(code.path.hasPrefix("M4 4h7v1h-7z"))
  }
}
