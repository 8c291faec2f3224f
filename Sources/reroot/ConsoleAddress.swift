import Console

/// Where a console is reached: `https://HOST` or `https://HOST:PORT`, and nothing behind it. Links are put together with it,
/// so whatever would make another link of it is refused.
struct ConsoleAddress {
  /// As it was given, without a slash at the end.
  let text: String

  /// - Throws: ``ConsoleError`` `BAD_ADDRESS` for anything else.
  init(_ given: String) throws {
    let pattern = #/(https://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?)/?/#
    guard let match = given.wholeMatch(of: pattern),
      match.2.map({ (1...65535).contains(Int($0) ?? 0) }) ?? true
    else {
      throw ConsoleError(
        code: "BAD_ADDRESS",
        sentence: "The address “\(given)” is not one that a console is reached at. Give https://HOST or "
          + "https://HOST:PORT, such as https://console.example.net:8443.")
    }
    text = String(match.1)
  }
}
