/// Host names and addresses as text, checked without asking any library or network.
enum NetworkName {
  /// What is wrong with a subject alternative name; nil when nothing is.
  static func problem(_ name: SubjectName) -> String? {
    switch name {
    case .dns(let text): hostProblem(text, wildcard: true)
    case .ip(let text): isAddress(text) ? nil : "“\(FieldText.shown(text))” is not an IP address."
    }
  }

  /// What is wrong with a host that is connected to: a name or an address.
  static func hostProblem(_ text: String, wildcard: Bool = false) -> String? {
    let shown = FieldText.shown(text)
    guard !text.isEmpty else { return "Give a host name or an IP address." }
    guard text.utf8.count <= 253 else { return "“\(shown)” is longer than 253 characters." }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    for (index, label) in labels.enumerated() {
      if wildcard, index == 0, label == "*" {
        guard labels.count > 2 else { return "“\(shown)” would stand for every name; two parts must follow the “*”." }
        continue
      }
      guard !label.isEmpty else { return "“\(shown)” has an empty part between its dots." }
      guard label.utf8.count <= 63 else { return "A part of “\(shown)” is longer than 63 characters." }
      guard label.utf8.allSatisfy(isLabelByte), label.first != "-", label.last != "-" else {
        return
          "“\(shown)” is not a host name: use letters, digits, hyphens and dots; write an international name in its "
          + "xn-- form."
      }
    }
    if let last = labels.last, last.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      return "“\(shown)” looks like an IP address with a mistake in it."
    }
    return nil
  }

  /// Whether the text is an IPv4 address of four numbers, or an IPv6 address (RFC 4291, section 2.2).
  static func isAddress(_ text: String) -> Bool {
    text.contains(":") ? isVersion6(text) : isVersion4(text)
  }

  /// Whether two texts are the same IPv6 address, written in different ways.
  static func isSameAddress(_ left: String, _ right: String) -> Bool {
    guard isVersion6(left), isVersion6(right) else { return false }
    return groups(left) == groups(right)
  }

  /// The eight groups of an IPv6 address in hexadecimal digits (RFC 4291, section 2.2); nil for the form that ends like an
  /// IPv4 address.
  private static func groups(_ text: String) -> [UInt16]? {
    guard !text.contains(".") else { return nil }
    let halves = text.components(separatedByPair: "::").map { half in
      half.split(separator: ":").compactMap { UInt16($0, radix: 16) }
    }
    guard halves.count == 2 else { return halves.first }
    return halves[0] + [UInt16](repeating: 0, count: max(0, 8 - halves[0].count - halves[1].count)) + halves[1]
  }

  private static func isLabelByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
    default: false
    }
  }

  private static func isVersion4(_ text: some StringProtocol) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        // A leading zero would be read as octal by some programs.
        (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
          && (part.count == 1 || part.first != "0") && (UInt16(part) ?? 256) < 256
      }
  }

  private static func isVersion6(_ text: String) -> Bool {
    let halves = text.components(separatedByPair: "::")
    guard halves.count <= 2 else { return false }
    var groups = 0
    for (index, half) in halves.enumerated() where !half.isEmpty {
      let parts = half.split(separator: ":", omittingEmptySubsequences: false)
      for (position, part) in parts.enumerated() {
        if part.contains(".") {
          guard index == halves.count - 1, position == parts.count - 1, isVersion4(part) else { return false }
          groups += 2
        } else {
          guard (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit), part.utf8.allSatisfy({ $0 < 0x80 })
          else { return false }
          groups += 1
        }
      }
    }
    return halves.count == 2 ? groups <= 7 : groups == 8
  }
}

extension String {
  /// The pieces between occurrences of a pair of characters, without Foundation.
  fileprivate func components(separatedByPair pair: String) -> [String] {
    var pieces: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: pair) {
      pieces.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return pieces + [String(rest)]
  }
}

extension SubjectName {
  /// An address where the text is one, otherwise a host name in lower case; checked by ``Component/problems()``.
  public init(text: String) {
    self = NetworkName.isAddress(text) ? .ip(text.lowercased()) : .dns(text.lowercased())
  }
}

extension SubjectName {
  /// Whether a certificate with this name is one for a host (RFC 9525, section 6.3: a wildcard stands for one label).
  public func covers(_ host: String) -> Bool {
    let wanted = host.lowercased()
    switch self {
    case .ip(let address): return address == wanted || NetworkName.isSameAddress(address, wanted)
    case .dns(let name):
      if name == wanted { return true }
      guard name.hasPrefix("*."), let dot = wanted.firstIndex(of: ".") else { return false }
      return wanted[dot...] == name.dropFirst(1)
    }
  }
}

extension Endpoint {
  /// What is wrong with the endpoint, by the fields `host`, `addresses`, `port` and `server_name`.
  public func problems() -> [FieldProblem] {
    var found = addressProblems
    if host.isEmpty, addresses?.isEmpty == false {
      // The addresses stand for themselves.
    } else if !NetworkName.isAddress(host), let sentence = NetworkName.hostProblem(host) {
      found.append(FieldProblem(field: "host", sentence: sentence))
    }
    if port == 0 { found.append(FieldProblem(field: "port", sentence: "Give a port from 1 to 65535.")) }
    if let serverName, !NetworkName.isAddress(serverName), let sentence = NetworkName.hostProblem(serverName) {
      found.append(FieldProblem(field: "server_name", sentence: sentence))
    }
    return found
  }

  private var addressProblems: [FieldProblem] {
    let given = addresses ?? []
    if given.count > Component.Limits.addresses.upperBound {
      return [FieldProblem(field: "addresses", sentence: "Give at most 32 addresses.")]
    }
    for (index, address) in given.enumerated() {
      if !NetworkName.isAddress(address) {
        let sentence = "“\(FieldText.shown(address))” is not an IP address; a name belongs into the host."
        return [FieldProblem(field: "addresses", sentence: sentence)]
      }
      if given.prefix(index).contains(where: { $0 == address || NetworkName.isSameAddress($0, address) }) {
        return [FieldProblem(field: "addresses", sentence: "The address \(address) is given twice.")]
      }
    }
    return []
  }
}

/// What may stand in a field, and how it is shown in a sentence.
enum FieldText {
  static func isOneLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { !isControl($0) && !isInvisible($0) }
  }

  static func isText(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { !isControl($0) || $0 == "\n" || $0 == "\r" || $0 == "\t" }
  }

  /// At most 60 characters, without control characters.
  static func shown(_ text: String) -> String {
    let shown = text.unicodeScalars.filter { !isControl($0) && !isInvisible($0) }
    let visible = String(String.UnicodeScalarView(shown.prefix(61)))
    return visible.count > 60 ? visible.prefix(60) + "…" : visible
  }

  /// Fillers, joiners and the like (`Default_Ignorable_Code_Point`), with which two names could look the same, and what
  /// has no shape that everybody knows. The selector of a picture's coloured form is none of them.
  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    guard scalar.value > 0x7F, scalar.value != 0xFE0F else { return false }
    switch scalar.properties.generalCategory {
    case .privateUse, .unassigned: return true
    default: return scalar.properties.isDefaultIgnorableCodePoint || scalar.value == 0x2800
    }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
    default: false
    }
  }
}
