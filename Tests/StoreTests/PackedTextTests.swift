import Foundation
import Testing

@testable import Store

@Suite("Compressed text")
struct PackedTextTests {
  private func packed(_ pieces: [String]) throws -> Data {
    let packer = try TextPacker()
    for piece in pieces { try packer.add(piece) }
    return try packer.packed()
  }

  @Test(
    "comes back as it was, however it was cut into pieces",
    arguments: [
      [], [""], ["a"], ["Zertifikat ", "für ", "Gerät €𝄞", "\0\n"],
      Array(repeating: "the same again and again; ", count: 20_000),
      (0..<20_000).map { "\($0 &* 2_654_435_761 % 4_294_967_291)" }, [String(repeating: "x", count: 3_000_000)],
    ])
  func whole(pieces: [String]) throws {
    let packed = try packed(pieces)
    #expect(try PackedText.text(in: packed) == pieces.joined())
  }

  @Test("takes a tenth of its room where it is much alike")
  func small() throws {
    let pieces = (0..<1_000).map { #"{"name":"part-\#($0)","folder":"/srv/parts/part-\#($0)","endpoints":[]}"# }
    let count = try packed(pieces).count
    #expect(count < pieces.joined().utf8.count / 10 * 2)
  }

  @Test("that is damaged is refused, whatever is damaged")
  func damaged() throws {
    let good = try packed(["part of a plan, ", "and more of it, ", "and more of it, "])
    #expect(throws: StoreError.self) { try PackedText.text(in: Data()) }
    for count in 0..<good.count { #expect(throws: StoreError.self) { try PackedText.text(in: good.prefix(count)) } }
    #expect(throws: StoreError.self) { try PackedText.text(in: good + [0]) }
    for index in good.indices {
      var bad = good
      bad[index] ^= 0x10
      // A header says when and where it was made, too, which nobody looks at.
      guard let text = try? PackedText.text(in: bad) else { continue }
      #expect(index < 10 && text == "part of a plan, and more of it, and more of it, ")
    }
    var long = good
    long.replaceSubrange(long.count - 4..<long.count, with: [0xFF, 0xFF, 0xFF, 0x7F])
    #expect(throws: StoreError.self) { try PackedText.text(in: long) }
  }

  @Test("A plan of an earlier version, which is not compressed, is read as before and has the same hash")
  func earlier() async throws {
    let system = try TestSystem()
    let components = try await system.addComponents("a", "b")
    let root = try await system.importRoot("New").id
    let update = try await TestUpdate.start(system, components, root: root)
    let plan = try await system.store.update(update.id).plan
    let (saved, hash) = (try await system.store.plan(plan), try await system.store.planHash(plan))
    try await system.store.write { database in
      let text = try Store.text(of: plan, database)
      #expect(text.contains(#""components":[{"#))
      try database.execute(sql: "UPDATE plans SET body = ?, packed = NULL", arguments: [text])
    }
    system.store.plans.withLock { $0 = [:] }
    #expect(try await system.store.plan(plan) == saved)
    #expect(try await system.store.planHash(plan) == hash)
  }
}
