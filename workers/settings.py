"""The settings: from the environment, a `.env` file, and `rushes.toml`, in this order of precedence.

    [fal]                        # or RUSHES_FAL_SEATS=2 and so on
    seats = 2
    least_seats = 1              # the fewest that refusals may leave for a while
    lead = 1                     # takes sent beyond the seats, where the provider queues them
    requests_per_minute = 60
    url = "https://queue.fal.run"
    first_poll = 2.0             # seconds: no poll comes sooner after the submission, or after another ...
    slowest_poll = 60.0          # ... but never more seconds apart than this
    daily_budget = "40 USD"      # the most that is spent there in a day (UTC)

Keys stand in the environment or `.env` alone, under the names that the providers' own clients use.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from jobs.fields.amounts import Amount, read_amount
from workers.errors import SettingsError

SETTINGS_FILE = "rushes.toml"
DEFAULT_STORE = "./renders"
REHEARSAL = "rehearsal"
"""Where rehearsals go, in the store and in Redis: what was rehearsed must never count as rendered."""

NOTICES = ("end", "failure", "paused", "doubt")
"""What people can be told of a batch: `workers.notices.events`."""


@dataclass(frozen=True, slots=True)
class Convention:
    """What is conventional for a provider: the variable of its key, its address, and what a new account may do.

    `queues` says that the provider queues what is over its limit, instead of refusing it; `lead` is how many takes more
    than seats it is then given, so that no seat is idle until we know that it is free. `account_variable` holds the
    account's id, where addresses need one. `polled` says that it is asked how a job gets on; one that isn't answers the
    submission with the video.
    """

    key_variable: str
    url: str
    seats: int
    queues: bool = False
    lead: int = 0
    account_variable: str | None = None
    polled: bool = True


SEATS_A_LEAD = 16
"""With so many seats, about one render has ended that no poll has seen yet (docs/limits.md)."""

CONVENTIONS: Mapping[str, Convention] = {
    # Seats: fal's concurrency page gives a new account 2, and queues the rest without ever refusing it.
    "fal": Convention(key_variable="FAL_KEY", url="https://queue.fal.run", seats=2, queues=True, lead=1),
    # The others name no number of renders at once; these are modest, and a 429 slows them down further.
    "cloudflare": Convention(
        key_variable="CLOUDFLARE_API_TOKEN",
        account_variable="CLOUDFLARE_ACCOUNT_ID",
        url="https://api.cloudflare.com/client/v4",
        seats=4,
        polled=False,
    ),
    "apiframe": Convention(key_variable="APIFRAME_API_KEY", url="https://api.apiframe.ai", seats=4),
    "anyfast": Convention(key_variable="ANYFAST_API_KEY", url="https://www.anyfast.ai", seats=4),
    "ark": Convention(key_variable="ARK_API_KEY", url="https://ark.ap-southeast.bytepluses.com/api/v3", seats=3),
}


class ProviderSettings(BaseModel):
    """How one provider is reached, and how much of it may be used at once. The reference says what is said here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr | None = Field(default=None, repr=False)
    account: str = ""
    url: str
    """Its address, for a proxy, a gateway or a test. Unset, see the table below."""
    seats: int = Field(ge=1, le=100_000)
    """How many takes it may have in flight for us; raise it to what your account has. Unset, see the table below."""
    least_seats: int = Field(default=1, ge=1, le=100_000)
    """The fewest seats that refusals (429) may leave for a while."""
    lead: int = Field(default=0, ge=0, le=1000)
    """Takes sent beyond the seats, so that none is idle; only where the excess is queued. For fal 1 unless set, and one
    more for each 16 seats."""
    requests_per_minute: float | None = Field(default=None, gt=0, le=1_000_000)
    """How many submissions it is sent a minute. Unset, there is no limit."""
    first_poll: float = Field(default=2.0, gt=0, le=600)
    """The least seconds from a submission to the first poll, and from one poll to the next."""
    slowest_poll: float = Field(default=60.0, gt=0, le=3600)
    """The most seconds between two polls of a take."""
    daily_budget: Amount | None = None
    """The most that is spent there in a day (UTC), as `40 USD`. Unset, there is no limit."""

    @field_validator("daily_budget", mode="before")
    @classmethod
    def _money(cls, written: object) -> object:
        return written if written is None else read_amount(written)

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/")


