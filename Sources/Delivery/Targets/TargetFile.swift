import Foundation
import PKI
import Rotation

/// A file as it is at a target.
public struct TargetFile: Sendable {
  /// Its content, at most ``maximumBytes``.
  public var content: SecretBytes
  /// The owner's number.
  public var owner: UInt32
  /// The group's number.
  public var group: UInt32
  /// The permission bits.
  public var mode: FileMode

  /// No file that is read or written here is larger: 1 MiB.
  public static let maximumBytes = 1 << 20

  /// Describes a file.
  public init(content: SecretBytes, owner: UInt32, group: UInt32, mode: FileMode) {
    self.content = content
    self.owner = owner
    self.group = group
    self.mode = mode
  }

  /// Its properties without its content.
  public var state: FoundFile.State {
    FoundFile.State(
      sha256: content.sha256Hex, size: content.count, owner: owner, group: group, mode: mode)
  }
}

/// What one file is to become. Changes are made in the order in which they are given, all or none.
public struct FileChange: Sendable {
  /// Its absolute path; a symbolic link stays, the file behind it is replaced.
  public var path: String
  /// What it is to hold; nil removes it, unless there is a source.
  public var content: SecretBytes?
  /// The file at the target that it becomes a copy of, for what must not leave the target; then `content` is nil.
  public var source: FileSource?
  /// Its owner, by name or number; nil keeps the owner found there, or for a new file leaves the process's.
  public var owner: String?
  /// Its group, by name or number; nil likewise.
  public var group: String?
  /// Its permission bits.
  public var mode: FileMode

  /// Describes a change.
  public init(path: String, content: SecretBytes?, owner: String? = nil, group: String? = nil, mode: FileMode) {
    self.path = path
    self.content = content
    self.owner = owner
    self.group = group
    self.mode = mode
  }

  /// Describes a copy of another file at the target.
  public init(path: String, source: FileSource, owner: String? = nil, group: String? = nil, mode: FileMode) {
    self.init(path: path, content: nil, owner: owner, group: group, mode: mode)
    self.source = source
  }

  /// Whether the file goes away.
  public var isRemoval: Bool { content == nil && source == nil }
}

/// A file at the target that is copied there.
public struct FileSource: Sendable, Hashable {
  /// Its absolute path.
  public var path: String
  /// SHA-256 of what it must hold, hexadecimal; anything else is not copied.
  public var sha256: String

  /// Names a file with its content.
  public init(path: String, sha256: String) {
    self.path = path
    self.sha256 = sha256
  }
}

/// A file as it was kept for rolling back.
public struct SnapshotFile: Sendable {
  /// Its path and properties; a state of nil means that there was no such file.
  public var file: FoundFile
  /// Its content; nil when there was no such file, or when it could not be read.
  public var content: SecretBytes?

  /// Keeps a file.
  public init(file: FoundFile, content: SecretBytes?) {
    self.file = file
    self.content = content
  }
}

/// How a command ended, and what it said.
public struct CommandResult: Sendable, Hashable {
  /// How it ended.
  public var end: End
  /// Standard output and standard error as they came, in UTF-8, at most 16 KiB: the beginning and the end of it.
  public var output: String

  /// Describes the end of a command.
  public init(end: End, output: String) {
    self.end = end
    self.output = output
  }

  /// The ways in which a command ends.
  public enum End: Sendable, Hashable {
    /// By itself, with this status.
    case exited(Int32)
    /// By this signal, which Reroot did not send.
    case signalled(Int32)
    /// Ended by Reroot, with all its children, because its time was over.
    case timedOut
  }

  /// Whether it ended by itself with status 0.
  public var isSuccess: Bool { end == .exited(0) }
}

extension SecretBytes {
  /// SHA-256 of the bytes in hexadecimal digits.
  var sha256Hex: String {
    withBytes { bytes in
      var copy = [UInt8](bytes)
      defer { explicit_bzero(&copy, copy.count) }
      return Digest.sha256Hex(copy)
    }
  }

  /// The bytes as text; only for what is public, such as certificates.
  var publicText: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}
