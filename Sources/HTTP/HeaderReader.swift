import CMicroHTTPD
import Glibc

/// Takes the header fields out of libmicrohttpd.
enum HeaderReader {
  /// The fields of a request, and how they came.
  struct Reading {
    let headers: Headers
    /// The bytes of names and values.
    let bytes: Int
    /// Whether every line of the head ended with CR LF and held nothing but what libmicrohttpd made of it.
    let hasPlainLines: Bool
  }

  private struct Collected {
    var fields: [(String, String)] = []
    var bytes = 0
    /// Where the next line begins, if the ones before it were plain.
    var next: UnsafePointer<CChar>
    var isPlain = true
  }

  private static let lineEnd = 2

  /// Reads the head of the request that a call of the access handler is about; `headBytes` long on the wire.
  ///
  /// libmicrohttpd ends a line at a bare line feed too, joins folded lines, and cuts a value at a NUL, each without a word;
  /// another server in front may see other lines there (RFC 9112, sections 2.2 and 11.2). Its texts stand in the
  /// connection's buffer where they came, so whatever lies between them is told by their places.
  static func read(_ call: Exchange.Call, headBytes: Int) -> Reading {
    guard let method = call.methodStart, let version = call.versionStart else {
      return Reading(headers: Headers(), bytes: 0, hasPlainLines: false)
    }
    var collected = Collected(next: version + strlen(version) + lineEnd)
    withUnsafeMutablePointer(to: &collected) { pointer in
      _ = MHD_get_connection_values_n(
        call.connection.pointer, .HEADER_KIND,
        { closure, _, name, nameSize, value, valueSize in
          guard let closure, let name, let value else { return .NO }
          let collected = closure.assumingMemoryBound(to: Collected.self)
          collected.pointee.fields.append(
            (HeaderReader.text(name, nameSize), HeaderReader.text(value, valueSize)))
          collected.pointee.bytes += nameSize + valueSize
          if name != collected.pointee.next { collected.pointee.isPlain = false }
          collected.pointee.next = value + valueSize + HeaderReader.lineEnd
          return .YES
        }, pointer)
    }
    let end = collected.next + lineEnd
    return Reading(
      headers: Headers(collected.fields), bytes: collected.bytes,
      hasPlainLines: collected.isPlain && end == method + headBytes)
  }

  /// Bytes that are not UTF-8 become replacement characters: no field that the server acts on has any use for them.
  private static func text(_ bytes: UnsafePointer<CChar>, _ count: Int) -> String {
    String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
  }
}
