import Console

/// One of the items of a list by whatever it is called: one rule for every command.
enum ItemChoice {
  /// What stands before a number that is to be nothing but a number.
  private static let numberMark = "id:"

  /// The item that has the name or the number; a text that is one item's name and another one's number is refused.
  ///
  /// - Parameters:
  ///   - what: what the items are, such as “component”.
  ///   - list: the command that lists them.
  ///   - others: whether an item is called so in another way.
  /// - Throws: ``CommandFailure`` `NOT_FOUND`, `AMBIGUOUS`.
  static func find(
    _ text: String, among items: [JSONValue], what: String, list: String, number: String = "id",
    or others: (JSONValue) -> Bool = { _ in false }
  ) throws -> JSONValue {
    let bare = text.hasPrefix(numberMark) ? String(text.dropFirst(numberMark.count)) : text
    let found = items.filter { item in
      (!bare.isEmpty && item.number(number) == bare) || item.words("name") == text || others(item)
    }
    guard let one = found.first else {
      throw CommandFailure(.refused, "NOT_FOUND", "There is no \(what) “\(text)”. See `\(list)`.")
    }
    guard found.count == 1 else {
      let called = found.map { item in
        let known = item.number(number).isEmpty ? item.words("fingerprint") : numberMark + item.number(number)
        return "“\(item.words("name"))” (\(known))"
      }
      throw CommandFailure(
        .refused, "AMBIGUOUS",
        "“\(text)” may be \(called.joined(separator: " or ")). Give what stands in the brackets.")
    }
    return one
  }
}
