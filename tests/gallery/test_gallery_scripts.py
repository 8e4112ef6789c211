"""The page's own logic, those parts of it that know of no browser, run by the engine that Chromium has."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from py_mini_racer import MiniRacer
from shown_batch import MakeShown, Shown, seeds, shot

from workers.gallery import page
from workers.gallery.page import SCRIPTS, in_html
from workers.picks import Pick, Picks, picks_key

PURE = SCRIPTS[: SCRIPTS.index("dom")]


class Engine:
    """The scripts, with a batch read in: `batch`, `dims`, and `picks`, of which one can say what is thought."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._racer = MiniRacer()
        folder = Path(page.__file__).parent / "page/js"
        self._racer.eval("\n".join((folder / f"{name}.js").read_text() for name in PURE))
        self._racer.eval(
            f"""const data = {in_html(data)};
            const batch = readBatch(data, data.takes); const dims = dimensionsOf(batch, batch.takes);
            let clock = Date.UTC(2026, 10, 28); const kept = [];
            const picks = new Picks(batch.batch, batch.picks, null, (changed) => kept.push(changed), () => clock);
            const pickOf = (take) => picks.of(take);
            const numbers = (takes) => takes.map((take) => take.at);
            const found = (text) => {{
              const test = parseQuery(text, [...batch.axes.keys()]);
              return numbers(batch.takes.filter((take) => test === null || test(take, pickOf(take))));
            }};"""
        )

    def run(self, script: str) -> Any:
        return json.loads(str(self._racer.eval(f"JSON.stringify((() => {{ {script} }})() ?? null)")))

    def value(self, expression: str) -> Any:
        return self.run(f"return {expression}")


def grid(shown: MakeShown) -> Shown:
    """Two places by two lights by two seeds; the first six are done at 0.1 USD, the seventh failed, the last waits."""
    sweep = {"place": ["rye", "wheat"], "light": ["dawn", "dusk"], "seed": [7, 42]}
    batch = shown(shot(prompt="A dog in the {place} at {light}, Nacht 夜", sweep=sweep))
    for index in range(6):
        batch.done(index, cost={"amount": f"0.{index + 1}", "currency": "USD", "basis": "told"})
    batch.ended(6, "output-moderation", "held back")
    return batch


@pytest.fixture
def engine(shown: MakeShown) -> Engine:
    return Engine(grid(shown).data())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("   ", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("rye", [0, 1, 2, 3]),
        ("RYE dusk", [2, 3]),
        ('"rye at dusk"', [2, 3]),
        ('-"at dusk" wheat', [4, 5]),
        ("夜 -wheat", [0, 1, 2, 3]),
        ("seed:42", [1, 3, 5, 7]),
        ("-seed:42 place:wheat", [4, 6]),
        ("seed:7..20", [0, 2, 4, 6]),
        ("seed>7", [1, 3, 5, 7]),
        ("cost<0.3", [0, 1]),
        ("cost<=0.3", [0, 1, 2]),
        ("cost:0.2..0.4", [1, 2, 3]),
        ("-cost<0.3", [2, 3, 4, 5, 6, 7]),
        ("cost<cheap", []),
        ("is:failed", [6]),
        ("is:waiting", [7]),
        ("-is:done", [6, 7]),
        ("state:fail", [6]),
        ("why:held", [6]),
        ("output-moderation", [6]),
        ('prompt:"in the rye"', [0, 1, 2, 3]),
        ("duration:4", [0, 1, 2, 3, 4, 5]),
        ("16:9", []),
        ("nothing:here", []),
        ('"an open phrase', []),
    ],
)
def test_searching(engine: Engine, query: str, expected: list[int]) -> None:
    assert engine.value(f"found({json.dumps(query)})") == expected


def test_searching_what_was_picked(engine: Engine) -> None:
    engine.run(
        """const [a, b, c] = batch.takes;
        picks.change([a], () => ({ star: true, rating: 4 })); picks.change([b], () => ({ rejected: true }));
        picks.change([c], () => ({ note: "the Light!" }));"""
    )
    for query, expected in {
        "is:starred": [0],
        "rating>=4": [0],
        "is:rejected": [1],
        "is:noted": [2],
        "note:light": [2],
        "the light": [2],
        "is:unseen": [3, 4, 5],
    }.items():
        assert engine.value(f"found({json.dumps(query)})") == expected, query


