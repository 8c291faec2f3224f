"""What is asked for on the command line."""
import argparse
import pathlib

SIZES = [10, 100, 1_000, 10_000]


def words(text):
    return [word for word in text.split(",") if word]


def sizes(text):
    return [int(word) for word in words(text)]


def read(workloads, arguments=None):
    parser = argparse.ArgumentParser(
        prog="Scripts/bench", description="Measures Reroot beside what people would use instead, in one run.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contestant does each piece of work (3)")
    parser.add_argument("--only", type=words, default=workloads, metavar="WORKLOAD[,…]", help=", ".join(workloads))
    parser.add_argument("--contestants", type=words, metavar="A[,…]", help="all others sit out")
    parser.add_argument("--sizes", type=sizes, metavar="N[,…]", help="numbers of components (10,100,1000,10000)")
    parser.add_argument("--profile", action="store_true", help="record where Reroot's time goes, with perf")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write each result as a line of JSON, too")
    parser.add_argument("--program", type=pathlib.Path, metavar="FILE", help="a reroot that is built already")
    parser.add_argument("--limit", type=int, default=600, metavar="SECONDS", help="what takes longer is ended (600)")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.only) - set(workloads):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    return chosen
