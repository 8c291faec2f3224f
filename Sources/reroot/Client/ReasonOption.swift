import ArgumentParser

/// Why something is done that cannot be undone, as the pages ask for it.
struct ReasonOption: ParsableArguments {
  @Option(help: "Why; it stands in the audit log.")
  var reason: String
}
