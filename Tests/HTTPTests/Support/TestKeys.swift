import Foundation

@testable import HTTP

/// Keys and certificates made by the `openssl` command for one test.
struct TestKeys {
  let folder: URL

  func identity(_ name: String, algorithm: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]) async throws
    -> ServerIdentity
  {
    let key = folder.appendingPathComponent("\(name)-key.pem").path
    let certificate = folder.appendingPathComponent("\(name).pem").path
    let made = try await run(
      "openssl",
      ["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-newkey"] + algorithm
        + ["-keyout", key, "-out", certificate])
    guard made.status == 0 else { throw ClientError(text: made.output) }
    return ServerIdentity(
      chainPEM: try String(contentsOfFile: certificate, encoding: .utf8),
      keyPEM: Array(try Data(contentsOf: URL(fileURLWithPath: key))))
  }
}
