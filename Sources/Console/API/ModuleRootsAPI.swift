import HTTP
import PKI
import Store

extension APITable {
  /// Roots whose keys stay in hardware modules: import, and another PIN.
  mutating func addModuleRoots(_ tag: String) {
    on(
      .post, "/module-roots", tag,
      .init(
        id: "importModuleRoot", summary: "Import a root certificate whose key stays in a hardware module",
        text:
          "The module signs once, to show that the key belongs to the certificate, before anything is stored. 404 where "
          + "Reroot was started without `--pkcs11-module`.", access: .administrator(to: "import a root certificate"),
        body: .multipart(
          .object(
            .must("file", .file, "The root certificate alone, in PEM or DER."),
            .must("name", .string(1...64), "What administrators call it."),
            .must("library", .string(1...4096), "The module's library, as Reroot was started with it."),
            .must(
              "uri", .string(1...1024), "A PKCS#11 URI that names the token and the key (RFC 7512), without a PIN."),
            .must("pin", .string(1...1024), "The PIN of the token's user. It is kept sealed."))),
        result: .json(Shape<RootRecord>.root.schema, "The imported root.", status: 201).located, problems: [409],
        isRepeatable: true
      ) { call in
        try ModuleRootRoutes.requireModules(call.visit)
        do {
          let id = try await ModuleRootImport.add(.init(call.request.form), call.visit)
          let root = try await call.store.root(id)
          return .json(Shape.root.json(root), location: "\(APIPath.root)/roots/\(id)")
        } catch let refusal as InputRefusal {
          throw refusal.atMembers
        }
      })
    on(
      .put, "/roots/:id/pin", tag,
      .init(
        id: "changePIN", summary: "Give Reroot another PIN for a root in a hardware module",
        text: "The module signs once with it; only if that succeeds is it kept.",
        access: .administrator(to: "change the PIN of a hardware module"),
        body: .json(.object(.must("pin", .string(1...1024), "The PIN of the token's user."))), result: .done
      ) { call in
        let root = try await RootRoutes.root(call.path, call.visit)
        do {
          try await ModuleRootImport.change(SecretBytes(utf8: call.body["pin"]?.text ?? ""), of: root, call.visit)
        } catch let refusal as InputRefusal {
          throw refusal.atMembers
        }
        return .nothing
      })
  }
}
