import COpenSSL

/// OpenSSL's error queue, which belongs to the calling thread.
enum OpenSSLErrors {
  struct Entry: Sendable, Hashable {
    let library: Int32
    let reason: Int32
    let text: String
  }

  /// Empties the queue, so that what is found there later comes from the next call.
  static func clear() { ERR_clear_error() }

  /// Takes everything out of the queue, oldest first.
  static func drainEntries() -> [Entry] {
    var entries: [Entry] = []
    while true {
      let code = ERR_get_error()
      if code == 0 { return entries }
      // ERR_error_string_n: "at least 256 bytes long to not get truncated".
      var buffer = [CChar](repeating: 0, count: 256)
      ERR_error_string_n(code, &buffer, buffer.count)
      let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      entries.append(Entry(library: ERR_GET_LIB(code), reason: ERR_GET_REASON(code), text: text))
    }
  }

  /// Takes everything out of the queue as one line of text.
  static func drain() -> String { drainEntries().map(\.text).joined(separator: "; ") }

  /// Runs a call with an empty queue before it and leaves an empty one after it.
  static func guarded<Value>(_ body: () throws -> Value) rethrows -> Value {
    clear()
    defer { clear() }
    return try body()
  }

  /// Runs a call that answers nil when it fails, and turns the queue into the detail of the error.
  static func require<Value>(_ code: String, _ sentence: @autoclosure () -> String, _ body: () -> Value?) throws
    -> Value
  {
    clear()
    let value = body()
    let detail = drain()
    guard let value else { throw PKIError(code: code, sentence: sentence(), detail: detail) }
    return value
  }
}
