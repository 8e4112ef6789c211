"""`rushes pause`, `resume`, `cancel`, `retry`, `waive`, `priority` and `resolve`: what a person decides."""

from __future__ import annotations

import json
import sys

import click

from jobs.fields.terms import HIGHEST_PRIORITY
from rushes.reaching import AS_JSON, SANDBOX, at_hand
from workers import decisions
from workers.decisions import Bill, Outcome, Target
from workers.decisions.doubting import How

TARGET = click.argument("target")
REASON = click.option("--reason", default="", help="Why, for whoever looks at it later.")
YES = click.option("--yes", is_flag=True, help="Don't ask before paying again.")


@click.command()
@TARGET
@REASON
@AS_JSON
@SANDBOX
def pause(target: str, reason: str, as_json: bool, rehearsed: bool) -> None:
    """Submit nothing more of TARGET until it is resumed. What is under way goes on.

    TARGET, here and elsewhere, is a batch, a shot or a take: night, night/opening or night/opening/0007.
    """
    named = Target.parse(target)
    with at_hand(rehearsed) as here:
        _tell(decisions.pause(here.context, named, reason), as_json=as_json)


@click.command()
@TARGET
@AS_JSON
@SANDBOX
def resume(target: str, as_json: bool, rehearsed: bool) -> None:
    """Let TARGET go on, which was paused or stopped."""
    named = Target.parse(target)
    with at_hand(rehearsed) as here:
        _tell(decisions.resume(here.context, named), as_json=as_json)


@click.command()
@TARGET
@REASON
@AS_JSON
@SANDBOX
def cancel(target: str, reason: str, as_json: bool, rehearsed: bool) -> None:
    """End TARGET: begin nothing more of it, and cancel at the provider what can be cancelled there.

    What the provider finishes all the same is kept.
    """
    named = Target.parse(target)
    with at_hand(rehearsed) as here:
        _tell(decisions.cancel(here.context, named, reason), as_json=as_json)


@click.command()
@TARGET
@REASON
@AS_JSON
@SANDBOX
def waive(target: str, reason: str, as_json: bool, rehearsed: bool) -> None:
    """Give up what of TARGET waits, has failed or is in doubt. It then counts as settled."""
    named = Target.parse(target)
    with at_hand(rehearsed) as here:
        _tell(decisions.waive(here.context, named, reason), as_json=as_json)


@click.command()
@TARGET
@click.option("--failed", "only_failed", is_flag=True, help="Only what has failed, not what was cancelled or waived.")
@click.option("--class", "kinds", metavar="KIND", multiple=True, help="Only failures of this kind, as transient.")
@click.option("--shot", metavar="NAME", help="Only the takes of this shot.")
@YES
@AS_JSON
@SANDBOX
def retry(
    target: str,
    only_failed: bool,
    kinds: tuple[str, ...],
    shot: str | None,
    yes: bool,
    as_json: bool,
    rehearsed: bool,
) -> None:
    """Submit anew what of TARGET has failed, was cancelled or was waived. Never what is in doubt.

    What may have been paid for already is asked about first, unless a single take is named.
    """
    named = _within(Target.parse(target), shot)
    chosen = kinds or None
    with at_hand(rehearsed) as here:
        if named.take is None and not yes:
            bill = decisions.retrial(here.context, named, chosen, only_failed=only_failed)
            _ask_to_pay(bill, "may have been paid for already, and would be paid once more")
        outcome = decisions.retry(here.context, named, chosen, only_failed=only_failed)
        _tell(outcome, as_json=as_json)


@click.command(context_settings={"ignore_unknown_options": True})  # -5 is a number, and no option
@TARGET
@click.argument("number", type=click.IntRange(-HIGHEST_PRIORITY, HIGHEST_PRIORITY), metavar="N")
@AS_JSON
@SANDBOX
def priority(target: str, number: int, as_json: bool, rehearsed: bool) -> None:
    """Let TARGET come before what has a lower priority than N: a batch among batches, a shot or a take in its batch."""
    named = Target.parse(target)
    with at_hand(rehearsed) as here:
        _tell(decisions.prioritize(here.context, named, number), as_json=as_json)


@click.command()
@TARGET
@click.option("--resubmit", is_flag=True, help="Submit it once more. It may then be paid for twice.")
@click.option("--adopt", "job_id", metavar="JOB_ID", help="Follow this job, which you found at the provider.")
@click.option("--waive", "give_up", is_flag=True, help="Give it up.")
@click.option(
    "--force", is_flag=True, help="Adopt the job though the provider doesn't know it, or another take has it."
)
@YES
@AS_JSON
@SANDBOX
def resolve(
    target: str,
    resubmit: bool,
    job_id: str | None,
    give_up: bool,
    force: bool,
    yes: bool,
    as_json: bool,
    rehearsed: bool,
) -> None:
    """Decide about TARGET, a take in doubt, or about all doubts of a batch or a shot."""
    if [resubmit, job_id is not None, give_up].count(True) != 1:
        raise click.UsageError("say one of --resubmit, --adopt JOB_ID and --waive")
    named = Target.parse(target)
    with at_hand(rehearsed) as here:
        if resubmit and named.take is None and not yes:
            bill = decisions.resubmission(here.context, named)
            _ask_to_pay(bill, "in doubt may have been paid for already, and would be paid once more")
        how: How = "resubmit" if resubmit else "waive" if give_up else "adopt"
        _tell(decisions.resolve(here.context, named, how, job_id, force=force), as_json=as_json)


def _within(target: Target, shot: str | None) -> Target:
    if shot is None:
        return target
    if target.shot not in (None, shot):
        raise click.UsageError(f"--shot {shot} is not within {target}")
    return Target(target.batch, shot, target.take)


def _ask_to_pay(bill: Bill, what: str) -> None:
    if not bill.takes:
        return
    told = f"{bill.takes:,} take{'' if bill.takes == 1 else 's'} {what}: up to {bill}"
    if not sys.stdin.isatty():
        raise click.UsageError(f"{told}. Say --yes if that is what you want")
    click.confirm(f"{told}. Go on?", abort=True, err=True)


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(outcome.to_json(), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(outcome.lines()))
