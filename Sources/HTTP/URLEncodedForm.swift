/// `application/x-www-form-urlencoded` (URL Standard, section 5.1), read strictly: a broken escape, a NUL or bytes
/// that are not UTF-8 refuse the whole form instead of being replaced by something that was not sent.
enum URLEncodedForm {
  /// - Parameter place: "query" or "form", for the sentence.
  static func parse(_ bytes: some Collection<UInt8>, limits: FormLimits, place: String) throws(RequestProblem) -> Form {
    var fields: [(String, String)] = []
    for pair in bytes.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true) {
      guard fields.count < limits.parts else {
        throw .tooLarge("The \(place) has more than \(limits.parts) fields.")
      }
      let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      let name = try decode(pair[..<equals], place: place)
      guard name.utf8.count <= limits.nameBytes else {
        throw .tooLarge("The \(place) has a field whose name is longer than \(limits.nameBytes) bytes.")
      }
      let rest = equals == pair.endIndex ? pair[equals...] : pair[pair.index(after: equals)...]
      let value = try decode(rest, place: place)
      guard value.utf8.count <= limits.fieldBytes else {
        throw .tooLarge(
          "The field \(RequestProblem.quoted(name)) of the \(place) is longer than "
            + "\(RequestProblem.size(limits.fieldBytes)).")
      }
      fields.append((name, value))
    }
    return Form(fields: fields)
  }

  private static func decode(_ bytes: some Collection<UInt8>, place: String) throws(RequestProblem) -> String {
    guard let decoded = PercentEncoding.decode(bytes, plusIsSpace: true) else {
      throw .badRequest("The \(place) has a percent sign that is not followed by two hexadecimal digits.")
    }
    guard !decoded.contains(0) else { throw .badRequest("The \(place) has a NUL character in it.") }
    guard let text = String(validating: decoded, as: UTF8.self) else {
      throw .badRequest("The \(place) is not valid UTF-8.")
    }
    return text
  }
}

/// RFC 3986, section 2.1.
enum PercentEncoding {
  /// Nil when a percent sign is not followed by two hexadecimal digits.
  static func decode(_ bytes: some Collection<UInt8>, plusIsSpace: Bool) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var iterator = bytes.makeIterator()
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = iterator.next().flatMap(hexadecimal), let low = iterator.next().flatMap(hexadecimal)
        else { return nil }
        result.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace:
        result.append(0x20)
      default:
        result.append(byte)
      }
    }
    return result
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
