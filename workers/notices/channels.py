"""How a notice is brought: by a webhook as JSON, to Slack as text, by e-mail. One try each; who calls tries again."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from jobs.errors import RushesError
from workers.notices.outbox import Notice
from workers.reports.report import Report
from workers.reports.writing import headline, report_lines
from workers.settings import Settings

TIMEOUT_SECONDS = 10.0
LONGEST_SLACK = 3000
"""Characters: Slack cuts what is longer than 4,000 ("Truncating content")."""

_SAID = {
    "end": "has ended",
    "failure": "has its first failure",
    "paused": "is paused: nothing more is submitted",
    "doubt": "has takes in doubt",
}


class NotDelivered(RushesError):
    """A notice did not arrive. The message holds no secret; trying again may help."""


def channels_of(settings: Settings) -> tuple[str, ...]:
    """The channels that are set up."""
    found = {
        "webhook": settings.notify_webhook is not None,
        "slack": settings.notify_slack is not None,
        "email": bool(settings.notify_email),
    }
    return tuple(name for name, is_set in found.items() if is_set)


def subject_of(notice: Notice, report: Report) -> str:
    """What has happened, in a line."""
    return f"{notice.batch} {_SAID.get(notice.event, notice.event)}: {headline(report)}"


def as_json(notice: Notice, report: Report) -> dict[str, Any]:
    """What the webhook gets. Who gets the same `id` twice was told twice of the same."""
    return {
        "id": notice.id,
        "event": notice.event,
        "batch": notice.batch,
        "at": notice.at,
        "text": subject_of(notice, report),
        "report": report.to_json(),
    }


def deliver(settings: Settings, notice: Notice, report: Report) -> None:
    """Bring one notice. Raises `NotDelivered`."""
    if notice.channel == "webhook" and settings.notify_webhook is not None:
        _post(settings.notify_webhook.get_secret_value(), as_json(notice, report))
    elif notice.channel == "slack" and settings.notify_slack is not None:
        text = "\n".join([subject_of(notice, report), *list(report_lines(report))[1:]])
        # Slack reads these three as its markup ("Formatting text for app surfaces").
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        _post(settings.notify_slack.get_secret_value(), {"text": text[:LONGEST_SLACK]})
    elif notice.channel == "email" and settings.notify_smtp is not None:
        _mail(settings, settings.notify_smtp.get_secret_value(), notice, report)


def _post(url: str, body: dict[str, Any]) -> None:
    try:
        answer = httpx.post(url, json=body, timeout=TIMEOUT_SECONDS, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        # Its words may hold the whole address, which is a secret.
        raise NotDelivered(f"{_host(url)} could not be reached ({type(error).__name__})") from None
    if not answer.is_success:
        raise NotDelivered(f"{_host(url)} answered {answer.status_code}")


def _mail(settings: Settings, url: str, notice: Notice, report: Report) -> None:
    split = urlsplit(url)
    message = EmailMessage()
    message["Subject"] = " ".join(subject_of(notice, report).split())
    message["To"] = settings.notify_email
    message["From"] = settings.notify_from or f"rushes@{split.hostname}"
    message["Message-ID"] = f"<{''.join(c if c.isalnum() else '.' for c in notice.id)}@rushes>"
    message.set_content("\n".join(report_lines(report)))
    secure = ssl.create_default_context()
    try:
        with (
            smtplib.SMTP_SSL(split.hostname or "", split.port or 465, timeout=TIMEOUT_SECONDS, context=secure)
            if split.scheme == "smtps"
            else smtplib.SMTP(split.hostname or "", split.port or 587, timeout=TIMEOUT_SECONDS)
        ) as server:
            if split.scheme != "smtps":
                server.ehlo()
                if server.has_extn("starttls"):
                    server.starttls(context=secure)
                elif split.username:
                    raise NotDelivered(f"{split.hostname} offers no encryption, and a password is not sent without")
            if split.username:
                server.login(unquote(split.username), unquote(split.password or ""))
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(f"{split.hostname} took no mail ({type(error).__name__})") from None


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the address"
