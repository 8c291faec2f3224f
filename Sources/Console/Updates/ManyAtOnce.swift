/// Looks at many components, some of them at once: each look may wait for a machine that does not answer.
enum ManyAtOnce {
  /// How many are looked at at once, unless somebody wants another number.
  static let usual = 16

  /// Runs something for every item; the results are in the order of the items.
  ///
  /// - Parameter limit: for how many at once.
  static func each<Item: Sendable, Result: Sendable>(
    _ items: [Item], atOnce limit: Int = usual, _ body: @escaping @Sendable (Item) async -> Result
  ) async -> [Result] {
    await withTaskGroup(of: (Int, Result).self) { group in
      var waiting = items.enumerated().makeIterator()
      var results: [(Int, Result)] = []
      for _ in 0..<limit {
        guard let (index, item) = waiting.next() else { break }
        group.addTask { (index, await body(item)) }
      }
      for await result in group {
        results.append(result)
        if let (index, item) = waiting.next() { group.addTask { (index, await body(item)) } }
      }
      return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}
