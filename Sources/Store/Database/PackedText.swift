import CZlib
import Foundation

/// Text that is compressed piece by piece, into the format of gzip (RFC 1952): that of thousands of components which are much
/// alike takes a tenth of its room.
struct TextPacker: ~Copyable {
  private let packer: OpaquePointer

  init() throws {
    guard let packer = reroot_pack_begin() else { throw Self.noMemory }
    self.packer = packer
  }

  deinit { reroot_pack_free(packer) }

  private static let noMemory = StoreError(
    code: "NO_MEMORY", sentence: "There is no memory left to compress a plan. Give Reroot's machine more, then retry.")

  /// Adds a piece.
  func add(_ text: String) throws {
    var text = text
    let outcome = text.withUTF8 { reroot_pack_add(packer, $0.baseAddress, $0.count) }
    guard outcome == 0 else { throw Self.noMemory }
  }

  /// The whole.
  consuming func packed() throws -> Data {
    var count = 0
    guard let bytes = reroot_pack_end(packer, &count) else { throw Self.noMemory }
    return Data(bytes: bytes, count: count)
  }
}

/// Reads what ``TextPacker`` makes.
enum PackedText {
  /// The text.
  ///
  /// - Throws: `DATABASE_BROKEN` for anything else.
  static func text(in packed: Data) throws -> String {
    // The last four bytes tell how long it was, the least significant first (RFC 1952, section 2.3.1).
    guard packed.count >= 4 else { throw damaged }
    let length = packed.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    // No compression of this kind makes less than a thousandth of anything (zlib's manual, “Technical details”: 1032 : 1).
    guard length / 1032 <= packed.count else { throw damaged }
    var isWhole = false
    let text = packed.withUnsafeBytes { bytes in
      String(unsafeUninitializedCapacity: length) { room in
        let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        isWhole = reroot_unpack(start, bytes.count, room.baseAddress, length) == 0
        return isWhole ? length : 0
      }
    }
    guard isWhole else { throw damaged }
    return text
  }

  private static let damaged = StoreError(
    code: "DATABASE_BROKEN",
    sentence: "A plan in Reroot's database cannot be expanded: it is damaged. Restore the folder from a backup.")
}
