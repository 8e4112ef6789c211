"""What each command is typed like: the examples that stand at the end of its `--help`.

Each is the command as it is typed, without `rushes`, and what it is for. `night` is a batch, `night.yaml` its manifest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Example = tuple[str, str]

EXAMPLES: Mapping[str, Sequence[Example]] = {
    "init": (("init night", "a manifest for prompts and places, night.yaml"), ("init night --kind grid", "a grid")),
    "schema": (("schema > manifest.schema.json", "for an editor that completes and checks"),),
    "run": (
        ("run --sandbox night.yaml", "rehearse it: real videos, no money"),
        ("run night.yaml", "render it; run again, it carries on"),
        ("run night.yaml --only opening --limit 4", "the first four takes of a shot"),
        ("run shots.csv --provider fal --model seedance-2.0-fast", "a table of shots"),
        ("run night.yaml --set defaults.resolution=720p", "with something changed for once"),
    ),
    "submit": (
        ("submit night.yaml", "hand it to the workers, and go home"),
        ("submit night.yaml --wait", "and stay until it has ended, with its exit code"),
    ),
    "plan": (
        ("plan night.yaml", "takes, money and time, before anything is sent"),
        ("plan night.yaml --take opening/7", "what would be sent for one take"),
        ("plan night.yaml --json", "for a program"),
    ),
    "diff": (("diff night.yaml", "what a run would add, after an edit"),),
    "recover": (
        ("recover night", "Redis was lost, or this is another machine"),
        ("recover --all --wait", "everything that isn't finished, and stay"),
    ),
    "status": (
        ("status", "all batches"),
        ("status night", "its shots, pace, money and last failures"),
        ("status night --json", "for a program"),
    ),
    "watch": (
        ("watch night", "until it has ended"),
        ("watch night --json", "an object a line, for a program"),
        ("watch night --sandbox", "its rehearsal"),
    ),
    "show": (("show night/opening/0007", "the story of one take"), ("show night/opening/7 --json", "with all answers")),
    "costs": (("costs night", "estimated, actual, at most"), ("costs night --csv --out night.csv", "a row an attempt")),
    "report": (
        ("report night", "what became of it, and what to do next"),
        ("report night --html --out night.html", "to send it on"),
    ),
    "export": (
        ("export night --csv --out night.csv", "for a spreadsheet"),
        ("export night --parquet --out night.parquet", "for notebooks"),
        ("export night --embed --to copies", "copies of the videos with metadata in them"),
    ),
    "download": (
        ("download night --to videos", "all that is done, and later only what is missing"),
        ("download night --picked --to selects", "what has a star"),
    ),
    "doubts": (("doubts night", "what may have been paid for, and how to find it"),),
    "limits": (("limits", "seats set, learned and taken"),),
    "gallery": (
        ("gallery night", "write the page, with posters that are missing"),
        ("gallery night --serve", "look and pick here"),
        ("gallery night --presign --days 3 --out night.html", "a page for somebody else"),
    ),
    "picks": (
        ("picks night --picked --names", "what has a star, one a line"),
        ("picks import night-picks.json", "what the page has exported"),
    ),
    "sheet": (
        ("sheet night --picked", "a picture for a chat"),
        ("sheet night --video --shot opening", "up to 25 takes that play together"),
    ),
    "pause": (
        ("pause night --reason 'prices have changed'", "a batch"),
        ("pause night/opening", "a shot; what is under way is finished"),
    ),
    "resume": (("resume night", "let it go on, with a new count of failures"),),
    "cancel": (("cancel night/opening/0007", "one take, at the provider too where it can be"),),
    "retry": (
        ("retry night --failed --class transient", "what failed by the provider's own fault"),
        ("retry night/opening/0007 --yes", "one take, at its price, without being asked"),
    ),
    "waive": (("waive night/opening/0007 --reason 'not needed'", "give it up for good"),),
    "priority": (("priority night 5", "before all others that have less"),),
    "resolve": (
        ("resolve night/opening/0007 --adopt 3f2a-91bc", "it was found at the provider, as this job"),
        ("resolve night/opening/0007 --resubmit", "send it anew; it may be paid for twice"),
        ("resolve night --waive", "give up all that is in doubt"),
    ),
    "pick": (
        ("pick night --list", "what can be picked"),
        ("pick night/drafts/0003 night/drafts/0007", "let go on what is made from these"),
        ("pick night --starred", "those with a star in the gallery"),
    ),
    "unpick": (("unpick night/drafts/0003", "take it back, as far as nothing was begun"),),
    "worker": (
        ("worker", "on any number of machines"),
        ("worker --concurrency 64 --loglevel warning", "many seats, few words"),
    ),
    "flower": (
        ("flower", "at http://127.0.0.1:5555, with a password of its own"),
        ("flower --port 5556 --data /var/lib/rushes/flower", "where it keeps what it has seen"),
        ("flower --no-password", "on a machine that is yours alone"),
    ),
    "webhooks": (("webhooks --port 8790", "behind a proxy with TLS"),),
    "sandbox": (
        ("sandbox --render-seconds 2 --seats 4", "quick, and with few seats"),
        ("sandbox --drop-rate 0.05 --error-rate 0.1", "a bad night"),
    ),
    "doctor": (("doctor", "before the night"), ("doctor --json", "for a program")),
    "completion": (("completion bash >> ~/.bashrc", "or zsh, or fish"),),
}


def examples_of(name: str) -> str | None:
    """The examples of a command for the end of its help, in lines that stay as they are; None where it has none."""
    examples = EXAMPLES.get(name)
    if examples is None:
        return None
    width = max(len(line) for line, _ in examples)
    lines = [f"  rushes {line:{width}}  {said}" for line, said in examples]
    if max(map(len, lines)) > 78:
        lines = [text for line, said in examples for text in (f"  # {said}", f"  rushes {line}")]
    return "\n".join(["\b", "Examples:", *lines])
