import Foundation
import PKI
import Rotation

@testable import Store

/// A store in which every kind of secret has been put, and those secrets.
struct PlantedSecrets {
  let system: TestSystem
  let root: RootRecord.ID
  let update: UpdateRecord.ID
  let components: [Component]
  /// What no file of the folder may hold, by what it is.
  private(set) var secrets: [String: SecretBytes] = [:]

  static let password = "planted password of ada"

  init(_ system: TestSystem) async throws {
    self.system = system
    let (root, identity) = try await system.importRoot("Planted root")
    self.root = root
    let held = try TestIdentity.make("Held")
    _ = try await system.store.holdImport(
      certificate: held.certificate, key: held.key,
      details: HeldImport.Details(fileName: "a", friendlyName: nil, warnings: [], uploadedBy: "ada"))
    let server = try TestIdentity.make("Server")
    _ = try await system.store.addServerCertificate(
      name: "Server", chain: [server.certificate], key: try server.pem(), by: "ada")
    let console = try TestIdentity.make("Console")
    try await system.store.setHTTPS(.own, chain: [console.certificate], key: try console.pem(), update: nil)
    components = try await system.addComponents("a")
    let kept = try TestIdentity.make("Kept")
    _ = try await system.savePlan(
      root,
      files: [
        components[0].id: [
          KeptFile(file: FoundFile(role: .key, path: "/etc/a.key", state: nil), content: try kept.pem())
        ]
      ])
    var update = try await TestUpdate.start(system, components, root: root)
    try await update.run()
    self.update = update.id
    let hash = try PasswordHash.make(SecretBytes(utf8: Self.password))
    let user = try await system.store.addFirstAdministrator(name: "ada", hash: hash)
    let session = try await system.store.createSession(user)
    secrets = [
      "root": try identity.pem(), "held upload": try held.pem(), "server certificate": try server.pem(),
      "console": try console.pem(), "kept file": try kept.pem(), "password": SecretBytes(utf8: Self.password),
      "session": SecretBytes(utf8: session),
    ]
    let app = try OneTimePassword.generate()
    try await system.store.offerSecondFactor(user.id, app)
    let code = app.code(step: OneTimePassword.step(at: system.clock.now))
    secrets["second factor"] = app.secret
    for recovery in try await system.store.turnOnSecondFactor(user.id, code: code) {
      secrets["recovery code \(secrets.count)"] = SecretBytes(utf8: recovery.text.replacing("-", with: ""))
    }
    secrets["step to a code"] = SecretBytes(utf8: try await system.store.createSignInStep(user))
    secrets["mark of a browser"] = SecretBytes(utf8: try await system.store.markBrowser(of: user.name))
    secrets["secret setting"] = SecretBytes(utf8: "planted secret of a webhook")
    let act = AuditAct(.settingChanged, by: .reroot, on: "webhook secret", [:])
    try await system.store.set([.init("notify_webhook_secret", toSecret: secrets["secret setting"], act)])
    if let issued = try await system.store.newestIssued(update.id, component: components[0].id)?.key {
      secrets["issued"] = issued
    }
  }

  /// How each secret would look where it was not sealed: a whole line of a key in PEM, and the same in DER.
  var forms: [(name: String, bytes: Data)] {
    secrets.flatMap { name, secret -> [(String, Data)] in
      secret.withBytes { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix("-----BEGIN") else { return [(name, Data(bytes))] }
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("-----") }
        // The first line of a P-256 key is the same for all keys; the middle of the DER is the private number.
        let der = Data(base64Encoded: lines.joined()) ?? Data()
        return [(name, Data(lines[1].utf8)), (name + " in DER", der.dropFirst(36).prefix(32))]
      }
    }
  }
}
