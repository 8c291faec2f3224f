import Delivery
import Rotation
import Store

extension Belongings {
  /// What is Reroot's own while it runs on a store.
  public init(of store: Store) {
    self.init(claims: { store.places.claims(on: $0) }, redact: { store.withoutMasterKey($0) })
  }
}

extension Component {
  /// Which of its files are Reroot's own. Only on this machine: a path elsewhere says nothing here. Blocking.
  ///
  /// This is for whoever types a path; that nothing of Reroot's is ever replaced is seen to at the replacement itself, since
  /// what a path leads to may change after it was saved.
  func placeProblems(_ own: Belongings) -> [FieldProblem] {
    guard target.ssh == nil else { return [] }
    var places = files.paths.map { (field: $0.role.field, path: $0.path) }
    if let path = files.storePasswordFile { places.append(("files.store_password_file", path)) }
    // What is no path at all leads nowhere.
    let wrong = Set(files.problems().map(\.field))
    return places.filter { !wrong.contains($0.field) }.compactMap { place in
      own.objection(to: place.path).map { FieldProblem(field: place.field, sentence: $0) }
    }
  }
}