class Settings(BaseModel):
    """Everything that a command or a worker is told from outside. It has no secret in its repr.

    What is said under each field is what the reference tells people of it (`rushes.reference`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis_url: SecretStr | None = Field(default=None, repr=False)
    """`redis://`, `rediss://` or `unix://`. Unset, Rushes brings its own."""
    store: str = DEFAULT_STORE
    """Where results go: a folder, `file:///path` or `s3://bucket/prefix`."""
    namespace: str = Field(default="rushes", pattern=r"^[a-z][a-z0-9-]{0,31}$")
    """Batches in different namespaces of one Redis know nothing of each other."""
    attempts: int = Field(default=3, ge=1, le=20)
    """How often a take is submitted when the provider itself fails."""
    patience: float = Field(default=600.0, ge=0)
    """Seconds that a command waits for a Redis, a store or a provider that fails."""
    spool: Path | None = None
    """Where videos are checked before they are stored. Unset, in the temporary folder."""
    store_public: bool = False
    """`true` where providers can reach the store, though it is not at AWS."""
    inputs: Literal["presigned", "data", "upload"] | None = None
    """How local files reach the provider. Unset, Rushes chooses."""
    prices: Path | None = None
    """Your own table of prices (YAML, as those in `jobs/prices`), on top of the ones that come along."""
    poster: Literal["last", "first", "middle"] = "last"
    """Of which frame the gallery's posters are made: `last`, `first` or `middle`. Posters that there are stay."""
    log_format: Literal["text", "json"] = "text"
    """`json` writes workers' logs as one object a line, with batch, shot, take and attempt."""
    flower_auth: SecretStr | None = Field(default=None, repr=False)
    """`user:password` for Flower. Without it, Flower listens to this machine alone."""
    webhooks_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")
    """Where providers reach `rushes webhooks` (https). Without it, none is asked to call."""
    webhooks_secret: SecretStr | None = Field(default=None, repr=False, min_length=16)
    """What the paths of webhooks follow from, for all workers the same; 16 characters at least."""
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)
    """The port at which `rushes worker` serves metrics for Prometheus. Unset, none."""
    metrics_address: str = "127.0.0.1"
    """The address at which it serves metrics; it asks for no password."""
    notify_webhook: SecretStr | None = Field(default=None, repr=False)
    """A URL that gets the report as JSON when something of a batch is to be told."""
    notify_slack: SecretStr | None = Field(default=None, repr=False)
    """A Slack-compatible incoming webhook, which gets text."""
    notify_smtp: SecretStr | None = Field(default=None, repr=False)
    """`smtp://user:password@host:587` or `smtps://`, for e-mail."""
    notify_email: str | None = None
    """Whom to write to, with commas between."""
    notify_from: str | None = None
    """Who e-mail is from. Unset, `rushes@` the mail server."""
    notify_on: str = ",".join(NOTICES)
    """When: at the end, at the first failure, when it is paused for money or a key, when in doubt."""
    providers: Mapping[str, ProviderSettings]
    secrets: tuple[SecretStr, ...] = Field(default=(), repr=False)

    @field_validator("notify_on")
    @classmethod
    def _events(cls, written: str) -> str:
        unknown = [each.strip() for each in written.split(",") if each.strip() not in NOTICES]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(NOTICES)}")
        return written

    @property
    def notices(self) -> tuple[str, ...]:
        """What people want to be told of a batch."""
        return tuple(each.strip() for each in self.notify_on.split(","))

    @field_validator("notify_webhook", "notify_slack")
    @classmethod
    def _web(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url

    @field_validator("notify_smtp")
    @classmethod
    def _mail(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("smtp://", "smtps://")):
            raise ValueError("must be smtp://user:password@host:port, or smtps://")
        return url

    @model_validator(mode="after")
    def _reachable(self) -> Settings:
        if self.notify_email and self.notify_smtp is None:
            raise ValueError("RUSHES_NOTIFY_EMAIL wants RUSHES_NOTIFY_SMTP, to know who takes the mail")
        return self

    def provider(self, name: str) -> ProviderSettings:
        """The settings of one provider."""
        return self.providers[name]

    def key(self, provider: str) -> SecretStr:
        """A provider's key. Raises `SettingsError` when it, or the account's id that goes with it, is not set."""
        settings, convention = self.providers[provider], CONVENTIONS[provider]
        if settings.key is None:
            raise key_missing(provider)
        if convention.account_variable is not None and not settings.account:
            raise key_missing(provider, convention.account_variable)
        return settings.key

    def any_key(self, providers: Sequence[str]) -> None:
        """Make sure that one of these has a key. Raises `SettingsError`, about the first of them, when none has."""
        missing = []
        for provider in providers:
            try:
                self.key(provider)
            except SettingsError as error:
                missing.append(error)
        if len(missing) == len(providers):
            raise missing[0]

    def secret_values(self) -> list[str]:
        """Every secret that must not appear in what Rushes writes."""
        keys = [provider.key for provider in self.providers.values()]
        notify = (self.notify_webhook, self.notify_slack, self.notify_smtp)
        own = [self.redis_url, self.flower_auth, self.webhooks_secret, *notify, *self.secrets]
        return [secret.get_secret_value() for secret in (*keys, *own) if secret is not None]


def _lead(convention: Convention, seats: int) -> int:
    """How many renders are likely to have ended at once without our knowing, at the polls that a render costs."""
    return convention.lead + seats // SEATS_A_LEAD if convention.queues else 0


def key_missing(provider: str, variable: str | None = None) -> SettingsError:
    """The error for a provider whose key (or what is in `variable`) is not set."""
    variable = variable or CONVENTIONS[provider].key_variable
    return SettingsError(
        f"no key for {provider}: set {variable} in the environment or in a .env file "
        "(or rehearse without one: rushes run --sandbox)"
    )


_OWN = {
    "redis_url": "RUSHES_REDIS_URL",
    "store": "RUSHES_STORE",
    "namespace": "RUSHES_NAMESPACE",
    "attempts": "RUSHES_ATTEMPTS",
    "patience": "RUSHES_PATIENCE",
    "spool": "RUSHES_SPOOL",
    "store_public": "RUSHES_STORE_PUBLIC",
    "inputs": "RUSHES_INPUTS",
    "prices": "RUSHES_PRICES",
    "log_format": "RUSHES_LOG_FORMAT",
    "poster": "RUSHES_POSTER",
    "flower_auth": "RUSHES_FLOWER_AUTH",
    "notify_webhook": "RUSHES_NOTIFY_WEBHOOK",
    "notify_slack": "RUSHES_NOTIFY_SLACK",
    "notify_smtp": "RUSHES_NOTIFY_SMTP",
    "notify_email": "RUSHES_NOTIFY_EMAIL",
    "notify_from": "RUSHES_NOTIFY_FROM",
    "notify_on": "RUSHES_NOTIFY_ON",
    "webhooks_url": "RUSHES_WEBHOOKS_URL",
    "webhooks_secret": "RUSHES_WEBHOOKS_SECRET",
    "metrics_port": "RUSHES_METRICS_PORT",
    "metrics_address": "RUSHES_METRICS_ADDRESS",
}
_SECRET_FIELDS = frozenset(
    ("key", "redis_url", "flower_auth", "webhooks_secret", "notify_webhook", "notify_slack", "notify_smtp")
)
_OF_PROVIDER = (
    "url",
    "seats",
    "least_seats",
    "lead",
    "requests_per_minute",
    "first_poll",
    "slowest_poll",
    "daily_budget",
)
_FOREIGN_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def load_settings(environ: Mapping[str, str], folder: Path) -> Settings:
    """Read the settings as they stand for a command that runs in `folder`.

    Raises `SettingsError` with everything that is wrong, each under the name that it was given by.
    """
    values = environment(environ, folder)
    file = _settings_file(values, folder)
    unknown = sorted(set(file) - set(CONVENTIONS) - set(_OWN))
    if unknown:
        raise SettingsError(f"{SETTINGS_FILE}: {unknown[0]!r} is neither a setting nor a provider ({_known()})")

    for name in CONVENTIONS:
        if not isinstance(file.get(name, {}), dict):
            raise SettingsError(f"{SETTINGS_FILE}: {name}: what belongs to a provider stands under [{name}]")
    problems: list[str] = []
    providers: dict[str, ProviderSettings] = {}
    for name, convention in CONVENTIONS.items():
        given: dict[str, Any] = {
            "url": convention.url,
            "seats": convention.seats,
            **file.get(name, {}),
        }
        sources = {field: f"{SETTINGS_FILE}: {name}.{field}" for field in given}
        for field in _OF_PROVIDER:
            variable = f"RUSHES_{name.upper()}_{field.upper()}"
            if values.get(variable):
                given[field], sources[field] = values[variable], variable
        if "key" in given:
            problems.append(f"{SETTINGS_FILE}: {name}.key: keys don't belong there; set {convention.key_variable}")
            del given["key"]
        given["key"] = values.get(convention.key_variable) or None
        if convention.account_variable is not None and values.get(convention.account_variable):
            given["account"] = values[convention.account_variable]
        try:
            provider = ProviderSettings.model_validate(given)
            if "lead" not in given:
                provider = provider.model_copy(update={"lead": _lead(convention, provider.seats)})
            providers[name] = provider
            problems += _at_odds(name, providers[name], sources)
        except ValidationError as error:
            problems += _readable(error, sources)

    own = {field: file[field] for field in _OWN if field in file}
    sources = {field: f"{SETTINGS_FILE}: {field}" for field in own}
    for field, variable in _OWN.items():
        if values.get(variable):
            own[field], sources[field] = values[variable], variable
    foreign = [values[variable] for variable in _FOREIGN_SECRETS if values.get(variable)]
    try:
        settings = Settings(**own, providers=providers, secrets=tuple(SecretStr(secret) for secret in foreign))
    except ValidationError as error:
        problems += _readable(error, sources)
    else:
        if settings.webhooks_url is not None and settings.webhooks_secret is None:
            problems.append(
                f"{_OWN['webhooks_url']}: providers can't be told where to call without {_OWN['webhooks_secret']}; set "
                "it, for all workers the same (openssl rand -hex 32)"
            )
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment on top of the `.env` file in `folder`, if there is one. Raises `SettingsError`."""
    path = folder / ".env"
    try:
        from_file = {name: value for name, value in dotenv_values(path).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read: {error}") from error
    return {**from_file, **environ}


def _settings_file(values: Mapping[str, str], folder: Path) -> dict[str, Any]:
    named = values.get("RUSHES_SETTINGS")
    path = Path(named) if named else folder / SETTINGS_FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise SettingsError(f"RUSHES_SETTINGS: there is no file {named}") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: can't be read as TOML: {error}") from error


def _at_odds(name: str, provider: ProviderSettings, sources: Mapping[str, str]) -> list[str]:
    """What is right by itself and wrong beside something else."""
    found = []
    if provider.least_seats > provider.seats:
        found.append(f"{sources['least_seats']}: {provider.least_seats} is more than its {provider.seats} seats")
    if provider.lead and not CONVENTIONS[name].queues:
        found.append(f"{sources['lead']}: {name} refuses what is over its limit and queues nothing; give it more seats")
    return found


def _readable(error: ValidationError, sources: Mapping[str, str]) -> list[str]:
    lines = []
    for detail in error.errors(include_url=False):
        field = str(detail["loc"][0]) if detail["loc"] else ""
        # What is no setting at all could be anything, a secret too.
        hidden = not field or field in _SECRET_FIELDS or detail["type"] == "extra_forbidden"
        value = "" if hidden else f" {detail['input']!r}:"
        lines.append(f"{sources.get(field, field)}:{value} {detail['msg'].removeprefix('Value error, ')}")
    return lines


def _known() -> str:
    return ", ".join((*_OWN, *(f"[{name}]" for name in CONVENTIONS)))
