import CFuzzer
import Foundation
import PKI

// The programs of libFuzzer (https://llvm.org/docs/LibFuzzer.html): one for every place where bytes of somebody else are
// read. Scripts/fuzz builds and runs them. All are in one executable, so that everything is built once.

/// A place where hostile bytes are read.
enum FuzzTarget: String, CaseIterable {
  /// PFX files, as they are uploaded and as `reroot inspect` reads them.
  case pfx
  /// Certificates, bundles and signing requests.
  case certificate
  /// Bodies of forms and uploads.
  case form
  /// The request line and the header fields, as far as libmicrohttpd leaves them to us; cookies; events.
  case request
  /// Components as YAML, and the places of a search.
  case yaml
  /// Bodies of the API's JSON, and components in it.
  case json
  /// What other machines, servers, files and the kernel say.
  case answer

  /// Reads the bytes. Returning is success: whatever is wrong with them is for the reader to refuse.
  func read(_ bytes: [UInt8]) {
    switch self {
    case .pfx: PFXFuzz.read(bytes)
    case .certificate: CertificateFuzz.read(bytes)
    case .form: FormFuzz.read(bytes)
    case .request: RequestFuzz.read(bytes)
    case .yaml: YAMLFuzz.read(bytes)
    case .json: JSONFuzz.read(bytes)
    case .answer: AnswerFuzz.read(bytes)
    }
  }
}

/// Ends the program, which libFuzzer reports together with the bytes that led here.
func require(_ condition: @autoclosure () -> Bool, _ promise: @autoclosure () -> String) {
  if !condition() { fatalError("Broken promise: \(promise())") }
}

/// Ends the program unless a text is fit to be shown.
func requireVisible(_ text: String) {
  let hidden = text.unicodeScalars.filter { VisibleText.isHidden($0) && !["\n", "\t", "\u{FE0F}"].contains($0) }
  require(hidden.isEmpty, "“\(text)” is visible")
}

/// The target that this run is for is named by the environment: libFuzzer takes all arguments.
@main enum Fuzz {
  fileprivate static let target: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
      fatalError("FUZZ_TARGET must be one of \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return target
  }()

  static func main() {
    JSONFuzz.prepare()
    var count = CommandLine.argc
    var words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    exit(LLVMFuzzerRunDriver(&count, &words, fuzzOneInput))
  }
}

/// Takes every input. The name is the one that libFuzzer's own `main` links with, which the package's replaces.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  Fuzz.target.read(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
