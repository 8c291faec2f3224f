import CMicroHTTPD

/// Takes the header fields out of libmicrohttpd.
enum HeaderReader {
  private struct Collected {
    var fields: [(String, String)] = []
    var bytes = 0
  }

  /// The fields, and the bytes of their names and values.
  static func read(_ connection: ServedConnection) -> (headers: Headers, bytes: Int) {
    var collected = Collected()
    withUnsafeMutablePointer(to: &collected) { pointer in
      _ = MHD_get_connection_values_n(
        connection.pointer, .HEADER_KIND,
        { closure, _, name, nameSize, value, valueSize in
          guard let closure, let name else { return .NO }
          let collected = closure.assumingMemoryBound(to: Collected.self)
          collected.pointee.fields.append(
            (HeaderReader.text(name, nameSize), HeaderReader.text(value, valueSize)))
          collected.pointee.bytes += nameSize + valueSize
          return .YES
        }, pointer)
    }
    return (Headers(collected.fields), collected.bytes)
  }

  /// Bytes that are not UTF-8 become replacement characters: no field that the server acts on has any use for them.
  private static func text(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> String {
    guard let bytes else { return "" }
    return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
  }
}
