@testable import Console
@testable import Delivery
@testable import PKI
@testable import Rotation

/// Reads components as YAML: what is taken reads back to the same from what is written, and what is said of the rest is
/// fit to be shown. The same text is read as the places of a search.
enum YAMLFuzz {
  static func read(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    do {
      let components = try ComponentReader.components(in: text)
      for component in components { require(component.problems().isEmpty, "only sound components are taken") }
      let written = ComponentWriter.text(components)
      guard let again = try? ComponentReader.components(in: written) else {
        fatalError("Broken promise: what is written can be read:\n\(written)")
      }
      require(again == components, "what is written reads back to the same:\n\(written)")
      for component in components { _ = ComponentForm(component).component(id: component.id) }
    } catch let refusal as YAMLRefusal {
      require(!refusal.problems.isEmpty, "a refusal has a reason")
      for problem in refusal.problems { requireVisible(problem.description) }
    } catch {
      fatalError("Broken promise: a refusal is a YAMLRefusal, not \(error)")
    }
    do {
      let places = try PlaceList.places(in: text, usualPorts: [443, 8443])
      require((1...PlaceList.limit).contains(places.count), "a search is within its limit")
    } catch let problem as PlaceProblem {
      requireVisible(problem.sentence)
    } catch {
      fatalError("Broken promise: a refusal is a PlaceProblem, not \(error)")
    }
  }
}
