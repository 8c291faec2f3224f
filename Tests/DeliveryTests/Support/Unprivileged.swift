import Foundation
import Testing

/// Does something as somebody who may do little, in a process of its own; as whoever runs the tests where that is not root.
///
/// It ends as root again, by the saved user id: a leak checker looks at the process at its end, and has to be let.
func unprivileged(_ body: () async throws -> Void) async rethrows {
  let isRoot = geteuid() == 0
  // With the real user id alone set, the saved one stays root's: setreuid(2).
  if isRoot { #expect(setegid(65_534) == 0 && setreuid(65_534, uid_t.max) == 0 && seteuid(65_534) == 0) }
  try await body()
  if isRoot { #expect(seteuid(0) == 0) }
}
