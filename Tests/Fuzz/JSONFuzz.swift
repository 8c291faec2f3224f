import CFuzzer

@testable import Console
@testable import Rotation

/// Reads bodies of the API's JSON: what is taken reads back to the same from both ways of writing it, a component among it reads
/// back as well, and what is said of the rest is fit to be shown. (A pointer to what is wrong is exact, as data is.)
enum JSONFuzz {
  /// Makes what is made once and kept: references that lie in enumerations among other bits are not recognised by
  /// LeakSanitizer.
  static func prepare() {
    __lsan_disable()
    defer { __lsan_enable() }
    _ = ComponentJSON.schema.problems([:])
  }

  static func read(_ bytes: [UInt8]) {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: bytes)
    } catch let refusal as PageError {
      return requireVisible(refusal.sentence)
    } catch {
      fatalError("Broken promise: a refusal is a PageError, not \(error)")
    }
    for isPretty in [false, true] {
      guard let written = try? value.bytes(isPretty: isPretty), let again = try? JSONValue(parsing: written) else {
        fatalError("Broken promise: what is written can be read: \(value)")
      }
      require(again == value, "what is written reads back to the same: \(value)")
    }
    component(value)
  }

  private static func component(_ value: JSONValue) {
    let problems = ComponentJSON.schema.problems(value)
    for problem in problems { requireVisible(problem.sentence) }
    // As the API does: only what has passed the schema comes to the reader.
    guard problems.isEmpty else { return }
    do {
      let component = try ComponentJSON.component(value, id: .init(rawValue: 1))
      require(component.problems().isEmpty, "only a sound component is taken")
      guard let written = try? ComponentJSON.value(component),
        let again = try? ComponentJSON.component(written, id: .init(rawValue: 1))
      else { fatalError("Broken promise: a component that is written can be read: \(component)") }
      require(again == component, "a component reads back to the same: \(written)")
    } catch let refusal as InputRefusal {
      require(!refusal.problems.isEmpty, "a refusal has a reason")
      for problem in refusal.problems { requireVisible(problem.sentence) }
    } catch {
      fatalError("Broken promise: a refusal of a component is an InputRefusal, not \(error)")
    }
  }
}
