/// How a kind of record is written as JSON, and how the document describes that: one place for both.
struct Shape<Value>: Sendable {
  /// A member of the object.
  struct Member: Sendable {
    let name: String
    let schema: Schema
    let value: @Sendable (Value) -> JSONValue

    init(_ name: String, _ schema: Schema, _ text: String, _ value: @escaping @Sendable (Value) -> JSONValue) {
      self.name = name
      self.schema = schema.described(text)
      self.value = value
    }
  }

  /// The name in the document.
  let name: String
  /// What it is.
  let text: String
  let members: [Member]

  init(_ name: String, _ text: String, _ members: [Member]) {
    self.name = name
    self.text = text
    self.members = members
  }

  /// The record as it is answered: every member is there, those without a value are null.
  func json(_ value: Value) -> JSONValue {
    .object(Dictionary(members.map { ($0.name, $0.value(value)) }) { first, _ in first })
  }

  /// The schema, by its name in the document.
  var schema: Schema {
    let (text, members) = (text, members)
    return Schema(
      .named(name) {
        Schema(.object(members.map { Schema.Property(name: $0.name, schema: $0.schema, isRequired: true) }))
          .described(text)
      })
  }

  /// A page of a list of them.
  var list: Schema {
    .object(
      .must("items", .array(schema), "As many as were wanted."),
      .must("total", .number, "How many there are in all."))
  }
}
