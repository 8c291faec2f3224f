import HTTP
import PKI
import Store

extension ConsoleRouter {
  /// Roots whose keys stay in hardware modules: import, and another PIN.
  mutating func addModuleRootRoutes() {
    on(.get, "/roots/module", for: .administrator(to: "import a root certificate")) { _, _, visit in
      try ModuleRootRoutes.requireModules(visit)
      return try ModuleRootForm.page(ModuleRootForm(), visit)
    }
    on(.post, "/roots/module", for: .administrator(to: "import a root certificate")) { request, _, visit in
      try ModuleRootRoutes.requireModules(visit)
      return try await ModuleRootImport.add(request, visit)
    }
    on(.get, "/roots/:id/pin", for: .administrator(to: "change the PIN of a hardware module")) { _, path, visit in
      let root = try await RootRoutes.root(path, visit)
      guard root.module != nil else { throw PageError.notFound("root certificate in a hardware module") }
      return try ModuleRootForm.pinPage(root, error: nil, visit)
    }
    on(.post, "/roots/:id/pin", for: .administrator(to: "change the PIN of a hardware module")) {
      request, path, visit in
      try await ModuleRootImport.changePIN(RootRoutes.root(path, visit), request, visit)
    }
  }
}

enum ModuleRootRoutes {
  static func requireModules(_ visit: Visit) throws {
    guard !visit.services.modules.libraries.isEmpty else {
      throw PageError(
        404, "Reroot was started without --pkcs11-module, so that there is no hardware module to choose.",
        title: "No hardware module")
    }
  }
}
