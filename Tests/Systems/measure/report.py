"""The counts of a part of the measurement, in lines for a person."""
from .outcome import BAD, CLOSED, DROPPED, OK, REFUSED

OTHER = [outcome for outcome in BAD if outcome not in [*REFUSED, DROPPED]]


class Counts:
    """What came of all connections of a span."""

    def __init__(self, span, reloads):
        """
        - reloads: how often the servers that close idle kept connections when they reload did so in the span.
        """
        self.refusals = {outcome: span.count(outcome) for outcome in REFUSED}
        self.refused = sum(self.refusals.values())
        # A kept connection is made anew after it has ended; as long as that is refused, it is tried again and again.
        self.connections = sum(span.count(outcome, sessions=False) for outcome in [OK, *BAD])
        self.connections += sum(span.count(outcome, sessions=True) for outcome in REFUSED)
        self.dropped = span.count(DROPPED)
        self.others = {outcome: span.count(outcome) for outcome in OTHER}
        self.other = sum(self.others.values())
        self.beats = span.count(OK, sessions=True)
        self.closed = span.count(CLOSED)
        self.reloads = reloads
        self.bad = span.bad()

    def line(self, title):
        return (
            f"{title}: {self.connections:,} new connections, "
            f"{self.refused:,} refused handshakes{listed(self.refusals)}, "
            f"{self.other:,} other failures{listed(self.others)}; kept connections used {self.beats:,} times, "
            f"{self.dropped:,} dropped, {self.closed:,} closed while idle at {self.reloads:,} reloads of nginx at the "
            f"edge and HAProxy"
        )


def listed(counts):
    parts = [f"{count:,} {outcome}" for outcome, count in counts.items() if count]
    return f" ({', '.join(parts)})" if parts else ""
