import PKI

/// What a JSON value may be, as the API's document says it (JSON Schema 2020-12, as far as it is needed) and as requests are
/// checked: one description for both.
struct Schema: Sendable {
  indirect enum Kind: Sendable {
    case anything
    case boolean
    case integer(ClosedRange<Int64>?)
    case string(length: ClosedRange<Int>?, format: String?, pattern: String?)
    case oneOf([String])
    case array(Schema, count: ClosedRange<Int>?)
    /// Members that are not listed are refused.
    case object([Property])
    /// Members of any names.
    case map(Schema)
    /// One of these, whichever fits.
    case anyOf([Schema])
    /// A schema with a name of its own in the document.
    case named(String, @Sendable () -> Schema)
  }

  /// A member of an object.
  struct Property: Sendable {
    var name: String
    var schema: Schema
    var isRequired: Bool

    /// A member that must be there.
    static func must(_ name: String, _ schema: Schema, _ text: String) -> Property {
      Property(name: name, schema: schema.described(text), isRequired: true)
    }

    /// A member that may be left out.
    static func may(_ name: String, _ schema: Schema, _ text: String) -> Property {
      Property(name: name, schema: schema.described(text), isRequired: false)
    }
  }

  var kind: Kind
  var text: String?
  var isNullable = false
  var initial: JSONValue?
  var example: JSONValue?

  init(_ kind: Kind) { self.kind = kind }

  static let anything = Schema(.anything)
  static let boolean = Schema(.boolean)
  static let string = Schema(.string(length: nil, format: nil, pattern: nil))
  static let moment = Schema(.string(length: nil, format: "date-time", pattern: nil))
  static let number = Schema(.integer(0...Int64.max))
  /// The number of a record.
  static let identifier = Schema(.integer(1...Int64.max))

  static func integer(_ range: ClosedRange<Int64>) -> Schema { Schema(.integer(range)) }
  /// The same of a rule's own range.
  static func integer(_ range: ClosedRange<Int>) -> Schema {
    .integer(Int64(range.lowerBound)...Int64(range.upperBound))
  }
  static func string(_ length: ClosedRange<Int>) -> Schema {
    Schema(.string(length: length, format: nil, pattern: nil))
  }
  static func oneOf(_ values: [String]) -> Schema { Schema(.oneOf(values)) }
  static func array(_ element: Schema, _ count: ClosedRange<Int>? = nil) -> Schema {
    Schema(.array(element, count: count))
  }
  static func anyOf(_ schemas: [Schema]) -> Schema { Schema(.anyOf(schemas)) }
  static func object(_ properties: Property...) -> Schema { Schema(.object(properties)) }

  /// The same with a sentence about it.
  func described(_ text: String) -> Schema { with { $0.text = text } }
  /// The same, or null.
  var orNull: Schema { with { $0.isNullable = true } }
  /// The same with what is taken where nothing is given.
  func initially(_ value: JSONValue) -> Schema { with { $0.initial = value } }
  /// The same with an example.
  func example(_ value: JSONValue) -> Schema { with { $0.example = value } }

  private func with(_ change: (inout Schema) -> Void) -> Schema {
    var copy = self
    change(&copy)
    return copy
  }
}

// MARK: - In the document

extension Schema {
  /// As it stands in the document.
  var json: JSONValue {
    var members = constraints
    if let text { members["description"] = .string(text) }
    if let initial { members["default"] = initial }
    if let example { members["examples"] = [example] }
    return .object(members)
  }

  private func type(_ name: String) -> JSONValue { isNullable ? [.string(name), "null"] : .string(name) }

  private var constraints: [String: JSONValue] {
    switch kind {
    case .anything: return [:]
    case .boolean: return ["type": type("boolean")]
    case .integer(let range):
      var members: [String: JSONValue] = ["type": type("integer")]
      if let range, range.lowerBound != .min { members["minimum"] = .integer(range.lowerBound) }
      if let range, range.upperBound != .max { members["maximum"] = .integer(range.upperBound) }
      return members
    case .string(let length, let format, let pattern):
      var members: [String: JSONValue] = ["type": type("string")]
      if let length {
        members["minLength"] = .integer(Int64(length.lowerBound))
        members["maxLength"] = .integer(Int64(length.upperBound))
      }
      if let format { members["format"] = .string(format) }
      if let pattern { members["pattern"] = .string(pattern) }
      return members
    case .oneOf(let values):
      return ["type": type("string"), "enum": .array(values.map { .string($0) } + (isNullable ? [.null] : []))]
    case .array(let element, let count):
      var members: [String: JSONValue] = ["type": type("array"), "items": element.json]
      if let count {
        members["minItems"] = .integer(Int64(count.lowerBound))
        members["maxItems"] = .integer(Int64(count.upperBound))
      }
      return members
    case .object(let properties):
      return [
        "type": type("object"), "additionalProperties": false,
        "properties": .object(Dictionary(properties.map { ($0.name, $0.schema.json) }) { first, _ in first }),
        "required": .array(properties.filter(\.isRequired).map { .string($0.name) }),
      ]
    case .map(let value): return ["type": type("object"), "additionalProperties": value.json]
    case .anyOf(let schemas): return ["anyOf": .array(schemas.map(\.json) + (isNullable ? [["type": "null"]] : []))]
    case .named(let name, _):
      let reference: JSONValue = ["$ref": .string("#/components/schemas/\(name)")]
      return isNullable ? ["anyOf": [reference, ["type": "null"]]] : ["$ref": .string("#/components/schemas/\(name)")]
    }
  }

