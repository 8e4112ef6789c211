"""`rushes plan` as a person runs it. Nothing is contacted: there is neither a Redis nor a provider."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from jobs.errors import RushesError
from jobs.forecasting import Forecast
from jobs.forecasting.hours import Hours
from jobs.planning.plan import plan as make_plan
from jobs.reading.loading import load_text
from rushes import planning
from rushes.amounts import duration, size
from rushes.planning import done_at, forecast_lines, forecast_of
from workers.preview import preview
from workers.providers import PROVIDERS
from workers.settings import CONVENTIONS, Settings, load_settings

KEY = "secret-key-that-nobody-may-see"
NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)

MANIFEST = """
batch: night
provider: fal
model: seedance-2.0
{more}
defaults: {{duration: 5, resolution: 720p}}
shots:
  - name: opening
    prompt: A dog in {{place}}
    sweep: {{place: [wheat, rye], seed: 1..4}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAL_KEY", KEY)
    monkeypatch.setenv("RUSHES_REDIS_URL", "redis://127.0.0.1:9/0")  # nobody answers there
    (tmp_path / "night.yaml").write_text(MANIFEST.format(more="deadline: 8h"), encoding="utf-8")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(planning.plan, ["night.yaml", *arguments])


def settings(**variables: str) -> Settings:
    return load_settings(variables, Path("/nowhere"))


def test_the_plan_tells_time_polls_and_bytes() -> None:
    result = run()
    assert result.exit_code == 0, result.output
    head = result.output.split("\n\n")[0]
    for name in ("takes", "video", "price", "deadline", "time", "done", "polls", "download"):
        assert re.search(rf"^{name} +\S", head, re.MULTILINE), name
    assert "with 2 seats" in head
    assert "assumed, with low confidence" in head
    assert "first take: opening/0001-wheat-seed1" in result.output
    assert "last take: opening/0008-rye-seed4" in result.output
    assert not Path("renders").exists()


def test_the_plan_as_json() -> None:
    told = json.loads(run("--json").output)
    assert told["takes_by_model"] == {"seedance-2.0": 8}
    assert told["forecast"]["seats"] == 2
    assert told["forecast"]["assumed"]["confidence"] == "low"
    assert set(told["forecast"]["done_at"]) == {"least", "likely", "most"}
    assert told["last"]["asked"]["prompt"] == "A dog in rye"


@pytest.mark.parametrize("name", ["opening/0005-rye-seed1", "night/opening/0005-rye-seed1", "opening/5"])
def test_the_request_of_one_take(name: str) -> None:
    result = run("--take", name)
    head, body = result.output.split("\n\n")
    assert head.splitlines()[0] == "POST https://queue.fal.run/bytedance/seedance-2.0/text-to-video"
    assert "Authorization: Key <FAL_KEY>" in head
    assert json.loads(body) == {"prompt": "A dog in rye", "duration": "5", "resolution": "720p", "seed": 1}
    assert KEY not in result.output


def test_the_request_as_json() -> None:
    told = json.loads(run("--take", "opening/1", "--json").output)
    assert told["take"] == "opening/0001-wheat-seed1"
    assert told["request"]["method"] == "POST"


def test_a_take_that_is_not_there() -> None:
    result = run("--take", "opening/0005-rye-seed2")
    assert isinstance(result.exception, RushesError)
    assert str(result.exception) == "night has no take 'opening/0005-rye-seed2'; there is 'opening/0006-rye-seed2'"
    assert result.exception.exit_code == 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_request_is_the_one_that_is_sent(provider: str) -> None:
    """Of every provider, with what stands for the key in place of it."""
    text = MANIFEST.format(more="").replace("provider: fal", f"provider: {provider}")
    take = make_plan(load_text(text, "test")).first
    assert take is not None
    shown = preview(settings(), take)
    assert shown.url.startswith(CONVENTIONS[provider].url)
    assert f"<{CONVENTIONS[provider].key_variable}>" in " ".join(shown.headers.values())
    assert "A dog in wheat" in json.dumps(shown.body)
    if provider == "apiframe":
        assert re.fullmatch(r"[0-9a-f]{64}", shown.headers["Idempotency-Key"])


@pytest.mark.parametrize(
    ("provider", "placeholder"),
    [("fal", "<URL of dog.png, uploaded to the provider>"), ("ark", "<data URI of dog.png, {bytes:,} bytes>")],
)
def test_a_local_file_is_told_by_its_path(here: Path, provider: str, placeholder: str) -> None:
    Image.new("RGB", (640, 480), "teal").save(here / "dog.png")
    text = MANIFEST.format(more="").replace("fal", provider).replace("    sweep", "    start_image: dog.png\n    sweep")
    (here / "night.yaml").write_text(text, encoding="utf-8")
    result = run("--take", "opening/1")
    assert result.exit_code == 0, result.exception
    assert placeholder.format(bytes=(here / "dog.png").stat().st_size) in result.output
    assert "input:" not in run().output
    assert "  start_image: dog.png" in run().output


def foretold(takes: str, **variables: str) -> tuple[Forecast, list[str]]:
    text = MANIFEST.format(more="deadline: 07:00").replace("1..4", takes)
    planned = make_plan(load_text(text, "test"))
    found = forecast_of(planned, settings(**variables))
    return found, list(forecast_lines(planned, found, NOW))


def test_when_it_would_be_done_is_reckoned_from_a_moment() -> None:
    found, lines = foretold("1..4")
    assert done_at(found, NOW, Hours())["likely"] == (NOW + timedelta(seconds=found.seconds.likely)).isoformat(
        timespec="seconds"
    )
    assert any(line.startswith("done      about Sat 28 Nov 2026, 22:") for line in lines)
    assert any("the deadline is in 9 h, which is likely to be enough" in line for line in lines)


def test_what_a_deadline_is_not_enough_for() -> None:
    _, lines = foretold("1..5000")
    assert any(re.search(r"likely enough for about \d,?\d+ of 10,000 takes", line) for line in lines)


def test_seats_and_rates_of_the_settings_count() -> None:
    slow, _ = foretold("1..500")
    fast, _ = foretold("1..500", RUSHES_FAL_SEATS="20")
    assert fast.seconds.likely == pytest.approx(slow.seconds.likely / 10)
    held, lines = foretold("1..500", RUSHES_FAL_SEATS="1000", RUSHES_FAL_REQUESTS_PER_MINUTE="2")
    assert held.seconds.likely >= 999 * 30
    assert any("with 1,000 seats, 2 requests a minute" in line for line in lines)


def test_what_no_calendar_holds() -> None:
    found, lines = foretold("1..400000000000")
    assert done_at(found, NOW, Hours())["most"] is None
    assert any("not within a lifetime" in line for line in lines)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (61, "1 min"),
        (3599, "60 min"),
        (3600, "1 h"),
        (12000, "3 h 20 min"),
        (180_000, "2 d 2 h"),
        (10**8, "3 years"),
    ],
)
def test_times_for_a_person(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(("length", "told"), [(0, "0 bytes"), (1_500, "1.5 kB"), (2.25e9, "2.2 GB"), (4e15, "4.0 PB")])
def test_lengths_for_a_person(length: float, told: str) -> None:
    assert size(length) == told
