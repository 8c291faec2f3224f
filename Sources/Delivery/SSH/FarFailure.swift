import Foundation
import PKI
import Rotation

/// What a script reports of a failure, as one for an administrator.
struct FarFailure: Sendable {
  let target: SSHTarget

  /// - Parameter fields: the code, what it is about, and what a tool said.
  func failure(_ fields: [String]) -> DeliveryFailure {
    let code = fields.first ?? ""
    let what = fields.count > 1 ? fields[1] : ""
    let text = fields.count > 2 ? fields[2] : ""
    if code == "SYSTEM" { return system(what, text) }
    if let row = files(code, what, text) ?? rights(code, what, text) ?? programs(code, what, text)
      ?? keys(code, what, text)
    {
      return DeliveryFailure(code: code, sentence: on(row.sentence), advice: row.advice)
    }
    return DeliveryFailure(
      code: "SSH_FAILED", sentence: on("What was asked for could not be done (\(code))."),
      advice: "Look at the host, then try again.", output: text)
  }

  /// A failure of putting back, after another one.
  func halfway(after first: DeliveryFailure, _ fields: [String]) -> DeliveryFailure {
    let second = failure(fields)
    return DeliveryFailure(
      code: "NOT_PUT_BACK",
      sentence: "\(first.failure.sentence) The files replaced before could not all be put back either: "
        + second.failure.sentence,
      advice:
        "\(second.failure.advice) Their old contents are kept beside them (.reroot-ssh-\(fields.last ?? "")…) and "
        + "are put back by the next attempt.")
  }

  private typealias Row = (sentence: String, advice: String)

  private func on(_ sentence: String) -> String { "On \(target.address): \(sentence)" }

  /// What a tool was refused by the system there, told from its words in English (the scripts set `LC_ALL=C`).
  private func system(_ task: String, _ text: String) -> DeliveryFailure {
    guard let number = SystemReason.number(inMessage: text) else {
      return DeliveryFailure(
        code: "SYSTEM_ERROR", sentence: on("\(task) failed."), advice: "Read what the tool said there, then try again.",
        output: text)
    }
    let row = SystemReason.of(number)
    let isRight = number == EACCES || number == EPERM
    let reason = number == EACCES ? "“\(target.user)” has no permission for it" : row.reason
    let advice =
      isRight
      ? "Give “\(target.user)” the right to write in the folder, or allow it sudo and say so in the component's settings. "
        + "Then try again." : row.advice
    return DeliveryFailure(code: row.code, sentence: on("\(task) failed: \(reason)."), advice: advice, output: text)
  }

  private func files(_ code: String, _ what: String, _ text: String) -> Row? {
    let settings = "in the component's settings"
    switch code {
    case "FOLDER_MISSING":
      return (
        "The folder \(what) does not exist.",
        "Create it, with the owner that the component needs, or correct the path \(settings)."
      )
    case "LINK_LOOP": return ("The symbolic links of \(what) cannot be followed.", "Correct the links. Then try again.")
    case "LINK_NOT_TRUSTED":
      return (
        "The symbolic link \(what) belongs to another user than what is behind it (user numbers \(text)).",
        "Name the file itself \(settings), or let the link belong to root."
      )
    case "NOT_A_FILE":
      return (
        "\(what) is a device, a pipe or a socket where a file is needed.",
        "Correct the path \(settings), or remove what stands there."
      )
    case "FILE_TOO_LARGE":
      return (
        "\(what) has \(text) bytes; a certificate file has \(TargetFile.maximumBytes) at most.",
        "Check that the path names the right file."
      )
    case "FILE_CHANGES":
      return (
        "\(what) was changed while it was worked on.",
        "Find out which program writes it. Certificates must be replaced by Reroot alone."
      )
    case "SAME_FILE_TWICE":
      return (
        "\(what) is the same file as another one of the component, \(text).",
        "Give each content a file of its own \(settings)."
      )
    case "CONTENT_DAMAGED":
      return ("What was written beside \(what) is not what was sent.", "Check the disk of the host, then try again.")
    case "SOURCE_CHANGED":
      return (
        "\(text) is not what it was a moment ago, so \(what) was not replaced with it.",
        "Find out which program changed it, then retry."
      )
    case "IMMUTABLE":
      return (
        "\(what) is marked immutable, or as one that can only be appended to.",
        "Remove the mark with `chattr -i -a \(text)`, then try again."
      )
    default: return recovery(code, what, text)
    }
  }

  private func recovery(_ code: String, _ what: String, _ text: String) -> Row? {
    switch code {
    case "FOLDER_BUSY":
      return (
        "The folder \(what) is locked by another replacement for too long.",
        "Look whether a second Reroot works on it. If none does, remove .reroot-ssh.lock and .reroot-ssh.breaking there. "
          + "Then try again."
      )
    case "RECOVERY_NOT_TRUSTED":
      return (
        "\(what) was not written by Reroot as “\(target.user)”.",
        "If Reroot signed in as another user before, do so once more, so that it can put right what was cut short. "
          + "Otherwise find out who made the file, and remove it."
      )
    case "RECOVERY_UNREACHABLE":
      return (
        "A replacement was cut short in \(what) and in \(text), which cannot be reached now.",
        "Mount the file system of \(text), then try again. If that folder was removed for good, compare the component's "
          + "files with the .reroot-ssh- files beside them and remove those."
      )
    case "RECOVERY_IMPOSSIBLE":
      return (
        "\(what) tells of a replacement that was cut short, but cannot be understood.",
        "Compare the component's files with the .reroot-ssh- files beside them, put back what is right, and remove those."
      )
    default: return nil
    }
  }

