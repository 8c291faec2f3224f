import HTTP
import PKI
import Rotation
import Store

/// A setting that is one value in the store: the page, the API and the audit log take it from here.
struct PlainSetting: Sendable {
  /// What a value may be.
  enum Kind: Sendable {
    /// A whole number.
    case number(ClosedRange<Int>)
    /// One of these.
    case choice([(value: String, label: String)])
    /// Any of these, kept one to a line; nothing is kept where it is all of them, so that it is all later, too.
    case several([(value: String, label: String)])
    /// `on` or `off`.
    case flag
    /// Any text; the check gives it as it is kept.
    case text(Check)
    /// Words that are kept one to a line; the check gives them as they are kept.
    case lines(Check)
  }
  typealias Check = @Sendable (String) -> Result<String, InputProblem>

  /// Its key in the store, and the name of the page's field.
  let key: String
  /// Its name in the API.
  let member: String
  /// What the page calls it.
  let label: String
  /// What it does, and what is usual.
  let hint: String
  let kind: Kind
  /// What holds where nothing was set.
  let initial: String

  /// Every one, as the page puts them together, in its order.
  static let sections: [(legend: String, settings: [PlainSetting])] = [
    ("Updates", [.parallelComponents, .observationDays]),
    ("Renewal", [.renewal, .maintenanceWindows, .maintenanceZone]),
    ("Between updates", [.watchMinutes, .expiryDays, .openMetrics]),
    ("Reverse proxies", [.trustedProxies, .forwardedHeader]),
  ]

  /// Every one.
  static let all: [PlainSetting] = sections.flatMap(\.settings)

  /// What the audit log calls it.
  var auditName: String { label.lowercased() }

  /// The value as it is kept, or what is wrong with what was given.
  func checked(_ given: String) -> Result<String, InputProblem> {
    let text = given.trimmingCharacters(in: .whitespacesAndNewlines)
    switch kind {
    case .number(let range):
      guard text.utf8.count <= 9, let number = Int(text), range.contains(number) else {
        return wrong("Give a whole number from \(range.lowerBound) to \(range.upperBound).")
      }
      return .success(String(number))
    case .choice(let choices):
      guard choices.contains(where: { $0.value == text }) else {
        return wrong("Choose one of \(choices.map(\.value).joined(separator: ", ")).")
      }
      return .success(text)
    case .several(let choices): return Self.checked(text, of: choices.map(\.value)).mapError { named($0.sentence) }
    case .flag: return ["on", "off"].contains(text) ? .success(text) : wrong("Choose on or off.")
    case .text(let check), .lines(let check):
      return check(text).mapError { named($0.sentence) }
    }
  }

  private static func checked(_ text: String, of known: [String]) -> Result<String, InputProblem> {
    func wrong(_ sentence: String) -> Result<String, InputProblem> { .failure(.init(field: "", sentence: sentence)) }
    let words = text.split { $0.isWhitespace || $0 == "," }.map(String.init)
    if let word = words.first(where: { !known.contains($0) }) {
      return wrong("“\(VisibleText.of(word, limit: 100))” is none of \(known.joined(separator: ", ")).")
    }
    return .success(known.filter(words.contains).joined(separator: "\n"))
  }

  private func named(_ sentence: String) -> InputProblem { InputProblem(field: key, sentence: sentence) }

  private func wrong(_ sentence: String) -> Result<String, InputProblem> { .failure(named(sentence)) }

  /// What a form gives for the setting; nil where it does not hold it, and where none of its boxes is ticked: in a form
  /// that is the same, and an empty text would be all of them.
  func given(_ form: Form) -> String? {
    guard case .several(let choices) = kind else { return form[key] }
    let ticked = form.all(key)
    guard !ticked.isEmpty else { return nil }
    return choices.allSatisfy { ticked.contains($0.value) } ? "" : ticked.joined(separator: "\n")
  }

  /// Its new value with what the audit log says of it; nil where it is the former one.
  func change(from former: String, to value: String, _ visit: Visit) -> Store.SettingChange? {
    guard value != former else { return nil }
    let details = ["from": shown(former), "to": shown(value)]
    return .init(key, to: value, visit.act(.settingChanged, on: auditName, details))
  }

  /// A value for people; empty ones are called none.
  func shown(_ value: String) -> String {
    if case .several = kind, value.isEmpty { return "all" }
    if value.isEmpty { return "none" }
    if case .choice(let choices) = kind { return choices.first { $0.value == value }?.label ?? value }
    return value.replacing("\n", with: " ")
  }
}

extension InputProblem: Error {}

extension PlainSetting {
  /// How many components of one stage are worked on at once.
  static let parallelComponents = PlainSetting(
    key: Store.parallelKey, member: "parallelComponents", label: "Parallel components",
    hint: "How many components of one stage may be worked on at once, from \(Store.parallelRange.lowerBound) to "
      + "\(Store.parallelRange.upperBound); usually \(Store.defaultParallelComponents). A stage begins with at most "
      + "\(Course.usuallyFirst), and takes one more for each that was seen to be right.",
    kind: .number(Store.parallelRange), initial: String(Store.defaultParallelComponents))

