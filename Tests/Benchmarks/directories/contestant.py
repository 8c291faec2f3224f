"""What all contestants have in common."""


class Contestant:
    name = ""
    # With more components it would take too long.
    largest = 1_000_000

    def __init__(self, system, chosen):
        self.system, self.chosen = system, chosen

    def prepare(self):
        """What is done before the measurement."""

    def run(self):
        """Does the work and returns its figures."""
        raise NotImplementedError

    def close(self):
        """Ends what was started."""
