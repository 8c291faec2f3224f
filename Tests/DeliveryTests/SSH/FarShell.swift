import Foundation
import Rotation

@testable import Delivery

/// Some ways to try scripts without a connection: the shells that other machines have.
enum FarShell: String, Sendable, CaseIterable {
  case dash, bash, busybox

  var words: [String] {
    switch self {
    case .dash: ["/bin/dash", "-s"]
    case .bash: ["/bin/bash", "--posix", "-s"]
    case .busybox: ["/bin/busybox", "sh", "-s"]
    }
  }

  /// A folder of BusyBox's applets alone, or the usual path.
  func path(in folder: TestFolder) throws -> String {
    guard self == .busybox else { return SSHOptions.searchPath }
    guard !folder.exists("applets") else { return folder.path("applets") }
    try folder.folder("applets")
    for name in [
      "[", "awk", "base64", "cat", "chmod", "chown", "cp", "cut", "date", "dd", "grep", "head", "id", "kill",
    ]
      + ["ln", "ls", "mkdir", "mv", "printf", "readlink", "rm", "rmdir", "sed", "seq", "setsid", "sh", "sha256sum"]
      + ["sleep", "sort", "stat", "sync", "tail", "timeout", "touch", "tr", "true", "uniq"]
    {
      try folder.link("applets/" + name, to: "/bin/busybox")
    }
    return folder.path("applets")
  }

  /// An access to this machine through the shell, in the place of ssh.
  func access(
    in folder: TestFolder, path: String? = nil, variables: [String] = []
  ) throws -> TargetAccess {
    let target = SSHTarget(host: "far.example", user: "reroot", identityFile: "/none", hostKey: "")
    let environment = variables + ["PATH=\(try path ?? self.path(in: folder))"]
    return .shells(FarShells { [words] in try FarProcess(words, environment: environment) }, for: target)
  }
  /// An access through the shell where openssl is installed.
  func accessWithKeys(in folder: TestFolder, variables: [String] = []) throws -> TargetAccess {
    _ = try path(in: folder)
    if self == .busybox, !folder.exists("applets/openssl") {
      try folder.link("applets/openssl", to: "/usr/bin/openssl")
    }
    return try access(in: folder, variables: variables)
  }

  /// A folder of BusyBox's tools of which each call of a deadly one counts down a number in the file `count`; the call that
  /// makes it 0 kills the whole script.
  static func deadlyTools(in folder: TestFolder, _ deadly: [String]) throws -> String {
    _ = try busybox.path(in: folder)
    try folder.folder("deadly")
    try folder.write("0", to: "count")
    let all = try FileManager.default.contentsOfDirectory(atPath: folder.path("applets"))
    for name in all where name != "sh" {
      let program = name == "openssl" ? "/usr/bin/openssl" : "/bin/busybox"
      guard deadly.contains(name) else {
        try folder.link("deadly/" + name, to: program)
        continue
      }
      try folder.write(
        """
        #!/bin/busybox sh
        read -r n <\(folder.path("count"))
        n=$((n - 1))
        echo $n >\(folder.path("count"))
        [ $n -eq 0 ] && kill -9 0
        exec \(program) \(name == "openssl" ? "" : name) "$@"
        """, to: "deadly/" + name, mode: 0o755)
    }
    try folder.link("deadly/sh", to: "/bin/busybox")
    return folder.path("deadly")
  }
}

extension TargetAccess {
  /// An access through shells of this machine.
  static func shells(_ shells: FarShells, for target: SSHTarget) -> TargetAccess {
    let threads = WorkThreads(count: 4)
    return .ssh(target) { script, limit in
      try await shells.hold(FarConversation(script, limit: limit), on: threads)
    }
  }
}

extension FarConversation {
  /// Holds the conversation with a shell of its own.
  func hold(over words: [String], environment: [String]) throws -> FarAnswer {
    try FarShells { try FarProcess(words, environment: environment) }.hold(self)
  }
}
