import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("The text format of Prometheus") struct MetricsTextTests {
  @Test("A label holds any text, and none ends its line or its value")
  func escaping() {
    var text = MetricsText()
    text.family("a_b", .gauge, "One\\two\nthree.", [.init(1, ("name", "a\"b\\c\nd"), ("other", "ü"))])
    #expect(
      text.text == "# HELP a_b One\\\\two\\nthree.\n# TYPE a_b gauge\na_b{name=\"a\\\"b\\\\c\\nd\",other=\"ü\"} 1\n")
  }

  @Test("An accent upon a sign does not keep it from being escaped")
  func accents() {
    var text = MetricsText()
    text.family("a", .gauge, "\r\nx", [.init(1, ("name", "\"\u{301}\\\u{301}\r\n"))])
    let scalars = Array(text.text.unicodeScalars)
    #expect(
      scalars == Array("# HELP a \r\\nx\n# TYPE a gauge\na{name=\"\\\"\u{301}\\\\\u{301}\r\\n\"} 1\n".unicodeScalars))
  }

  @Test(
    "Numbers are written as Go reads them",
    arguments: [
      (1.0, "1"), (-3.25, "-3.25"), (1_780_315_200, "1780315200"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
      (.nan, "NaN"), (1e300, "1e+300"), (0.05, "0.05"),
    ])
  func numbers(_ number: Double, _ text: String) { #expect(MetricsText.number(number) == text) }

  @Test("A value on a bound belongs to it, and the classes add up")
  func histogram() {
    var histogram = Histogram(bounds: [1, 5])
    for value in [0.5, 1, 1.001, 5, 6] { histogram.add(value) }
    var text = MetricsText()
    text.histograms("took_seconds", "How long.", [([("kind", "deploy")], histogram)])
    #expect(
      text.text.split(separator: "\n").dropFirst(2).map(String.init) == [
        "took_seconds_bucket{kind=\"deploy\",le=\"1\"} 2", "took_seconds_bucket{kind=\"deploy\",le=\"5\"} 4",
        "took_seconds_bucket{kind=\"deploy\",le=\"+Inf\"} 5", "took_seconds_sum{kind=\"deploy\"} 13.501",
        "took_seconds_count{kind=\"deploy\"} 5",
      ])
  }
}
