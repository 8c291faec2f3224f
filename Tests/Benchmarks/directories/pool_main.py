"""The contestant itself: see pool.py.

    pool_main.py cryptography|cfssl FOLDER COUNT FORM KEY ACTIVATE LOG
"""
import concurrent.futures
import contextlib
import multiprocessing
import os
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization

import makers

BATCH = 64
PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Work:
    def __init__(self, maker, folder, count, form, key, activate, log):
        self.folder, self.count = pathlib.Path(folder), int(count)
        self.is_new_root = form == "new-root"
        self.activation = [activate, log]
        self.bundle = (self.folder / "bundle.pem").read_bytes()
        self.root = x509.load_pem_x509_certificate((self.folder / "root.pem").read_bytes())
        self.make = makers.MAKERS[maker](self.folder, key)

    def names(self, numbers):
        return [f"part-{number:05}" for number in numbers]

    def part(self, name):
        return self.folder / "parts" / name

    def trust(self, numbers):
        names = self.names(numbers)
        self.put([(self.part(name), "roots.pem", self.bundle, 0o644) for name in names])
        self.activate(names)

    def replace(self, numbers):
        names = self.names(numbers)
        files = []
        for name in names:
            part = self.part(name)
            key, certificate = self.make(name)
            if not self.is_new_root:
                files.append((part, "roots.pem", self.bundle, 0o644))
            files += [(part, "server.key", key, 0o600), (part, "server.pem", certificate, 0o644)]
        self.put(files)
        self.activate(names)
        for name in names:
            self.verify(self.part(name))

    def put(self, files):
        """Writes all, flushes all, renames all, flushes all folders."""
        opened = []
        for folder, name, content, mode in files:
            number = os.open(folder / f".{name}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            os.write(number, content)
            opened.append(number)
        for number in opened:
            os.fsync(number)
            os.close(number)
        for folder, name, _, _ in files:
            os.rename(folder / f".{name}.new", folder / name)
        for folder in {folder for folder, _, _, _ in files}:
            number = os.open(folder, os.O_RDONLY)
            os.fsync(number)
            os.close(number)

    def activate(self, names):
        started = [os.posix_spawn(self.activation[0], [*self.activation, name], {}) for name in names]
        for process in started:
            if os.waitpid(process, 0)[1] != 0:
                raise RuntimeError("an activation failed")

    def verify(self, part):
        certificate = x509.load_pem_x509_certificate((part / "server.pem").read_bytes())
        certificate.verify_directly_issued_by(self.root)
        key = serialization.load_pem_private_key((part / "server.key").read_bytes(), None)
        if key.public_key().public_bytes(*PUBLIC) != certificate.public_key().public_bytes(*PUBLIC):
            raise RuntimeError(f"{part} has a key without its certificate")


def begin(*words):
    global work
    work = Work(*words)


def run(phase, numbers):
    getattr(work, phase)(numbers)


def main(*words):
    count, is_new_root, processors = int(words[2]), words[3] == "new-root", os.cpu_count()
    size = max(1, min(BATCH, count // (2 * processors)))
    batches = [range(first, min(first + size, count)) for first in range(0, count, size)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(makers.SERVERS[words[0]](pathlib.Path(words[1])))
        context = multiprocessing.get_context("fork")
        pool = stack.enter_context(
            concurrent.futures.ProcessPoolExecutor(processors, context, initializer=begin, initargs=words))
        for phase in ["trust", "replace"] if is_new_root else ["replace"]:
            for future in [pool.submit(run, phase, batch) for batch in batches]:
                future.result()


if __name__ == "__main__":
    main(*sys.argv[1:])