  /// Adds the schemas that this one names to those of a document.
  func collect(into named: inout [String: JSONValue]) {
    switch kind {
    case .anything, .boolean, .integer, .string, .oneOf: break
    case .array(let element, _), .map(let element): element.collect(into: &named)
    case .anyOf(let schemas): for schema in schemas { schema.collect(into: &named) }
    case .object(let properties): for property in properties { property.schema.collect(into: &named) }
    case .named(let name, let schema):
      guard named[name] == nil else { return }
      let schema = schema()
      named[name] = .null
      schema.collect(into: &named)
      named[name] = schema.json
    }
  }
}

// MARK: - Checking a request

extension Schema {
  /// What is wrong with a value, each with the JSON Pointer (RFC 6901) of where; empty when nothing is.
  func problems(_ value: JSONValue, at pointer: String = "") -> [InputProblem] {
    if value == .null, isNullable { return [] }
    func wrong(_ sentence: String) -> [InputProblem] { [InputProblem(field: pointer, sentence: sentence)] }
    switch kind {
    case .anything: return []
    case .boolean: return value.flag == nil ? wrong("It must be true or false.") : []
    case .integer(let range):
      guard let number = value.whole else { return wrong("It must be a whole number.") }
      guard let range, !range.contains(number) else { return [] }
      return wrong(
        range.upperBound == .max
          ? "It must be \(range.lowerBound) or more."
          : "It must be from \(range.lowerBound) to \(range.upperBound).")
    case .string(let length, _, let pattern):
      guard let text = value.text else { return wrong("It must be a string.") }
      if let length, !length.contains(text.unicodeScalars.count) {
        return wrong("It must have from \(length.lowerBound) to \(length.upperBound) characters.")
      }
      guard let pattern, (try? Regex(pattern).firstMatch(in: text)) == nil else { return [] }
      return wrong("It must match \(pattern).")
    case .oneOf(let values):
      guard let text = value.text, values.contains(text) else {
        return wrong("It must be one of \(values.joined(separator: ", ")).")
      }
      return []
    case .array(let element, let count):
      guard let elements = value.elements else { return wrong("It must be an array.") }
      if let count, !count.contains(elements.count) {
        return wrong("It must have from \(count.lowerBound) to \(count.upperBound) elements.")
      }
      return elements.enumerated().flatMap { element.problems($1, at: "\(pointer)/\($0)") }
    case .object(let properties): return problems(value, properties, at: pointer)
    case .map(let schema):
      guard case .object(let members) = value else { return wrong("It must be an object.") }
      return members.sorted { $0.key < $1.key }.flatMap { schema.problems($1, at: Self.step(pointer, $0)) }
    case .anyOf(let schemas):
      // The one that comes closest tells the most.
      return schemas.map { $0.problems(value, at: pointer) }.min { $0.count < $1.count } ?? []
    case .named(_, let schema): return schema().problems(value, at: pointer)
    }
  }

  private func problems(_ value: JSONValue, _ properties: [Property], at pointer: String) -> [InputProblem] {
    guard case .object(let members) = value else {
      return [InputProblem(field: pointer, sentence: "It must be an object.")]
    }
    let names = Set(properties.map(\.name))
    let unknown = members.keys.filter { !names.contains($0) }.sorted().map {
      InputProblem(
        field: Self.step(pointer, $0),
        sentence: "There is no such member. There are: \(properties.map(\.name).joined(separator: ", ")).")
    }
    return unknown
      + properties.flatMap { property -> [InputProblem] in
        let pointer = Self.step(pointer, property.name)
        guard let member = members[property.name] else {
          return property.isRequired ? [InputProblem(field: pointer, sentence: "It is missing.")] : []
        }
        return property.schema.problems(member, at: pointer)
      }
  }

  /// A pointer to a member, its name escaped (RFC 6901, section 3).
  static func step(_ pointer: String, _ name: String) -> String {
    pointer + "/" + name.escaped { $0 == "~" ? "~0" : $0 == "/" ? "~1" : nil }
  }
}
