import Foundation
import HTTP
import PKI
import Store

/// The field that asks why something is done that cannot be undone, or goes against what was planned. The answer stands in
/// the audit log.
struct ReasonField: Sendable {
  /// The form field's name.
  static let name = "reason"

  /// What was typed.
  var value = ""
  /// What is wrong with it; nil before it was sent.
  var problem: String?

  /// A field that nobody has filled in.
  init() {}

  /// What a form brought.
  init(_ form: Form) {
    value = (form[Self.name] ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    if Self.isEmpty(value) {
      problem = "Say why; it will stand in the audit log."
    } else if value.unicodeScalars.count > AuditAct.longestReason {
      problem = "Say it in at most \(AuditAct.longestReason) characters."
    }
  }

  /// Whether a text says nothing: also where all that is in it cannot be seen.
  static func isEmpty(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.properties.isWhitespace || VisibleText.isHidden($0) }
  }

  /// A reason that a program gives.
  ///
  /// - Throws: ``InputRefusal`` when it will not do.
  static func checked(_ given: String?, at field: String = ReasonField.name) throws -> String {
    let reason = ReasonField(Form(fields: [(name, given ?? "")]))
    if let problem = reason.problem { throw InputRefusal(field, problem, code: "REASON_NEEDED") }
    return reason.value
  }

  /// The model of the field.
  var field: PageModel {
    FieldPart.text(
      Self.name, "Reason", value: value, rows: 3,
      hint: "It stands in the audit log: at most \(AuditAct.longestReason) characters.", error: problem
    ).attributes(["maxlength": "\(AuditAct.longestReason)"]).required.fields
  }

  /// The status of the page that shows it.
  var status: Int { problem == nil ? 200 : 422 }

  /// The banner of a page on which it was not filled in.
  var banner: PageModel? { problem.map { Part.errors([(Self.name, $0)]) } }
}
