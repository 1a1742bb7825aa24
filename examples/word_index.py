"""An inverted index of the documentation on this machine: which documents hold which word.

It shows the commonest use of PyWren: `map` a function over many inputs, `reduce` the results on
a worker, and look at what came out. The documents are the texts inside the modules of Python's
standard library and those in /usr/share/doc, so it runs anywhere:

    python word_index.py
    python word_index.py --query "compress archive" --workers 4 ~/notes

Then it does the same work in this process alone, and tells how much faster PyWren was.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import heapq
import math
import os
import re
import sysconfig
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pywren

DIRECTORIES = [Path(sysconfig.get_path("stdlib")), Path("/usr/share/doc")]
QUERIES = ["compress archive", "random distribution", "parse date time", "secure password hash"]
SUFFIXES = {".md", ".py", ".rst", ".txt"}
LEFT_OUT = {"dist-packages", "idle_test", "site-packages", "test", "tests"}
MOST_BYTES = 40_000_000
PARTS = 64


class Index(NamedTuple):
    """Which documents hold each word, how often; and how many words each document has."""

    postings: dict[str, dict[str, int]]
    lengths: dict[str, int]


def index_documents(paths: list[Path]) -> Index:
    """Index some documents. This runs on the workers."""
    index = Index({}, {})
    for path in paths:
        name = str(path)
        words = Counter(re.findall(r"[^\W\d_]{3,}", read_text(path).lower()))
        index.lengths[name] = words.total()
        for word, count in words.items():
            index.postings.setdefault(word, {})[name] = count
    return index


def merge(indexes: list[Index]) -> Index:
    """Make one index of several. This runs on a worker too: the parts do not come back here."""
    whole = Index({}, {})
    for part in indexes:
        whole.lengths.update(part.lengths)
        for word, documents in part.postings.items():
            whole.postings.setdefault(word, {}).update(documents)
    return whole


def read_text(path: Path) -> str:
    """The text of a document; of a Python module its docstrings and messages."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")
    return "\n".join(texts_in_code(text)) if path.suffix == ".py" else text


def texts_in_code(source: str) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's code is not ours to mend
            nodes = ast.walk(ast.parse(source))
    except (SyntaxError, ValueError):  # not in Python 3, or a template of code
        yield source
        return
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def find_documents(directories: list[Path]) -> dict[Path, int]:
    """The documents in some directories with their sizes, up to `MOST_BYTES` in all."""
    found, total = {}, 0
    for directory in directories:
        for path in sorted(directory.rglob("*")):
            if is_document(path.relative_to(directory)) and path.is_file():
                size = path.stat().st_size
                if total + size <= MOST_BYTES:
                    found[path] = size
                    total += size
    return found


def is_document(path: Path) -> bool:
    kind = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return kind in SUFFIXES and LEFT_OUT.isdisjoint(path.parts)


def in_parts(documents: dict[Path, int]) -> list[list[Path]]:
    """The documents in parts of about equal work."""
    by_size = sorted(documents, key=lambda path: (-documents[path], path))
    return [by_size[number::PARTS] for number in range(min(PARTS, len(by_size)))]


def telling_words(index: Index, count: int) -> list[str]:
    """Words that are frequent, but not everywhere (tf-idf)."""

    def weight(word: str) -> float:
        documents = index.postings[word]
        return sum(documents.values()) * math.log(len(index.lengths) / len(documents))

    return heapq.nlargest(count, index.postings, weight)


def best_documents(index: Index, query: str, count: int = 3) -> list[tuple[str, float]]:
    """The documents that say most about the words of a query (BM25)."""
    mean_length = sum(index.lengths.values()) / len(index.lengths)
    scores = Counter()
    for word in query.lower().split():
        documents = index.postings.get(word, {})
        rarity = math.log(1 + len(index.lengths) / (1 + len(documents)))
        for document, times in documents.items():
            length = index.lengths[document] / mean_length
            scores[document] += rarity * 2.2 * times / (times + 0.3 + 0.9 * length)
    return scores.most_common(count)


def report(index: Index, queries: list[str]) -> None:
    print(f"\n{len(index.postings):,} different words. Those that tell most:")
    print(f"  {', '.join(telling_words(index, 12))}\n")
    for query in queries:
        print(f"{query}:")
        for document, score in best_documents(index, query):
            print(f"  {score:5.1f}  {document}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directories", nargs="*", type=Path, default=DIRECTORIES)
    parser.add_argument("--query", action="append", help="words to look for; may be repeated")
    parser.add_argument("--workers", type=int, help="how many processes; by default one per core")
    options = parser.parse_args()

    busy = os.getloadavg()[0]
    documents = find_documents(options.directories)
    if not documents:
        raise SystemExit(f"no documents ({', '.join(sorted(SUFFIXES))}) in these directories")
    parts = in_parts(documents)

    begin = time.perf_counter()
    with pywren.local_executor(workers=options.workers) as pwex:
        futures = pwex.map(index_documents, parts)
        pywren.wait(futures, progress=True)
        index = pwex.reduce(merge, futures).result()
        workers = pwex.backend.workers
    parallel = time.perf_counter() - begin
    report(index, options.query or QUERIES)

    begin = time.perf_counter()
    alone = merge([index_documents(part) for part in parts])
    serial = time.perf_counter() - begin
    if alone != index:
        raise SystemExit("the two indexes differ: please report this")
    size = sum(documents.values()) / 1e6
    print(f"\n{len(documents):,} documents, {size:.1f} MB, {len(parts)} calls on {workers} workers")
    print(f"PyWren {parallel:.2f} s, one process {serial:.2f} s: {serial / parallel:.2f}x as fast")
    if busy > 0.5:
        print(f"(other programs kept {busy:.1f} of {os.cpu_count()} cores busy before)")


if __name__ == "__main__":
    main()
