import Delivery
import HTTP
import Rotation
import Store

extension ConsoleRouter {
  /// The components: list, forms, test, YAML.
  mutating func addComponentRoutes() {
    on(.get, "/components", for: .viewer) { _, _, visit in
      try ComponentPages.list(
        try await ComponentStanding.all(visit.services.store, now: visit.services.clock()),
        watching: try await WatchPages.part(visit), visit)
    }
    on(.get, "/components/export", for: .viewer) { request, _, visit in
      try await ComponentRoutes.export(request, visit)
    }
    on(.get, "/components/import", for: .administrator(to: "import components")) { _, _, visit in
      try ComponentImport.form(visit, text: "", problems: [])
    }
    on(.post, "/components/import", for: .administrator(to: "import components")) { request, _, visit in
      try await ComponentImport.upload(request, visit)
    }
    addFindRoutes()
    on(.get, KindPages.path, for: .administrator(to: "add a component")) { _, _, visit in try KindPages.list(visit) }
    on(.get, "/components/new", for: .administrator(to: "add a component")) { request, _, visit in
      let proposal = try await FindRoutes.proposal(request, visit)
      let preset = (proposal?.kind ?? request.query["kind"]).flatMap(Preset.named)
      let form = proposal.map(ComponentForm.init) ?? preset.map(ComponentForm.init) ?? ComponentForm()
      return try ComponentFormPage(
        title: preset.map { "Add \($0.title)" } ?? "Add component", path: "/components/new", form: form, problems: [],
        note: preset.map(KindPages.banner)
      ).response(visit)
    }
    on(.post, "/components/new", for: .administrator(to: "add a component")) { request, _, visit in
      try await ComponentRoutes.add(request, visit)
    }
    on(.post, "/components/looks", for: .operator(to: "look at the endpoints")) { _, _, visit in
      try await WatchPages.look(visit)
    }
    addRoutesOfOneComponent()
  }

  private mutating func addRoutesOfOneComponent() {
    on(.get, "/components/:id", for: .viewer) { _, path, visit in
      let standing = try await ComponentRoutes.standing(path, visit)
      return try ComponentPages.details(
        standing, restored: try await visit.services.restoration.look(at: standing.component.id), visit)
    }
    on(.get, "/components/:id/edit", for: .administrator(to: "change a component")) { _, path, visit in
      let component = try await ComponentRoutes.standing(path, visit).component
      return try ComponentRoutes.editPage(component, ComponentForm(component), []).response(visit)
    }
    on(.post, "/components/:id/edit", for: .administrator(to: "change a component")) { request, path, visit in
      try await ComponentRoutes.edit(try await ComponentRoutes.standing(path, visit).component, request, visit)
    }
    on(.get, "/components/:id/test", for: .operator(to: "test a connection")) { _, path, visit in
      try ComponentTest.ask(try await ComponentRoutes.standing(path, visit).component, visit)
    }
    on(.post, "/components/:id/test", for: .operator(to: "test a connection")) { _, path, visit in
      try await ComponentTest.run(try await ComponentRoutes.standing(path, visit).component, visit)
    }
    on(.get, "/components/:id/remove", for: .administrator(to: "remove a component")) { _, path, visit in
      try await ComponentRoutes.askToRemove(
        try await ComponentRoutes.standing(path, visit), ReasonField(), visit)
    }
    on(.post, "/components/:id/remove", for: .administrator(to: "remove a component")) { request, path, visit in
      try await ComponentRoutes.remove(try await ComponentRoutes.standing(path, visit), request, visit)
    }
  }
}

enum ComponentRoutes {
  /// All components as a file of YAML, which is recorded.
  static func export(_ request: Request, _ visit: Visit) async throws -> Response {
    if request.method == .get { try await visit.audit(.componentsExported) }
    let text = ComponentWriter.text(try await visit.services.store.components())
    return Download.file(Array(text.utf8), name: "components.yaml", type: "application/yaml; charset=utf-8")
  }

  static func standing(_ path: PathParameters, _ visit: Visit) async throws -> ComponentStanding {
    let all = try await ComponentStanding.all(visit.services.store, now: visit.services.clock())
    guard let number = path.integer("id"), let found = all.first(where: { $0.component.id.rawValue == Int64(number) })
    else { throw PageError.notFound("component") }
    return found
  }

  static func editPage(_ component: Component, _ form: ComponentForm, _ problems: [FieldProblem]) -> ComponentFormPage {
    ComponentFormPage(
      title: "Edit “\(component.name)”", path: "/components/\(component.id)/edit", form: form, problems: problems)
  }

  static func add(_ request: Request, _ visit: Visit) async throws -> Response {
    let form = ComponentForm(request.form)
    let (component, problems) = form.component(id: Component.ID(rawValue: 0))
    do {
      _ = try await ComponentDesk.add(component, found: problems, visit)
    } catch let refusal as InputRefusal {
      return try ComponentFormPage(
        title: "Add component", path: "/components/new", form: form, problems: refusal.fieldProblems
      ).response(visit)
    }
    return visit.redirect(to: "/components", notice: "The component “\(component.name)” was added.")
  }

  static func edit(_ former: Component, _ request: Request, _ visit: Visit) async throws -> Response {
    let form = ComponentForm(request.form)
    let (component, problems) = form.component(id: former.id)
    do {
      try await ComponentDesk.replace(former, with: component, found: problems, visit)
    } catch let refusal as InputRefusal {
      return try editPage(former, form, refusal.fieldProblems).response(visit)
    }
    return visit.redirect(to: "/components/\(component.id)", notice: "The component “\(component.name)” was saved.")
  }

  static func askToRemove(
    _ standing: ComponentStanding, _ reason: ReasonField, _ visit: Visit
  ) async throws -> Response {
    let others = try await naming(standing.component, visit)
    return try ComponentPages.remove(standing, peersOf: others.map(\.name), reason, visit)
  }

  static func remove(_ standing: ComponentStanding, _ request: Request, _ visit: Visit) async throws -> Response {
    let component = standing.component
    let reason = ReasonField(request.form)
    if reason.problem != nil { return try await askToRemove(standing, reason, visit) }
    try await ComponentDesk.remove(component, reason: reason.value, visit)
    return visit.redirect(to: "/components", notice: "The component “\(component.name)” was removed.")
  }

  /// The other components that name this one among those that they connect to.
  static func naming(_ component: Component, _ visit: Visit) async throws -> [Component] {
    try await visit.services.store.components().filter {
      $0.id != component.id && $0.peers?.contains(component.name) == true
    }
  }
}
