"""The search over names, texts, columns and terms, by words and by meaning.

`build` makes the index that the page carries. `Search` ranks with it on the command line; search.js does the same in
the page, and a test holds the two to the same results, because a static page cannot ask Python.

A query's words are looked up as they are, and as the words of the catalogue that stand nearest to them in the vectors
of WordLlama (Llama's token embeddings, distilled to 256 dimensions and carried by the wheel). BM25 ranks what they hit;
the likeness of the whole query to a text is added, so that a question without a common word finds something too.
"""

from __future__ import annotations

import base64
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.catalogue.entries import Catalogue, Dataset

DIMENSIONS = 128  # of the model's 256: trained so that the first ones say most
WEIGHTS = {"name": 5.0, "term": 4.0, "text": 2.0, "column": 1.5, "column_text": 0.5}
# Whoever asks wants the finished table before the steps that lead to it.
LAYERS = {"marts": 1.0, "platform": 0.95, "seeds": 0.8, "landed": 0.75, "snapshots": 0.6, "staging": 0.55,
          "intermediate": 0.6, "metric": 0.9, "term": 0.95}  # fmt: skip
SETTINGS = {"k1": 1.2, "b": 0.6, "nearest": 6, "least_likeness": 0.45, "expansion": 0.5, "meaning": 0.6}
STOP_WORDS = """
a an and are as at be been being but by can could did do does each for from had has have how i if in into is it its me
my no not of off on one or our out over per she so such than that the their them then there these they this those to up
was we were what when where which who whom whose why will with would you your much many row rows
"""
STOP = set(STOP_WORDS.split())
PLAIN_WORD = re.compile(r"▁[a-z]{3,}")
Index = dict[str, Any]


def words_of(text: str) -> list[str]:
    """Words of a text or a name: small letters, without endings of the plural and words that say nothing."""
    found = [stem(word) for word in re.findall(r"[a-z0-9]+", text.lower())]
    return [word for word in found if word not in STOP and len(word) > 1]


def stem(word: str) -> str:
    """The word without the ending of the plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@dataclass(frozen=True)
class Hit:
    """A result: `kind` is dataset, metric or term."""

    kind: str
    name: str
    page: str
    text: str
    score: float


def build(catalogue: Catalogue) -> Index:
    """The index of everything in the catalogue, ready to be written as JSON."""
    docs, fields = _documents(catalogue)
    frequencies = [_frequencies(parts) for parts in fields]
    postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, counts in enumerate(frequencies):
        for word, count in counts.items():
            postings[word].append((number, count))
    indexed = sorted(postings)
    embedder = _Embedder()
    words = indexed + sorted(embedder.plain_words() - set(indexed) - STOP)
    vectors = embedder.vectors(words)
    place = {word: number for number, word in enumerate(indexed)}
    idf = np.array([_idf(len(postings[word]), len(docs)) for word in indexed])
    means = np.zeros((len(docs), DIMENSIONS))
    for number, parts in enumerate(fields):
        for word, count in _frequencies({key: parts[key] for key in ("name", "term", "text")}).items():
            means[number] += math.sqrt(count) * idf[place[word]] * vectors[place[word]]
    return {
        "settings": SETTINGS, "dimensions": DIMENSIONS, "stop": sorted(STOP), "docs": docs, "words": words,
        "indexed": len(indexed),
        "lengths": [round(sum(counts.values()), 1) for counts in frequencies],
        "postings": [[part for number, count in postings[word] for part in (number, count)] for word in indexed],
        "vectors": _packed(vectors), "means": _packed(means),
    }  # fmt: skip


class Search:
    """Ranks with an index; search.js is its twin."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.vectors = _unpacked(index["vectors"], index["dimensions"])
        self.means = _unpacked(index["means"], index["dimensions"])
        self.place = {word: number for number, word in enumerate(index["words"])}
        self.mean_length = sum(index["lengths"]) / max(len(index["lengths"]), 1)

    def __call__(self, query: str, limit: int = 10) -> list[Hit]:
        """The best results, best first."""
        settings, docs = self.index["settings"], self.index["docs"]
        scores, meaning = np.zeros(len(docs)), np.zeros(self.index["dimensions"])
        for word in dict.fromkeys(words_of(query)):
            for place, weight in self._meant(word):
                self._add(place, weight, scores)
            if (place := self._known(word)) is not None:
                meaning += self._weight(place) * self.vectors[place]
        best = scores.max(initial=0.0)
        length = float(np.linalg.norm(meaning))
        likeness = self.means @ (meaning / length) if length else np.zeros(len(docs))
        total = (scores / best if best else scores) + settings["meaning"] * np.maximum(likeness, 0)
        total *= np.array([doc["boost"] for doc in docs])
        order = sorted((number for number in range(len(docs)) if total[number] > 0), key=lambda n: (-total[n], n))
        return [
            Hit(docs[n]["kind"], docs[n]["name"], docs[n]["page"], docs[n]["text"], float(total[n]))
            for n in order[:limit]
        ]

    def _known(self, word: str) -> int | None:
        """The word's place, or that of the longest beginning of it that is a word."""
        for end in range(len(word), max(3, len(word) - 4), -1):
            if (place := self.place.get(word[:end])) is not None:
                return place
        return None

    def _meant(self, word: str) -> Iterator[tuple[int, float]]:
        """Words of the index that the query's word stands for, with their weights: itself, and what is near it."""
        settings, place = self.index["settings"], self._known(word)
        if place is None:
            return
        if place < self.index["indexed"]:
            yield place, 1.0
        likeness = self.vectors[: self.index["indexed"]] @ self.vectors[place]
        near = [n for n in range(self.index["indexed"]) if n != place and likeness[n] >= settings["least_likeness"]]
        for other in sorted(near, key=lambda n: (-likeness[n], n))[: settings["nearest"]]:
            yield other, settings["expansion"] * float(likeness[other])

    def _weight(self, place: int) -> float:
        """How much a word says: one that the catalogue lacks as much as the rarest."""
        count = len(self.index["postings"][place]) // 2 if place < self.index["indexed"] else 1
        return _idf(count, len(self.index["docs"]))

    def _add(self, place: int, weight: float, scores: np.ndarray) -> None:
        k1, b = self.index["settings"]["k1"], self.index["settings"]["b"]
        flat, idf = self.index["postings"][place], self._weight(place)
        for at in range(0, len(flat), 2):
            number, count = flat[at], flat[at + 1]
            norm = k1 * (1 - b + b * self.index["lengths"][number] / self.mean_length)
            scores[number] += weight * idf * count * (k1 + 1) / (count + norm)


