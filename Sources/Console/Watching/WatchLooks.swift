import Delivery
import Store

/// A look at every endpoint because somebody asks, by whichever way: the page, the API.
enum WatchLooks {
  /// What became of it.
  struct Answer: Sendable {
    /// Nil while it goes on.
    let outcome: WatchDesk.Outcome?
    /// How many components differ then.
    let differing: Int

    /// For whoever asked.
    var sentence: String {
      switch outcome {
      case nil: "The endpoints are being looked at. This takes a while; look again later."
      case .skipped(let reason): reason
      case .looked(let count):
        "\(Display.count(count, "component was", "components were")) looked at: "
          + (differing == 0 ? "everything is as it was deployed." : "\(differing) not as deployed.")
      }
    }
  }

  /// Begins a look, or joins the one that goes on, and waits for its end, but no longer than the limit.
  static func now(_ visit: Visit, within limit: Duration) async throws -> Answer {
    let desk = visit.services.watching
    try await visit.audit(.connectionTested, on: "every component")
    let answer = FirstAnswer<WatchDesk.Outcome?>()
    Task {
      do { answer.give(.success(try await desk.look())) } catch { answer.give(.failure(error)) }
    }
    let outcome = try await answer.value(within: limit) { .success(nil) }
    return Answer(outcome: outcome, differing: try await visit.services.store.differingCount())
  }
}
