"""Cancelling at the twins by Rushes' own adapters, over real HTTP, and what the account then says."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from at_the_twin import ARK_PATH, AtTwin, asks

from workers.http import Broken, Wire
from workers.providers.errors import AuthRefused, Cancelled, ProviderError
from workers.providers.protocol import Cancelling, Ended, Gone, Job, Queued, Rendered, Running, Verdict

CAN = ("fal", "ark")
NOBODY = "7b6d0a8e-5a38-4f0e-8f5e-0c4a1d1f2b3c"
PATHS = {"fal": "", "apiframe": "", "anyfast": "", "ark": ARK_PATH}


def at(provider: str, talk: Any, wire: Wire, **more: Any) -> AtTwin:
    return AtTwin(provider, talk, wire, path=PATHS[provider], **more)


def was_cancelled(verdict: Verdict) -> bool:
    return isinstance(verdict, Ended) and type(verdict.error) is Cancelled


def account(talk: Any) -> tuple[int, int, int]:
    told = talk.client.get("/sandbox/account").json()
    return told["submissions"], told["cancelled"], told["billed"]


@pytest.mark.parametrize("provider", CAN)
def test_what_waits_is_cancelled_and_not_billed(start, wire, provider):
    rushes = at(provider, start(queue_seconds=5, render_seconds=10), wire)
    job, other = rushes.submit(asks(), "a/0001"), rushes.submit(asks("a dog"), "a/0002")
    assert rushes.poll(job) == Queued(0 if provider == "fal" else None)
    assert rushes.cancel(job) is True
    assert was_cancelled(rushes.poll(job))
    assert account(rushes.talk) == (2, 1, 1)
    rushes.talk.finish()
    assert was_cancelled(rushes.poll(job))
    assert isinstance(rushes.poll(other), Rendered)
    assert rushes.cancel(job) is False
    assert account(rushes.talk) == (2, 1, 1)


def test_fal_takes_note_and_renders_on(start, wire):
    rushes = at("fal", start(queue_seconds=0, render_seconds=10), wire)
    job = rushes.submit(asks())
    assert rushes.poll(job) == Running()
    assert rushes.cancel(job) is True
    assert rushes.poll(job) == Running()
    rushes.talk.finish()
    verdict = rushes.poll(job)
    assert isinstance(verdict, Rendered)
    assert httpx.get(verdict.video_url).headers["Content-Type"] == "video/mp4"
    assert account(rushes.talk) == (1, 0, 1)


def test_fal_stops_what_renders_and_bills_it(start, wire):
    rushes = at("fal", start(queue_seconds=0, render_seconds=10, seats=1), wire)
    job, next_one = rushes.submit(asks("[sandbox: stops]")), rushes.submit(asks("a dog"), "a/0002")
    rushes.talk.clock.time += 4
    assert (rushes.poll(job), rushes.poll(next_one)) == (Running(), Queued(0))
    assert rushes.cancel(job) is True
    assert was_cancelled(rushes.poll(job))
    assert rushes.poll(next_one) == Running()
    assert account(rushes.talk) == (2, 1, 2)
    # It begins now and not when it might have begun had the seat never been taken.
    rushes.talk.clock.time += 9
    assert rushes.poll(next_one) == Running()
    rushes.talk.clock.time += 1
    assert isinstance(rushes.poll(next_one), Rendered)
    rushes.talk.finish()
    assert was_cancelled(rushes.poll(job))
    assert httpx.get(f"{rushes.talk.sandbox.url}/files/{job.id}.mp4").status_code == 404


def test_what_stops_was_waiting_and_costs_nothing(start, wire):
    rushes = at("fal", start(queue_seconds=5), wire)
    job = rushes.submit(asks("[sandbox: stops]"))
    assert rushes.cancel(job) is True
    assert was_cancelled(rushes.poll(job))
    assert account(rushes.talk) == (1, 1, 0)


def test_ark_refuses_what_renders(start, wire):
    rushes = at("ark", start(queue_seconds=0, render_seconds=10), wire)
    job = rushes.submit(asks("[sandbox: stops]"))
    assert rushes.poll(job) == Running()
    assert rushes.cancel(job) is False
    assert rushes.poll(job) == Running()
    rushes.talk.finish()
    assert isinstance(rushes.poll(job), Rendered)
    assert account(rushes.talk) == (1, 0, 1)


def test_ark_deletes_what_is_finished_and_it_is_billed_and_gone(start, wire):
    rushes = at("ark", start(), wire)
    job = rushes.submit(asks())
    rushes.talk.finish()
    assert isinstance(rushes.poll(job), Rendered)
    # Against the rule of the protocol: this is why there is one.
    assert rushes.cancel(job) is True
    assert isinstance(rushes.poll(job), Gone)
    assert account(rushes.talk) == (1, 0, 1)


def test_fal_says_that_it_is_too_late(start, wire):
    rushes = at("fal", start(), wire)
    job = rushes.submit(asks())
    rushes.talk.finish()
    assert rushes.cancel(job) is False
    assert isinstance(rushes.poll(job), Rendered)


@pytest.mark.parametrize("provider", CAN)
def test_a_job_that_is_not_known_can_not_be_cancelled(talk, wire, provider):
    assert at(provider, talk, wire).cancel(Job("cgt-nobody")) is False


@pytest.mark.parametrize("provider", CAN)
def test_without_the_key_nothing_is_cancelled(start, wire, provider):
    talk = start(key="key")
    job = at(provider, talk, wire).submit(asks())
    with pytest.raises(ProviderError) as caught:
        at(provider, talk, wire, key="another").cancel(job)
    assert type(caught.value) is AuthRefused
    assert account(talk) == (1, 0, 1)


@pytest.mark.parametrize("provider", PATHS)
def test_what_somebody_cancelled_by_hand_is_known_for_it(talk, wire, provider):
    rushes = at(provider, talk, wire)
    job = rushes.submit(asks())
    (accepted,) = talk.sandbox.account.submissions()
    assert talk.sandbox.cancel(accepted)
    assert was_cancelled(rushes.poll(job))
    assert account(talk) == (1, 1, 0)


@pytest.mark.parametrize("provider", PATHS)
def test_a_job_whose_answer_was_lost_is_followed_by_the_id_that_a_person_gives(start, wire, provider):
    rushes = at(provider, start(queue_seconds=5, render_seconds=10), wire)
    asked = asks("[sandbox: drop]")
    with pytest.raises(Broken):
        rushes.submit(asked)
    (lost,) = rushes.talk.sandbox.account.submissions()
    shown = {"ark": f"cgt-{lost.id}", "anyfast": f"asyntask_{lost.id}"}.get(provider, lost.id)
    job = rushes.adapter.named(shown, asked, rushes.access)
    assert isinstance(rushes.poll(job), Queued)
    rushes.talk.finish()
    assert isinstance(rushes.poll(job), Rendered)
    assert isinstance(rushes.poll(rushes.adapter.named(NOBODY, asked, rushes.access)), Gone)
    assert account(rushes.talk) == (1, 0, 1)


def test_a_named_job_of_fals_can_be_cancelled(start, wire):
    rushes = at("fal", start(queue_seconds=5), wire)
    job = rushes.adapter.named(rushes.submit(asks()).id, asks(), rushes.access)
    assert rushes.cancel(job) is True
    assert was_cancelled(rushes.poll(job))


def test_only_those_with_a_call_for_it_can_cancel(talk, wire):
    assert {name for name in PATHS if isinstance(at(name, talk, wire).adapter, Cancelling)} == set(CAN)
