import CMicroHTTPD
import Foundation

/// The files of one folder, read once at the start: stylesheet, scripts, icons. What is not in the folder then does
/// not exist, whatever the path of a request looks like.
public struct StaticFiles: Sendable {
  private struct File {
    let bytes: [UInt8]
    /// The same for those who take it so; nil where that saves nothing.
    let gzip: [UInt8]?
    let hash: String
    let contentType: String
  }

  private let files: [String: File]

  /// Reads every file below `directory`; hidden ones and links out of the folder are left out.
  /// - Throws: the file system's error when the folder or a file cannot be read.
  public init(directory: String) throws {
    let root = URL(fileURLWithPath: directory, isDirectory: true).resolvingSymlinksInPath()
    var files: [String: File] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: root.path) {
      guard !path.split(separator: "/").contains(where: { $0.hasPrefix(".") }) else { continue }
      let file = root.appendingPathComponent(path).resolvingSymlinksInPath()
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isDirectory), !isDirectory.boolValue,
        file.path.hasPrefix(root.path + "/")
      else { continue }
      let bytes = [UInt8](try Data(contentsOf: file))
      let type = MediaType.of(path)
      files["/" + path] = File(
        bytes: bytes, gzip: MediaType.isText(type) ? ContentCoding.gzip(bytes) : nil, hash: StaticFiles.hash(bytes),
        contentType: type)
    }
    self.files = files
  }

  /// The address of a file with the hash of its content, which browsers may keep for ever: `/style.css?v=1f3a…`. A
  /// name that does not exist is given back as it is.
  public func url(for name: String) -> String {
    let path = name.hasPrefix("/") ? name : "/" + name
    return files[path].map { "\(path)?v=\($0.hash)" } ?? path
  }

  /// The file at the request's path; nil when there is none, or the method is neither GET nor HEAD.
  public func response(for request: RequestHead) -> Response? {
    guard request.method == .get || request.method == .head, let file = files[request.path] else { return nil }
    let gzip = ContentCoding.takesGzip(request.headers) ? file.gzip : nil
    // The two forms of a file are two representations, each with a tag of its own (RFC 9110, section 8.8.3.3).
    let tag = gzip == nil ? "\"\(file.hash)\"" : "\"\(file.hash)-gzip\""
    let isVersioned = request.query["v"] == file.hash
    var headers = [
      ("ETag", tag),
      ("Cache-Control", isVersioned ? "public, max-age=31536000, immutable" : "no-cache"),
    ]
    if file.gzip != nil { headers.append(("Vary", "Accept-Encoding")) }
    if let known = request.headers.first("if-none-match"), StaticFiles.matches(known, tag) {
      return Response(status: 304, headers: headers)
    }
    headers += [("Content-Type", file.contentType), ("X-Content-Type-Options", "nosniff")]
    if gzip != nil { headers.append(("Content-Encoding", "gzip")) }
    return Response(status: 200, headers: headers, body: .bytes(gzip ?? file.bytes))
  }

  /// RFC 9110, section 13.1.2: the comparison is weak.
  private static func matches(_ list: String, _ tag: String) -> Bool {
    list.split(separator: ",").contains { entry in
      let entry = Headers.trimmed(String(entry))
      return entry == "*" || entry == tag || entry == "W/" + tag
    }
  }

  /// The first 64 bits of SHA-256: enough to tell versions of one file apart.
  private static func hash(_ bytes: [UInt8]) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    _ = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, bytes.count, &digest)
    return digest.prefix(8).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}

/// The media types of the files that an application brings with it.
enum MediaType {
  /// Whether files of this type become smaller when they are compressed.
  static func isText(_ type: String) -> Bool {
    type.hasPrefix("text/") || ["image/svg+xml", "application/json", "application/manifest+json"].contains(type)
  }

  static func of(_ path: String) -> String {
    switch path.split(separator: ".").last?.lowercased() {
    case "css": "text/css; charset=utf-8"
    case "js", "mjs": "text/javascript; charset=utf-8"
    case "html": "text/html; charset=utf-8"
    case "txt": "text/plain; charset=utf-8"
    case "svg": "image/svg+xml"
    case "png": "image/png"
    case "jpg", "jpeg": "image/jpeg"
    case "webp": "image/webp"
    case "ico": "image/x-icon"
    case "json", "map": "application/json"
    case "webmanifest": "application/manifest+json"
    case "woff2": "font/woff2"
    default: "application/octet-stream"
    }
  }
}
