"""Outcomes to be stored, and a clock that does not wait."""

from __future__ import annotations

import pytest

from pywren.protocol import Outcome, OutcomeKind


@pytest.fixture
def pauses() -> list[float]:
    """What a test hands over as `sleep` is `pauses.append`: nobody waits, all is noted."""
    return []


@pytest.fixture
def outcome() -> Outcome:
    return Outcome(
        callset_id="c" * 32,
        call_id="00042",
        kind=OutcomeKind.VALUE,
        attempt_id="attempt-a",
        output=b"small output",
    )
