extension String {
  /// The text with some of its code points written otherwise, whatever stands beside them.
  ///
  /// A `Character` is what a person takes for one: a quotation mark with an accent upon it (U+0022 U+0301) equals no quotation
  /// mark, and CR LF no line feed, while every reader of HTML, CSV or JSON sees them. So what is escaped is looked for by
  /// code points, and never with `replacing`, `split` or `==` of characters.
  ///
  /// - Parameter written: what stands for a code point; nil for one that stays.
  public func escaped(_ written: (Unicode.Scalar) -> String?) -> String {
    var out = UnicodeScalarView()
    for scalar in unicodeScalars {
      if let text = written(scalar) { out.append(contentsOf: text.unicodeScalars) } else { out.append(scalar) }
    }
    return String(out)
  }
}
