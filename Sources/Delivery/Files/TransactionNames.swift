import PKI

/// The names of the files that a replacement keeps beside the files it replaces, until it is done.
///
/// All begin with `.reroot-` and 16 hexadecimal digits that are the replacement's own.
struct TransactionNames: Sendable, Hashable {
  /// The digits.
  let id: String

  /// Names for a new replacement.
  static func fresh() -> TransactionNames {
    var generator = SystemRandomNumberGenerator()
    let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
    return TransactionNames(id: String(repeating: "0", count: 16 - digits.count) + digits)
  }

  /// The new content of file number `index`.
  func new(_ index: Int) -> String { "\(prefix).\(index).new" }
  /// The old content of file number `index`.
  func old(_ index: Int) -> String { "\(prefix).\(index).old" }
  /// The list of what is being replaced. While it exists the replacement is not done, and a crash means: undo.
  var journal: String { "\(prefix).journal" }
  /// Says, in each other folder, where the journal is.
  var pointer: String { "\(prefix).pointer" }
  /// The journal, or a pointer, while it is being written.
  func unfinished(_ name: String) -> String { name + ".tmp" }
  /// What tries whether a folder can be written to.
  var probe: String { "\(prefix).probe" }

  private var prefix: String { ".reroot-\(id)" }

  /// What a name in a folder is to a replacement; nil for a name that is none of its.
  init?(parsing name: String) {
    guard name.hasPrefix(".reroot-") else { return nil }
    let rest = name.dropFirst(8)
    let digits = rest.prefix(16)
    guard digits.utf8.count == 16, digits.utf8.allSatisfy({ Self.isDigit($0) }), rest.dropFirst(16).first == "." else {
      return nil
    }
    let id = String(digits)
    let names = TransactionNames(id: id)
    let parts = rest.dropFirst(17).split(separator: ".", omittingEmptySubsequences: false)
    let fixed = [
      names.journal, names.pointer, names.unfinished(names.journal), names.unfinished(names.pointer), names.probe,
    ]
    let isNumbered = parts.count == 2 && Int(parts[0]) != nil && (parts[1] == "new" || parts[1] == "old")
    guard fixed.contains(name) || isNumbered else { return nil }
    self = names
  }

  private init(id: String) {
    self.id = id
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}
