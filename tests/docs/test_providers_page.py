"""docs/providers.md is what the tables say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from documents import ROOT

from jobs.capabilities import capabilities, known_providers
from jobs.providers_page import main, page

PAGE = ROOT / "docs/providers.md"


def test_the_page_is_written_from_the_tables_as_they_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m jobs.providers_page docs/providers.md"


def test_every_provider_and_everything_it_calls_its_models_is_on_the_page() -> None:
    text = page()
    for name in known_providers():
        assert f"\n## {name}\n" in text
        for model in capabilities(name).models.values():
            assert all(f"`{endpoint}`" in text for endpoint in model.endpoints.values())


def test_the_program_writes_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    main([str(tmp_path / "page.md")])
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page()
    done = subprocess.run([sys.executable, "-m", "jobs.providers_page"], capture_output=True, check=True, cwd=ROOT)
    assert done.stdout.decode() == page()
