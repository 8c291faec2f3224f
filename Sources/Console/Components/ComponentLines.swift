/// The values in the YAML of one component, each on a line of its own with the path to it.
enum ComponentLines {
  /// What the lines below belong to.
  private struct Parent {
    /// How far the line is indented that began it.
    var indent: Int
    var path: String
    /// How many elements it has so far, where it is a list.
    var elements = 0
  }

  /// - Parameter text: what ``ComponentWriter`` writes: a mapping or a list begins on a line of its own, in which nothing
  ///   follows the colon; everything else is a value.
  static func of(_ text: String) -> [String] {
    var (parents, lines) = ([Parent](), [String]())
    for line in text.split(separator: "\n").dropFirst() {
      var (indent, rest) = (line.prefix { $0 == " " }.count, line.drop { $0 == " " })
      parents.removeAll { $0.indent >= indent }
      if rest.hasPrefix("- ") {
        // Of the component itself, which begins so, nobody wants the number.
        if !parents.isEmpty {
          let last = parents.count - 1
          parents.append(Parent(indent: indent, path: "\(parents[last].path)[\(parents[last].elements)]"))
          parents[last].elements += 1
        }
        (indent, rest) = (indent + 2, rest.dropFirst(2))
      }
      let path = [parents.last?.path, String(rest.prefix { $0 != ":" })].compactMap(\.self).joined(separator: ".")
      let value = rest.drop { $0 != ":" }
      if value == ":" {
        parents.append(Parent(indent: indent, path: path))
      } else {
        lines.append(path + value)
      }
    }
    return lines
  }
}
