import Foundation
import HTTP
import PKI
import Rotation
import Store

extension APITable {
  /// What depends on the roots that are on their way out. The plan of a retirement is made with the plans.
  mutating func addRetirement() {
    let tag = "Retirement"
    on(
      .get, "/retiring-roots", tag,
      .init(
        id: "listRetiringRoots", summary: "List the roots that are still trusted though not in force",
        text: "Also those that were never imported, and that components presented when an update began.",
        access: .viewer, parameters: APIParameter.paging,
        result: .json(Shape<RetiringRoot>.retiringRoot.list, "The roots.")
      ) { call in call.list(try await call.store.retiringRoots(), .retiringRoot) })
    on(
      .get, "/retiring-roots/:fingerprint/dependents", tag,
      .init(
        id: "readDependents", summary: "Read what depends on a root",
        text: "From the last look, where it still tells something; otherwise the whole system is looked at.",
        access: .viewer,
        result: .json(Shape<RetirementAPI.Dependents>.dependents.schema, "What was seen.")
      ) { call in
        let root = try await RetirementRoutes.root(call.path, call.visit)
        return .json(
          Shape.dependents.json(.init(root: root, report: try await call.services.dependencies.report(on: root.key))))
      })
    on(
      .post, "/retiring-roots/:fingerprint/looks", tag,
      .init(
        id: "lookAgain", summary: "Look again at what depends on a root", access: .operator(to: "look again"),
        result: .json(Shape<RetirementAPI.Dependents>.dependents.schema, "What was seen."), isRepeatable: true
      ) { call in
        let root = try await RetirementRoutes.root(call.path, call.visit)
        let report = try await call.services.dependencies.lookAgain(at: root.key)
        return .json(Shape.dependents.json(.init(root: root, report: report)))
      })
  }
}

enum RetirementAPI {
  /// What a look showed of a root.
  struct Dependents: Sendable {
    let root: RetiringRoot
    let report: DependencyReport
  }

  static let bundle = Schema.object(
    .must("component", .string, "The component."), .must("path", .string, "The file."))

  static let dependency = Schema.object(
    .must(
      "kind", .oneOf(Dependency.Kind.allCases.map(\.rawValue)),
      "`presents`: a certificate that leads to the root. `setAside`: by Override. `unseen`: nobody knows."),
    .must("component", Schema.identifier.orNull, "The component; null for the console itself."),
    .must("name", .string, "Its name."), .must("place", .string, "`host:port`, or the path of a file."),
    .must("sentence", .string, "What was seen."),
    .must("seenAt", Schema.moment.orNull, "When; null for never."))

  static func json(_ dependency: Dependency) -> JSONValue {
    [
      "kind": .string(dependency.kind.rawValue),
      "component": dependency.component.map { .integer($0.rawValue) } ?? .null, "name": .string(dependency.name),
      "place": .string(dependency.place), "sentence": .string(dependency.sentence),
      "seenAt": dependency.seenAt == .distantPast ? .null : .moment(dependency.seenAt),
    ]
  }
}

extension Shape where Value == RetiringRoot {
  /// A root on its way out.
  static var retiringRoot: Shape<RetiringRoot> {
    Shape(
      "RetiringRoot", "A root that is not in force any more and is still trusted.",
      [
        Member("fingerprint", .fingerprint, "SHA-256 of its DER, hexadecimal.") { .string($0.key.fingerprint) },
        Member("name", .string, "What administrators call it, or the name in its subject.") { .string($0.name) },
        Member("root", Schema.identifier.orNull, "Its number; null where it was never imported.") {
          $0.record.map { .integer($0.rawValue) } ?? .null
        },
        Member("certificate", Shape<Certificate>.certificate.schema, "Its certificate.") {
          Shape<Certificate>.certificate.json($0.certificate)
        },
      ])
  }
}

extension Shape where Value == RetirementAPI.Dependents {
  /// What depends on a root.
  static var dependents: Shape<RetirementAPI.Dependents> {
    Shape(
      "Dependents", "What one look at the whole system showed of a root that is retiring.",
      [
        Member("fingerprint", .fingerprint, "SHA-256 of the root's DER, hexadecimal.") {
          .string($0.root.key.fingerprint)
        },
        Member("name", .string, "The root's name.") { .string($0.root.name) },
        Member("isFree", .boolean, "Whether nothing depends on it, so that its retirement can be planned.") {
          .bool($0.report.dependencies.isEmpty)
        },
        Member("lookedAt", .moment, "When the look had ended.") { .moment($0.report.at) },
        Member("components", .number, "How many components were looked at.") {
          .integer(Int64($0.report.componentCount))
        },
        Member("bundles", .array(RetirementAPI.bundle), "The trust bundles that hold it.") {
          .array(
            $0.report.bundles.map { ["component": .string($0.component), "path": .string($0.path)] })
        },
        Member("dependencies", .array(RetirementAPI.dependency), "What stands in the way.") {
          .array($0.report.dependencies.map(RetirementAPI.json))
        },
      ])
  }
}

extension Schema {
  /// A SHA-256 in lower-case hexadecimal digits.
  static let fingerprint = Schema(.string(length: 64...64, format: nil, pattern: "^[0-9a-f]{64}$"))
}