  /// How long what was observed during an update stays in its log.
  static let observationDays = PlainSetting(
    key: "observation_days", member: "observationDays", label: "Days that observations are kept",
    hint: "So many days after the end of an update what was observed on the way leaves its log; its results stay. "
      + "0, as usual, is never.",
    kind: .number(0...3650), initial: "0")

  /// How long before its end a certificate is told of.
  static let expiryDays = PlainSetting(
    key: "expiry_days", member: "expiryDays", label: "Days before an end",
    hint: "So many days before its end a root, a component's certificate or the console's own is told of by a "
      + "notification, and a certificate on the wire counts as expiring; from 1 to 365, usually 30.",
    kind: .number(1...365), initial: "30")

  /// The reverse proxies that are trusted to say for whom they ask.
  static let trustedProxies = PlainSetting(
    key: ProxySettings.rangesKey, member: "trustedProxies", label: "Trusted proxies",
    hint:
      "Addresses of reverse proxies before this console, one to a line, such as 192.0.2.7 or 10.0.0.0/8. Their word "
      + "counts on which address a request comes from; anybody else's is ignored.",
    kind: .lines { text in
      ProxySettings.ranges(text).map { $0.map(\.description).joined(separator: "\n") }
        .mapError { InputProblem(field: ProxySettings.rangesKey, sentence: $0.sentence) }
    }, initial: "")

  /// The header in which they say it.
  static let forwardedHeader = PlainSetting(
    key: ProxySettings.headerKey, member: "forwardedHeader", label: "Header of the proxies",
    hint: "The one that they write themselves; the other is passed on as the client sent it.",
    kind: .choice(ForwardedHeader.allCases.map { ($0.rawValue, $0.rawValue) }),
    initial: ForwardedHeader.xForwardedFor.rawValue)
}

// MARK: - As a field of the page

extension PlainSetting {
  /// The field with what was typed into it, or with what is kept.
  ///
  /// - Parameter value: nil for boxes of which none is ticked.
  func field(_ value: String?, more hint: String = "", problem: String?) -> FieldPart {
    let hint = self.hint + hint
    let isNoneTicked = value == nil
    let value = value ?? ""
    switch kind {
    case .number(let range):
      return FieldPart.input(key, label, type: "number", value: value, hint: hint, error: problem, width: "short")
        .attributes(["min": "\(range.lowerBound)", "max": "\(range.upperBound)", "inputmode": "numeric"]).required
    case .choice(let choices):
      return FieldPart.select(key, label, options: choices, chosen: value, hint: hint, error: problem)
    case .flag:
      return FieldPart.select(
        key, label, options: [("on", "On"), ("off", "Off")], chosen: value, hint: hint, error: problem)
    case .several(let choices):
      let isAll = value.isEmpty && !isNoneTicked
      let chosen = isAll ? choices.map(\.value) : value.split(separator: "\n").map(String.init)
      return FieldPart.checks(
        key, label, choices: choices, chosen: Set(chosen), hint: hint.isEmpty ? nil : hint, error: problem)
    case .text: return FieldPart.input(key, label, value: value, hint: hint, error: problem).optional
    case .lines:
      return FieldPart.text(key, label, value: value, rows: 3, hint: hint, error: problem, isCode: true).optional
    }
  }
}

// MARK: - In the API

extension PlainSetting {
  /// What it is in JSON.
  var schema: Schema {
    switch kind {
    case .number(let range): .integer(Int64(range.lowerBound)...Int64(range.upperBound))
    case .choice(let choices): .oneOf(choices.map(\.value))
    case .flag: .boolean
    case .text: .string(0...4096)
    case .lines, .several: .array(.string(0...4096), 0...1024)
    }
  }

  /// What the document says of it.
  var description: String {
    guard case .several(let choices) = kind else { return hint }
    return "Of \(choices.map(\.value).joined(separator: ", ")); an empty list is all of them."
  }

  /// A kept value in JSON.
  func json(_ value: String) -> JSONValue {
    switch kind {
    case .number: Int64(value).map { .integer($0) } ?? .null
    case .choice, .text: .string(value)
    case .flag: .bool(value == "on")
    case .lines, .several: .array(value.split(separator: "\n").map { .string(String($0)) })
    }
  }

  /// What a value of ``schema`` would be in the page's field.
  func text(_ json: JSONValue) -> String {
    switch json {
    case .integer(let number): String(number)
    case .bool(let flag): flag ? "on" : "off"
    case .array(let elements): elements.compactMap(\.text).joined(separator: "\n")
    default: json.text ?? ""
    }
  }
}
