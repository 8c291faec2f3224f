/// The actions of one component (or of the console), by kind; nil where there is no such action. Small, since there are as
/// many as components.
struct ActionRow: Sendable, Equatable {
  /// Set aside by Override: keeps, or gets back, its previous certificate.
  var isSetAside = false
  private var cells = [Cell](repeating: Cell(), count: ActionKind.allCases.count)
  /// Nil for most, where none has failed.
  private var failures: [ActionKind: Failure]?

  /// What there is of an action beside its failure. No status, no action.
  private struct Cell: Sendable, Equatable {
    var attempts: UInt32 = 0
    var status: ActionState.Status?
    var skipped: ActionState.SkipReason?
    var isIgnored = false
  }

  subscript(kind: ActionKind) -> ActionState? {
    get {
      let cell = cells[kind.ordinal]
      guard let status = cell.status else { return nil }
      var state = ActionState()
      state.status = status
      state.attempts = Int(cell.attempts)
      state.failure = failures?[kind]
      state.isIgnored = cell.isIgnored
      state.skipped = cell.skipped
      return state
    }
    set {
      if failures != nil || newValue?.failure != nil { failures = failures(with: newValue?.failure, of: kind) }
      cells[kind.ordinal] = Cell(
        attempts: UInt32(clamping: newValue?.attempts ?? 0), status: newValue?.status, skipped: newValue?.skipped,
        isIgnored: newValue?.isIgnored ?? false)
    }
  }

  private func failures(with failure: Failure?, of kind: ActionKind) -> [ActionKind: Failure]? {
    var failures = failures ?? [:]
    failures[kind] = failure
    return failures.isEmpty ? nil : failures
  }

  /// Without the rest of it: it is asked for ten thousands of actions at a time.
  func status(_ kind: ActionKind) -> ActionState.Status? { cells[kind.ordinal].status }
}

/// Its place among those of a component.
extension ActionKind {
  var ordinal: Int {
    switch self {
    case .generate: 0
    case .trust: 1
    case .deploy: 2
    case .activate: 3
    case .verify: 4
    case .https: 5
    case .restoreHTTPS: 6
    case .restore: 7
    case .restoreTrust: 8
    }
  }
}

/// The rows of all components, in blocks: a state is copied at every event, and then only the block of the changed row is
/// copied with it, however many components there are.
struct ActionRows: Sendable, Equatable, RandomAccessCollection, MutableCollection {
  private var blocks: [[ActionRow]]
  let endIndex: Int
  var startIndex: Int { 0 }

  private static let blockLength = 64

  init(_ rows: [ActionRow]) {
    endIndex = rows.count
    blocks = stride(from: 0, to: rows.count, by: Self.blockLength).map { start in
      Array(rows[start..<Swift.min(start + Self.blockLength, rows.count)])
    }
  }

  subscript(index: Int) -> ActionRow {
    get { blocks[index / Self.blockLength][index % Self.blockLength] }
    _modify { yield &blocks[index / Self.blockLength][index % Self.blockLength] }
  }
}
