"""What is right of a shot in which something isn't."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.faults import Faults
from jobs.manifest import Fields, Shot
from jobs.sweeps import Written, read_axis
from jobs.sweeps.keys import VALUE, WEIGHT


def right_fields(data: Mapping[str, Any], wrong: set[str]) -> dict[str, Any]:
    return {key: data[key] for key in Fields.model_fields if key in data and key not in wrong}


def salvaged(data: Mapping[str, Any], wrong: set[str]) -> Shot:
    """What is right of a shot in which something isn't. It need not be whole, nor agree with itself."""
    axes: dict[str, Written] = {}
    sweep = data.get("sweep")
    for name, values in sweep.items() if isinstance(sweep, dict) else ():
        try:
            axes[name] = read_axis(name, values, repeats=True)
        except Faults:
            continue  # the whole sweep has been read before, and its faults are noted
    prompt = None if "prompt" in wrong else data.get("prompt")
    given = Fields.model_validate(right_fields(data, wrong)).given()
    return Shot.model_construct(name=str(data.get("name")), prompt=prompt, sweep=axes, **given)  # type: ignore[arg-type]


def stand_in(written: object) -> Written:
    """An axis that sets what a damaged one was to set."""
    first = next((each for each in written if isinstance(each, dict)), {}) if isinstance(written, list) else {}
    columns = [] if VALUE in first else [name for name in first if name != WEIGHT]
    return (dict.fromkeys(columns, "?"),) if columns else ("?",)