  private func rights(_ code: String, _ what: String, _ text: String) -> Row? {
    switch code {
    case "OWNER_UNKNOWN":
      return (
        "There is no user “\(what)”.", "Correct the owner in the component's settings, or create the user on the host."
      )
    case "GROUP_UNKNOWN":
      return (
        "There is no group “\(what)”.",
        "Correct the group in the component's settings, or create the group on the host."
      )
    case "OWNER_NOT_ALLOWED":
      return (
        "\(text) may not give files to \(what).",
        "Allow the account sudo and say so in the component's settings, or remove owner and group from them and let the "
          + "component read the files as a member of a group."
      )
    case "MODE_NOT_KEPT":
      return (
        "The file system of \(what) does not keep owner and mode: it made a file of \(text).",
        "Use a file system that knows owners and modes."
      )
    default: return nil
    }
  }

  private func programs(_ code: String, _ what: String, _ text: String) -> Row? {
    let correct = "correct the command in the component's settings."
    let start = "Start the component, or correct the path in its settings to the file that it writes its number to."
    switch code {
    case "TOOL_MISSING":
      return ("The tool \(what) is missing, without which nothing can be done there.", "Install it, then try again.")
    case "PROGRAM_MISSING": return ("The program \(what) is \(text).", "Install it, or \(correct)")
    case "PROGRAM_NOT_EXECUTABLE":
      return ("The program \(what) may not be run by \(text).", "Make it executable (`chmod +x`), or \(correct)")
    case "PROGRAM_NOT_ABSOLUTE":
      return (
        "The program \(what) is given by a relative path.",
        "Give its absolute path, or its name alone, in the component's settings."
      )
    case "PID_FILE_MISSING": return ("The pid file \(what) does not exist.", start)
    case "PID_FILE_INVALID":
      return (
        "The pid file \(what) does not hold the number of a process.",
        "Check that the path names the component's pid file, and restart the component if the file is damaged."
      )
    case "PID_FILE_STALE": return ("The pid file \(what) names process \(text), which is not running.", start)
    case "PID_FILE_NOT_TRUSTED":
      return (
        "The pid file \(what) can be written by others than root and the user of the process that it names.",
        "Let the file belong to root or to the user of the process, and be writable by nobody else."
      )
    case "SIGNAL_REFUSED":
      return (
        "“\(target.user)” may not send a signal to process \(text), named in \(what).",
        "Allow the account sudo and say so in the component's settings, or use an activation command that is permitted."
      )
    default: return nil
    }
  }

  private func keys(_ code: String, _ what: String, _ text: String) -> Row? {
    let instead = "or let Reroot make the key, in the component's settings."
    let said = text.isEmpty ? "" : " It says: \(VisibleText.of(text, limit: 500))"
    switch code {
    case "OPENSSL_MISSING":
      return (
        "The program openssl is missing, which has to make and look at the component's key there.",
        "Install OpenSSL (1.1.1 or newer) on the host, \(instead)"
      )
    case "OPENSSL_UNFIT":
      return (
        "What openssl is there cannot make the component's key: \(what).",
        "Install OpenSSL 1.1.1 or newer on the host, \(instead)"
      )
    case "KEY_UNREADABLE":
      return (
        "\(what) does not hold a key that openssl could read there.",
        "It must be a private key in PEM format without a password."
      )
    case "NOT_PEM":
      return (
        "\(what) holds no key in PEM, but something else, which an update would destroy.",
        "Correct the path in the component's settings. If nobody needs the file, move it away."
      )
    case "KEY_NOT_MADE":
      return ("No key could be made for \(what) by openssl.\(said)", "Choose another kind of key, \(instead)")
    case "REQUEST_NOT_MADE":
      return ("No signing request could be made for \(what) by openssl.\(said)", "Look at openssl there, \(instead)")
    default: return nil
    }
  }
}

extension SystemReason {
  /// The error number of a message in English, as glibc and musl word it; nil for one that is not known.
  static func number(inMessage text: String) -> Int32? {
    messages.first { text.contains($0.0) }?.1
  }

  private static let messages: [(String, Int32)] = [
    ("No space left", ENOSPC), ("Permission denied", EACCES), ("Operation not permitted", EPERM),
    ("Read-only file system", EROFS), ("uota exceeded", EDQUOT), ("esource busy", EBUSY), ("or resource busy", EBUSY),
    ("nput/output error", EIO), ("I/O error", EIO), ("Is a directory", EISDIR), ("Not a directory", ENOTDIR),
    ("ile name too long", ENAMETOOLONG), ("ilename too long", ENAMETOOLONG), ("levels of symbolic links", ELOOP),
    ("ymbolic link loop", ELOOP), ("tale file handle", ESTALE), ("ross-device", EXDEV), ("ile too large", EFBIG),
    ("No such file", ENOENT), ("nonexistent directory", ENOENT),
  ]
}
