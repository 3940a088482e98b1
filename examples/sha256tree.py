#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The SHA-256 sums of all files below some paths, as sha256sum prints them, in
the order of `find PATH... -type f | LC_ALL=C sort`.

Each file is one task in the pool's list; what comes of it is appended to another
list, in a transaction of the task's own.
"""

import argparse
import hashlib
import os
import stat
import sys
import threading
from functools import partial
from itertools import chain
from operator import itemgetter

from options import add_keep_alive, number
from stm import TVar, atomically, stats
from stm.datatypes import TList
from stm.eventloop import scheduled_function
from stm.threadutils import ThreadPool
from stm.utils import atomically_watch

PROGRAM = "sha256tree"

BUFFER_SIZE = 128 * 1024

ESCAPES = ((b"\\", rb"\\"), (b"\n", rb"\n"), (b"\r", rb"\r"))


# What one thread hashes with, file after file.
buffers = threading.local()


def hash_file(path):
    try:
        buffer = buffers.buffer
    except AttributeError:
        buffer = buffers.buffer = memoryview(bytearray(BUFFER_SIZE))
    hasher = hashlib.sha256()
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        while got := os.readv(file, [buffer]):
            hasher.update(buffer[:got])
    finally:
        os.close(file)
    return hasher.hexdigest()


class Job:
    def __init__(self):
        self.results = TList()
        self.failed = False

    def complain(self, path, error):
        message = os.fsencode(f"{PROGRAM}: ") + path
        message += os.fsencode(f": {os.strerror(error.errno)}\n")
        sys.stderr.buffer.write(message)
        sys.stderr.buffer.flush()
        self.failed = True

    def walk(self, path):
        """Yield the regular files at or below a path."""
        try:
            mode = os.lstat(path).st_mode
        except OSError as error:
            self.complain(path, error)
            return
        if stat.S_ISREG(mode):
            yield path
        folders = [path] if stat.S_ISDIR(mode) else []
        while folders:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        elif entry.is_file(follow_symlinks=False):
                            yield entry.path
            except OSError as error:
                self.complain(error.filename, error)

    def hash(self, path):
        """Hash a file, as a task; the result is its sum or the error."""
        try:
            result = hash_file(path)
        except OSError as error:
            result = error
        atomically(partial(self.results.append, (path, result)))

    def schedule(self, pool, paths):
        """Append a task for every file to the pool's list.

        All at once: to walk and to hash at the same time would only make two
        threads wait for one interpreter.
        """
        files = chain.from_iterable(map(self.walk, paths))
        tasks = [partial(self.hash, path) for path in files]
        atomically(partial(pool.tasks.extend, tasks))

    def print(self):
        results = atomically(lambda: list(self.results))
        for path, result in sorted(results, key=itemgetter(0)):
            if isinstance(result, OSError):
                self.complain(path, result)
            else:
                sys.stdout.buffer.write(line(path, result))
        sys.stdout.buffer.flush()


def line(path, digest):
    escaped = path
    for character, escape in ESCAPES:
        escaped = escaped.replace(character, escape)
    mark = b"" if escaped == path else b"\\"
    return mark + digest.encode() + b"  " + escaped + b"\n"


class Progress:
    """A line on standard error that says how far it is.

    There is no timer: a watcher notices each change of the counts and has the
    event loop print them, unless a line is due already.
    """

    def __init__(self, pool):
        self.pool = pool
        self.due = TVar(False)
        self.watcher = atomically_watch(self.counts, self.changed)

    def counts(self):
        return self.pool.tasks_finished, self.pool.tasks_scheduled

    def changed(self, counts):
        if not self.due.value:
            self.due.value = True
            self.print()

    @scheduled_function
    def print(self):
        @atomically
        def counts():
            self.due.value = False
            return self.counts()

        sys.stderr.write("\r%d of %d files\033[K" % counts)
        sys.stderr.flush()

    def end(self):
        self.watcher.cancel()
        done = threading.Event()
        scheduled_function(done.set)()
        done.wait()
        sys.stderr.write("\r\033[K")


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Prints the SHA-256 sum of each regular file at or below "
        "the paths, in the format of sha256sum and sorted by name.  Symbolic "
        "links are not followed.",
    )
    parser.add_argument(
        "--threads",
        type=number(1, 1000000),
        default=os.cpu_count(),
        metavar="N",
        help="at most so many threads (%(default)s)",
    )
    add_keep_alive(parser)
    parser.add_argument(
        "--stats",
        action="store_true",
        help="print how the transactions fared to standard error",
    )
    parser.add_argument("paths", nargs="+", type=os.fsencode, metavar="PATH")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    pool = ThreadPool(arguments.threads, arguments.keep_alive)
    job = Job()
    progress = Progress(pool) if sys.stderr.isatty() else None
    job.schedule(pool, arguments.paths)
    pool.join()
    if progress is not None:
        progress.end()
    pool.shutdown()
    job.print()
    if arguments.stats:
        stats.print()
    return 1 if job.failed else 0


if __name__ == "__main__":
    sys.exit(main())