def _idf(count: int, total: int) -> float:
    return math.log(1 + (total - count + 0.5) / (count + 0.5))


def _documents(catalogue: Catalogue) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """What is shown of each entry, and the texts that are searched."""
    docs: list[dict[str, Any]] = []
    fields: list[dict[str, str]] = []
    for dataset in catalogue.datasets.values():
        words = [f"{term} {' '.join(catalogue.terms[term].synonyms)}" for term in dataset.terms]
        docs.append(
            {"kind": "dataset", "name": dataset.label, "page": f"datasets/{dataset.page}", "text": dataset.description,
             "owner": dataset.owner, "place": dataset.layer_name, "boost": LAYERS.get(dataset.layer.split("/")[0], 0.6),
             "columns": " ".join(column.name for column in dataset.columns)}
        )  # fmt: skip
        fields.append(_fields_of(dataset, words))
    for metric in catalogue.metrics.values():
        docs.append(
            {"kind": "metric", "name": metric.name, "page": f"metrics.html#{metric.name}", "text": metric.description,
             "owner": metric.owner, "place": f"{metric.kind}, {metric.unit}", "boost": LAYERS["metric"], "columns": ""}
        )  # fmt: skip
        fields.append({"name": metric.name, "term": " ".join(metric.terms), "text": metric.description})
    for term in catalogue.terms.values():
        docs.append(
            {"kind": "term", "name": term.term, "page": f"glossary.html#{term.anchor}", "text": term.definition,
             "owner": term.owner, "place": term.area, "boost": LAYERS["term"], "columns": ""}
        )  # fmt: skip
        fields.append({"name": term.term, "term": " ".join(term.synonyms), "text": term.definition})
    return docs, fields


def _fields_of(dataset: Dataset, terms: Sequence[str]) -> dict[str, str]:
    return {
        "name": dataset.label,
        "term": " ".join(terms),
        "text": f"{dataset.description} {dataset.grain} {dataset.layer}",
        "column": " ".join(column.name for column in dataset.columns),
        "column_text": " ".join(column.description for column in dataset.columns),
    }


def _frequencies(parts: dict[str, str]) -> Counter[str]:
    """Weighted count of each word; a word that many columns repeat says little more than one that a few have."""
    counts: Counter[str] = Counter()
    for part, text in parts.items():
        for word, count in Counter(words_of(text)).items():
            counts[word] += WEIGHTS[part] * math.sqrt(count)
    return Counter({word: round(count, 1) for word, count in counts.items()})


class _Embedder:
    """WordLlama's vectors of single words, shortened and of length 1. Imported here: a second that only this needs."""

    def __init__(self) -> None:
        import wordllama

        # Weights and tokenizer are in the wheel; without cache_dir it looks for the tokenizer in the wrong place.
        self._model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)

    def plain_words(self) -> set[str]:
        """The words that are one token of the model: what people may ask with."""
        return {stem(token[1:]) for token in self._model.tokenizer.get_vocab() if PLAIN_WORD.fullmatch(token)}

    def vectors(self, words: Sequence[str]) -> np.ndarray:
        return _of_length_one(self._model.embed(list(words))[:, :DIMENSIONS])


def _of_length_one(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths == 0, 1, lengths)


def _packed(vectors: np.ndarray) -> str:
    """A byte a number: the eighth of a float's size, and no result changes."""
    return base64.b64encode(np.rint(_of_length_one(vectors) * 127).astype(np.int8).tobytes()).decode("ascii")


def _unpacked(text: str, dimensions: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=np.int8).astype(np.float64).reshape(-1, dimensions) / 127
