"""The results, for people and as JSON Lines."""
import dataclasses
import json
import sys
import textwrap

REROOT = "reroot"
PER_COMPONENT = ("directories", "rollback", "servers", "ssh")


class Table:
    def __init__(self, chosen):
        self.chosen = chosen
        self.file = chosen.json.open("w") if chosen.json else None
        self.failed = False
        # The cost per component where somebody ran with the most components, to compare by where he does not run.
        self.latest = {}
        self.courses = {}

    def say(self, line):
        print(line, file=sys.stderr, flush=True)

    def add(self, case):
        print(f"\n{case.title} (medians of {self.chosen.rounds})")
        head = ("", "seconds", "CPU s", "peak MB", "ms each", "CPU ms each", f"× {case.floor}"[:10], "× reroot")
        print(f"  {head[0]:<16}" + "".join(f"{word:>{max(11, len(word) + 1)}}" for word in head[1:]))
        costs = {result.contestant: self.cost(case, result) for result in case.results}
        for result in case.results:
            self.line(case, result, costs)
            self.write(case, result, costs)
        sys.stdout.flush()

    def cost(self, case, result):
        """Milliseconds per component: here, or where he ran last."""
        key = (case.workload, case.form, result.contestant)
        if result.figures:
            self.courses.setdefault(key, {})[case.size] = self.latest[key] = result.figures.seconds * 1000 / (case.each or case.size)
        return self.latest.get(key)

    def line(self, case, result, costs):
        cost = costs[result.contestant]
        ratios = "".join(f"{ratio(cost, costs.get(name)):>11}" for name in (case.floor, REROOT))
        figures = result.figures
        if figures:
            print(f"  {result.contestant:<16}{figures.seconds:>11.3f}{figures.cpu:>11.2f}"
                  f"{figures.peak / 1e6:>11.1f}{cost:>11.2f}"
                  f"{figures.cpu * 1000 / (case.each or case.size):>12.2f}{ratios}")
            told = "; ".join(f"{name} {value:,.{3 if value < 10 else 1}f}" for name, value in figures.more.items())
            for line in textwrap.wrap(told, 108):
                print(f"    {line}")
        elif cost is not None:
            print(f"  {result.contestant:<16}{'–':>11}{'–':>11}{'–':>11}{cost:>11.2f}{'–':>12}{ratios}  {result.reason}")
        else:
            print(f"  {result.contestant:<16}  {result.reason}")
        if result.reason and not result.reason.startswith("not run"):
            self.failed = True

    def write(self, case, result, costs):
        if not self.file:
            return
        cost = costs[result.contestant]
        line = {
            "workload": case.workload, "form": case.form, "size": case.size, "contestant": result.contestant,
            "median": dataclasses.asdict(result.figures) if result.figures else None,
            "rounds": [dataclasses.asdict(one) for one in result.rounds], "reason": result.reason,
            "millisecondsEach": cost,
            "toFloor": quotient(cost, costs.get(case.floor)), "toReroot": quotient(cost, costs.get(REROOT)),
        }
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    def close(self):
        self.print_growth()
        if self.file:
            self.file.close()

    def print_growth(self):
        """How the cost per component changes with their number."""
        grown = {key: costs for key, costs in self.courses.items() if len(costs) > 1 and key[0] in PER_COMPONENT}
        if grown:
            print("\nThe cost per component in milliseconds, by the number of components")
        for (workload, form, contestant), costs in grown.items():
            course = ", ".join(f"{size:,}: {cost:.2f}" for size, cost in costs.items())
            print(f"  {workload}, {form}, {contestant}: {course}")


def quotient(one, other):
    return one / other if one and other else None


def ratio(one, other):
    found = quotient(one, other)
    return "–" if found is None else f"{found:.2f}"
