"""Looks into the memory of a running process, as root may."""
import re

MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw")


def search(number, needles):
    """How often each needle (bytes by name) stands in the writable memory of a process, and the bytes searched."""
    hits = dict.fromkeys(needles, 0)
    searched = 0
    overlap = max(len(needle) for needle in needles.values()) - 1
    with open(f"/proc/{number}/maps") as maps, open(f"/proc/{number}/mem", "rb", 0) as memory:
        for line in maps:
            found = MAPPING.match(line)
            if not found:
                continue
            begin, end = found.groups()
            position, end = int(begin, 16), int(end, 16)
            rest = b""
            while position < end:
                try:
                    memory.seek(position)
                    piece = memory.read(min(1 << 22, end - position))
                except OSError:
                    # A page that is reserved and not there.
                    piece = b""
                if not piece:
                    position += 4096
                    rest = b""
                    continue
                text = rest + piece
                for key, needle in needles.items():
                    hits[key] += text.count(needle)
                searched += len(piece)
                position += len(piece)
                rest = text[-overlap:]
    return hits, searched
