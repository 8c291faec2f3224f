import Foundation
import PKI

/// Writes measures in the text format of Prometheus, version 0.0.4 (“Exposition formats” in its documentation).
struct MetricsText {
  /// What a measure is, as the format names it.
  enum Kind: String { case counter, gauge, histogram }

  /// One value, with the labels that tell it from the others of its name.
  struct Sample {
    var labels: [(name: String, value: String)] = []
    var value: Double

    init(_ value: Double, _ labels: (String, String)...) {
      self.value = value
      self.labels = labels.map { (name: $0.0, value: $0.1) }
    }
  }

  /// The media type of the text.
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// What was written so far.
  private(set) var text = ""

  /// Writes everything of one name. A name without a value stands there all the same, so that it can be found.
  mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
    head(name, kind, help)
    for sample in samples { line(name, sample.labels, sample.value) }
  }

  /// One value without labels.
  mutating func gauge(_ name: String, _ help: String, _ value: Double?) {
    family(name, .gauge, help, value.map { [Sample($0)] } ?? [])
  }

  /// Writes histograms of one name: how many values were at most so big, how many there were, and their sum.
  mutating func histograms(
    _ name: String, _ help: String, _ histograms: [(labels: [(name: String, value: String)], histogram: Histogram)]
  ) {
    head(name, .histogram, help)
    for (labels, histogram) in histograms {
      for (bound, count) in histogram.cumulative {
        line(name + "_bucket", labels + [("le", Self.number(bound))], Double(count))
      }
      line(name + "_sum", labels, histogram.sum)
      line(name + "_count", labels, Double(histogram.count))
    }
  }

  private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(Self.escaped(help))\n# TYPE \(name) \(kind.rawValue)\n"
  }

  private mutating func line(_ name: String, _ labels: [(name: String, value: String)], _ value: Double) {
    text += name
    if !labels.isEmpty {
      text += "{" + labels.map { "\($0.name)=\"\(Self.escapedLabel($0.value))\"" }.joined(separator: ",") + "}"
    }
    text += " \(Self.number(value))\n"
  }

  /// As Go reads a number, which is what the format asks for.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
  }

  /// In a help text a backslash and a line feed are escaped; in the value of a label a quotation mark too.
  private static func escaped(_ text: String) -> String {
    text.escaped { $0 == "\\" ? "\\\\" : $0 == "\n" ? "\\n" : nil }
  }
  private static func escapedLabel(_ text: String) -> String { escaped(text).escaped { $0 == "\"" ? "\\\"" : nil } }
}

/// How often a value was at most so big.
struct Histogram: Sendable {
  /// The upper bounds, in order; the last class has none.
  let bounds: [Double]
  private var counts: [Int]
  /// The sum of all values.
  private(set) var sum = 0.0

  init(bounds: [Double]) {
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  /// How many values there were.
  var count: Int { counts.reduce(0, +) }

  /// Each bound with how many values were at most so big; infinity with all.
  var cumulative: [(bound: Double, count: Int)] {
    var sum = 0
    return zip(bounds + [.infinity], counts).map { bound, count in
      sum += count
      return (bound, sum)
    }
  }

  /// Adds a value.
  mutating func add(_ value: Double) {
    counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
    sum += value
  }
}
