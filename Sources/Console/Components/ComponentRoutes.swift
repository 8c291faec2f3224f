import Delivery
import HTTP
import Rotation
import Store

extension Router where Context == Visit {
  /// The components: list, forms, test, YAML.
  mutating func addComponentRoutes() {
    on(.get, "/components") { _, _, visit in
      try ComponentPages.list(
        try await ComponentStanding.all(visit.services.store, now: visit.services.clock()), visit)
    }
    on(.get, "/components/export") { _, _, visit in
      let text = ComponentWriter.text(try await visit.services.store.components())
      return Download.file(Array(text.utf8), name: "components.yaml", type: "application/yaml; charset=utf-8")
    }
    on(.get, "/components/import") { _, _, visit in try ComponentImport.form(visit, text: "", problems: []) }
    on(.post, "/components/import") { request, _, visit in try await ComponentImport.upload(request, visit) }
    addFindRoutes()
    on(.get, KindPages.path) { _, _, visit in try KindPages.list(visit) }
    on(.get, "/components/new") { request, _, visit in
      let proposal = try await FindRoutes.proposal(request, visit)
      let preset = (proposal?.kind ?? request.query["kind"]).flatMap(Preset.named)
      let form = proposal.map(ComponentForm.init) ?? preset.map(ComponentForm.init) ?? ComponentForm()
      return try ComponentFormPage(
        title: preset.map { "Add \($0.title)" } ?? "Add component", path: "/components/new", form: form, problems: [],
        note: preset.map(KindPages.banner)
      ).response(visit)
    }
    on(.post, "/components/new") { request, _, visit in try await ComponentRoutes.add(request, visit) }
    addRoutesOfOneComponent()
  }

  private mutating func addRoutesOfOneComponent() {
    on(.get, "/components/:id") { _, path, visit in
      try ComponentPages.details(try await ComponentRoutes.standing(path, visit), visit)
    }
    on(.get, "/components/:id/edit") { _, path, visit in
      let component = try await ComponentRoutes.standing(path, visit).component
      return try ComponentRoutes.editPage(component, ComponentForm(component), []).response(visit)
    }
    on(.post, "/components/:id/edit") { request, path, visit in
      try await ComponentRoutes.edit(try await ComponentRoutes.standing(path, visit).component, request, visit)
    }
    on(.get, "/components/:id/test") { _, path, visit in
      try ComponentTest.ask(try await ComponentRoutes.standing(path, visit).component, visit)
    }
    on(.post, "/components/:id/test") { _, path, visit in
      try await ComponentTest.run(try await ComponentRoutes.standing(path, visit).component, visit)
    }
    on(.get, "/components/:id/remove") { _, path, visit in
      let standing = try await ComponentRoutes.standing(path, visit)
      let others = try await ComponentRoutes.naming(standing.component, visit)
      return try ComponentPages.remove(standing, peersOf: others.map(\.name), visit)
    }
    on(.post, "/components/:id/remove") { _, path, visit in
      try await ComponentRoutes.remove(try await ComponentRoutes.standing(path, visit).component, visit)
    }
  }
}

enum ComponentRoutes {
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
    var (component, problems) = form.component(id: Component.ID(rawValue: 0))
    problems += clashes(component, with: try await visit.services.store.components())
    guard problems.isEmpty else {
      return try ComponentFormPage(title: "Add component", path: "/components/new", form: form, problems: problems)
        .response(visit)
    }
    component = try await visit.services.store.addComponent(component)
    visit.log("component added", ["component": component.name])
    return visit.redirect(to: "/components", notice: "The component “\(component.name)” was added.")
  }

  static func edit(_ former: Component, _ request: Request, _ visit: Visit) async throws -> Response {
    let store = visit.services.store
    let form = ComponentForm(request.form)
    let (component, found) = form.component(id: former.id)
    let problems = found + clashes(component, with: try await store.components().filter { $0.id != former.id })
    guard problems.isEmpty else { return try editPage(former, form, problems).response(visit) }
    try await store.replaceComponent(component)
    visit.log("component changed", ["component": component.name])
    return visit.redirect(to: "/components/\(component.id)", notice: "The component “\(component.name)” was saved.")
  }

  static func remove(_ component: Component, _ visit: Visit) async throws -> Response {
    try await visit.services.store.removeComponent(component.id)
    visit.log("component removed", ["component": component.name])
    return visit.redirect(to: "/components", notice: "The component “\(component.name)” was removed.")
  }

  /// The other components that name this one among those that they connect to.
  static func naming(_ component: Component, _ visit: Visit) async throws -> [Component] {
    try await visit.services.store.components().filter {
      $0.id != component.id && $0.peers?.contains(component.name) == true
    }
  }

  /// What does not fit together with the other components.
  private static func clashes(_ component: Component, with others: [Component]) -> [FieldProblem] {
    let all = others + [component]
    return (Component.problems(among: all) + Component.unknownPeers(among: all))
      .filter { $0.index == others.count }.map(\.problem)
  }
}
