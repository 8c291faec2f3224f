import Store

/// A JSON value as YAML in flow style, in which no text can be taken for anything else (YAML 1.2.2, section 7.4), each value on
/// a line of its own: so what is wrong with a line is told to whoever sent JSON by a JSON Pointer (RFC 6901).
struct PointedYAML {
  /// The text.
  private(set) var text = ""
  /// Which value begins on each line.
  private var pointers: [String] = []

  init(_ value: JSONValue) { append(value, at: "") }

  /// What is wrong, by what was sent.
  ///
  /// - Parameter pointer: what was sent, in the value that was written.
  func refusal(_ refusal: YAMLRefusal, below pointer: String = "") -> InputRefusal {
    InputRefusal(
      code: InputRefusal.components,
      refusal.problems.map { problem in
        let found = problem.line.flatMap { pointers.indices.contains($0 - 1) ? pointers[$0 - 1] : nil } ?? ""
        let isBelow = found == pointer || found.hasPrefix(pointer + "/")
        return InputProblem(field: isBelow ? String(found.dropFirst(pointer.count)) : "", sentence: problem.sentence)
      })
  }

  private mutating func append(_ value: JSONValue, at pointer: String) {
    pointers.append(pointer)
    switch value {
    case .null: text += "~"
    case .bool(let flag): text += flag ? "true" : "false"
    case .integer(let number): text += String(number)
    case .number(let number): text += String(number)
    case .string(let string): text += ComponentWriter.quoted(string)
    case .array(let elements):
      text += "["
      for (index, element) in elements.enumerated() {
        text += index == 0 ? "\n" : ",\n"
        append(element, at: "\(pointer)/\(index)")
      }
      text += "]"
    case .object(let members):
      text += "{"
      for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
        text += (index == 0 ? "" : ", ") + ComponentWriter.quoted(member.key) + ":\n"
        append(member.value, at: Schema.step(pointer, member.key))
      }
      text += "}"
    }
  }
}
