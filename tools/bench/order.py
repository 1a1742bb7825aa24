"""What a cell is told to do, and what it answers: the two records between launcher and cell."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

Metrics = dict[str, float]


@dataclass(frozen=True)
class Answer:
    """What became of a cell.

    `status` is `ok`, `error`, `timeout`, `not offered` or `not installed`; `reason` explains all
    but `ok`, which has `metrics`.
    """

    status: str = "ok"
    reason: str = ""
    metrics: Metrics = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """One cell's work: scenario and peer by name, its scale, and the file for the answer."""

    scenario: str
    peer: str
    workers: int
    calls: int
    answer_file: str

    def to_json(self) -> str:
        """Return the order as one line, for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Return the order that `to_json` wrote."""
        return cls(**json.loads(text))

    def answer(self, answer: Answer) -> None:
        """Leave the answer for the launcher."""
        Path(self.answer_file).write_text(json.dumps(asdict(answer)))

    def read_answer(self) -> Answer | None:
        """Return the answer that the cell left, None if it ended without one."""
        try:
            return Answer(**json.loads(Path(self.answer_file).read_text()))
        except FileNotFoundError:
            return None