def test_a_facet_counts_what_all_others_let_through(engine: Engine) -> None:
    told = engine.run(
        """const facets = facetsOf(batch, dims);
        const wanted = { facets: { "axis:place": ["rye"], "axis:light": ["dawn"] }, pickOf, test: null, old: false };
        const { shown, counts } = filtered(batch, facets, wanted);
        return [numbers(shown), facets.map((facet) => [facet.key, Object.fromEntries(counts.get(facet.key))])];"""
    )
    assert told[0] == [0, 1]
    counts = dict(told[1])
    assert counts["axis:place"] == {"rye": 2, "wheat": 2}
    assert counts["axis:light"] == {"dawn": 2, "dusk": 2}
    assert counts["axis:seed"] == {"7": 1, "42": 1}
    assert counts["state"] == {"done": 2}


@pytest.mark.parametrize(
    ("name", "reversed_", "expected"),
    [
        ("manifest", "false", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("manifest", "true", [7, 6, 5, 4, 3, 2, 1, 0]),
        ("cost", "false", [5, 4, 3, 2, 1, 0, 6, 7]),
        ("cost", "true", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("seed", "false", [0, 2, 4, 6, 1, 3, 5, 7]),
        ("unheard of", "false", [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_sorting(engine: Engine, name: str, reversed_: str, expected: list[int]) -> None:
    assert engine.value(f"numbers(sorted(batch.takes, {json.dumps(name)}, {reversed_}, pickOf))") == expected


def test_a_matrix_stacks_what_is_left_over_and_puts_the_best_on_top(engine: Engine) -> None:
    engine.run("picks.change([batch.takes[3]], () => ({ rating: 2 }));")
    told = engine.run(
        """const of = (key) => dims.find((each) => each.key === key);
        const { cells, columns, rows } = matrixOf(batch.takes, of("light"), of("place"), null, null, pickOf);
        const at = (across, down) => numbers(cells.get(cellKey(across, down)));
        return [columns, rows, at("dusk", "rye"), at("dusk", "wheat")];"""
    )
    assert told == [["dawn", "dusk"], ["rye", "wheat"], [3, 2], [6, 7]]
    assert engine.value("firstMatrix(dims)") == {"x": "seed", "y": "place", "z": None}


def test_zipped_axes_are_one_dimension_and_pairs_that_are_not_in_the_sweep_are_missing(shown: MakeShown) -> None:
    sweep = {"place": ["rye", "wheat"], "light": ["dawn", "dusk"], "seed": [1, 2]}
    zipped = shot(
        prompt="{place} {light}",
        sweep=sweep,
        combine="(place, light) * seed",
        exclude=[{"place": "wheat", "seed": 2}],
    )
    engine = Engine(shown(zipped, shot("leap")).data())
    assert engine.value("dims.map((each) => [each.key, each.values])") == [
        ["shot", ["opening", "leap"]],
        ["place+light", ["rye · dawn", "wheat · dusk"]],
        ["seed", ["1", "2"]],
    ]
    told = engine.run(
        """const of = (key) => dims.find((each) => each.key === key);
        const axes = [of("seed"), of("place+light"), of("shot")];
        const { cells, columns, rows } = matrixOf(batch.takes, ...axes, "opening", pickOf);
        return [columns, rows, cells.has(cellKey("2", "wheat · dusk")), cells.size];"""
    )
    assert told == [["1", "2"], ["rye · dawn", "wheat · dusk"], False, 3]
    assert engine.value("firstMatrix(dims)") == {"x": "seed", "y": "place+light", "z": "shot"}


def test_rows_of_the_grid_and_which_of_them_are_in_sight(shown: MakeShown) -> None:
    engine = Engine(shown(seeds(5), seeds(2, "leap")).data())
    told = engine.run(
        """const { rows, height } = gridRows(grouped(batch.takes, true), 2, 100, 40);
        return [rows.map((row) => [row.top, row.takes && row.takes.length]), height,
          rowsBetween(rows, 0, 1), rowsBetween(rows, 141, 240), rowsBetween(rows, 9000, 9001)];"""
    )
    assert told[0] == [[0, None], [40, 2], [140, 2], [240, 1], [340, None], [380, 2]]
    assert told[1:] == [480, [0, 1], [2, 3], [6, 6]]
    assert engine.value("columnsFor(1000, 232, 14)") == {"columns": 4, "width": 239}
    assert engine.value("columnsFor(100, 232, 14)")["columns"] == 1


def test_of_two_picks_the_later_word_holds(engine: Engine) -> None:
    told = engine.run(
        """const [a] = batch.takes; picks.change([a], () => ({ star: true }));
        const later = new Date(clock + 1000).toISOString(); const earlier = new Date(clock - 1000).toISOString();
        const first = picks.merge({ [a.id]: { star: false, rating: 1, at: earlier } });
        const odd = { star: false, rating: 9, note: 5, rejected: 1, at: later };
        const second = picks.merge({ [a.id]: odd, x: null, y: {} });
        return [first, second, picks.of(a)];"""
    )
    assert told[:2] == [0, 1]
    assert told[2] == {
        "star": False,
        "rating": None,
        "rejected": False,
        "note": "",
        "at": "2026-11-28T00:00:01.000Z",
    }


def test_what_was_picked_can_be_taken_back(engine: Engine) -> None:
    told = engine.run(
        """const [a] = batch.takes; picks.change([a], () => ({ star: true })); clock += 5;
        picks.change([a], (pick) => ({ rejected: !pick.rejected, star: false })); clock += 5; picks.undo();
        const between = picks.of(a).star; clock += 5; picks.undo();
        return [between, picks.of(a).star, picks.undo(), kept.length];"""
    )
    assert told == [True, False, [], 4]


def test_the_exported_file_is_what_the_store_keeps(engine: Engine) -> None:
    engine.run('picks.change([batch.takes[1]], () => ({ star: true, rating: 5, note: "夜" }));')
    exported = json.dumps(engine.value("picks.toJson()"))
    read = Picks.from_json(exported.encode(), "file")
    (name,) = read.picks
    assert read.picked() == [name] == ["opening/0002-rye-dawn-seed42"]
    assert (read.picks[name].rating, read.picks[name].note) == (5, "夜")
    assert engine.value(f'Object.keys(readPicksFile({json.dumps(exported)}, "night"))') == [name]
    for text, why in [("{", "no JSON"), ("[]", "no picks"), ('{"picks": {}, "batch": "day"}', "picks of day")]:
        told = engine.run(f'try {{ readPicksFile({json.dumps(text)}, "night") }} catch (e) {{ return e.message }}')
        assert why in told


def test_the_page_begins_with_what_the_batch_has(shown: MakeShown) -> None:
    batch = shown()
    kept = Picks(batch="night", picks={"opening/0002-seed2": Pick(rating=3, at=1.0)})
    batch.store.put_bytes(picks_key("night"), kept.to_json(), content_type="application/json")
    engine = Engine(batch.data())
    assert engine.value("picks.of(batch.takes[1]).rating") == 3


@pytest.mark.parametrize("note", ["=1+1", "+1", "-1", "@x", "\tx", '=HYPERLINK("http://x","y")'])
def test_no_spreadsheet_takes_a_note_for_a_formula(engine: Engine, note: str) -> None:
    engine.run(f"picks.change([batch.takes[0]], () => ({{ note: {json.dumps(note)} }}));")
    text = engine.value("picksCsv(batch.takes, picks)")
    head, row = csv.reader(io.StringIO(text))
    assert dict(zip(head, row, strict=True))["note"] == f"'{note}"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("money(0.0968, 'USD')", "0.0968 USD"),
        ("money(12, 'USD')", "12.00 USD"),
        ("money(null, 'USD')", "cost not known"),
        ("exactly('1234.500')", "1,234.50"),
        ("seconds(59.94)", "59.9 s"),
        ("seconds(65)", "1 min 05 s"),
        ("seconds(3725)", "1 h 02 min"),
        ("bytes(999)", "1 kB"),
        ("bytes(2500000)", "2.5 MB"),
        ("counted(1, 'take')", "1 take"),
        ("summaryOf(batch)", ["6 of 8 done", "1 waiting", "1 failed", "2.10 USD"]),
        (
            "sentenceOf(batch.takes[6], picks.of(batch.takes[6]), new Set(['light']))",
            "opening 7, dusk, failed, held back",
        ),
    ],
)
def test_words(engine: Engine, expression: str, expected: object) -> None:
    assert engine.value(expression) == expected


def test_a_chain_is_known_from_both_ends(shown: MakeShown) -> None:
    data = shown(seeds(2)).data()
    data["takes"] = [row._asdict() for row in data["takes"]]
    data["takes"][1]["more"] = {"parents": ["opening/0001-seed1", "day/gone"]}
    data["takes"] = [list(row.values()) for row in data["takes"]]
    engine = Engine(data)
    assert engine.value("batch.takes.map((take) => numbers(take.children))") == [[1], []]
    assert engine.value("found('is:chained')") == [0, 1]
