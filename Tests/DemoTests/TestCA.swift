import Foundation
import PKI
import Rotation
enum TestCA {
  static func sh(_ s: String) throws {
    let p = Process(); p.executableURL = URL(fileURLWithPath: "/bin/sh"); p.arguments = ["-c", s + " 2>/dev/null"];
    try p.run(); p.waitUntilExit()
  }
  static func load(_ d: String) throws -> Identity {
    Identity(
      chain: try Certificate.parse(pem: String(contentsOfFile: d + "/c.pem", encoding: .utf8)),
      key: try PrivateKey(pem: SecretBytes(utf8: String(contentsOfFile: d + "/k.pem", encoding: .utf8))))
  }
  static func root(_ name: String) throws -> Identity {
    let d = try TemporaryFolder()
    try sh(
      "cd \(d.path); openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -subj '/CN=\(name)' -days 30"
    )
    return try load(d.path)
  }
  static func child(of root: Identity, name: String, key: KeyKind) throws -> Identity {
    let d = try TemporaryFolder()
    try write(root.chainPEM, to: d.path + "/rc.pem")
    try write(root.key.pkcs8PEM().withBytes { String(decoding: $0, as: UTF8.self) }, to: d.path + "/rk.pem")
    try write("subjectAltName=DNS:\(name),IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n", to: d.path + "/e")
    try sh(
      "cd \(d.path); openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out r.pem -subj '/CN=\(name)'; openssl x509 -req -in r.pem -CA rc.pem -CAkey rk.pem -CAcreateserial -days 20 -extfile e -out c.pem"
    )
    return try load(d.path)
  }
}
