import Delivery
import Foundation
import Rotation

extension ActionPerformer {
  /// Removes what a failure has left beside the components' files, such as a former key under its second name. A target
  /// that cannot do so now is asked again a few times; what it still holds then is removed by the next plan.
  func clearAway() async {
    // By their places: to copy all of them at once takes tens of megabytes where there are thousands.
    _ = await ManyAtOnce.each(Array(plan.components.indices), atOnce: Self.clearedAtOnce) { index in
      await clearAway(plan.components[index].component)
    }
  }

  /// At how many components it is done at once: most are done with in a millisecond, and some may hang.
  private static let clearedAtOnce = 64

  private func clearAway(_ component: Component) async {
    for pause in Self.pauses {
      do {
        _ = try await access(component).recover(component.files.paths.map(\.path))
        return
      } catch {
        try? await Task.sleep(for: pause)
      }
    }
    _ = try? await access(component).recover(component.files.paths.map(\.path))
  }

  /// How long is waited between two attempts: a disk that was full for a moment has room again, a host is back.
  private static var pauses: [Duration] { [.seconds(1), .seconds(3), .seconds(9)] }
}
