"""The settings of `falusage.toml`, declared once.

Reading, errors, the JSON Schema, `falusage config`, the defaults of the commands and the options of
the client are derived from here. The key is no setting: it comes from the environment alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from falusage._suggestions import did_you_mean
from falusage.cli._completion import zones
from falusage.contract import ASKED

Kind = Literal["text", "address", "path", "choice", "zone", "instant", "length", "whole", "number"]
"""How a value is checked: `path` is relative to the file, `length` is a time as `36h` or `3d`."""

_LENGTH: Final = r"[0-9]{1,5}[mhdw]"
_HERE: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: Its name in the file. One of a single command is in the command's table.
        kind: How its value is checked.
        help: What it does, in a sentence.
        default: Its value if nothing sets it; None if there is none.
        table: The command whose table has it; empty for those that commands share.
        choices: The values of a choice.
        variable: The variable of the environment that sets it, too.
        option: The parameter of the commands that it is the default of; by default its name.
    """

    name: str
    kind: Kind
    help: str
    default: Any = None
    table: str = ""
    choices: tuple[str, ...] = ()
    variable: str = ""
    option: str = ""

    @property
    def path(self) -> str:
        """Its name with its table, as `sync.start`."""
        return f"{self.table}.{self.name}" if self.table else self.name

    @property
    def parameter(self) -> str:
        """The parameter of commands that it is the default of."""
        return self.option or self.name

    def expected(self) -> str:
        """Return what a value must be, as text."""
        if self.kind == "choice":
            *others, last = self.choices
            return f"{', '.join(others)} or {last}"
        return _EXPECTED[self.kind]

    def problem(self, value: Any, *, is_shared: bool) -> str:
        """Return what is wrong with a value, without repeating it if it may be secret; or nothing.

        Args:
            value: The value in the file.
            is_shared: Whether the file is a project's, which others may have written.
        """
        is_text = isinstance(value, str)
        if self.kind in {"whole", "number"}:
            allowed: tuple[type, ...] = (int,) if self.kind == "whole" else (int, float)
            sound = type(value) in allowed and 0 < value < float("inf")
        elif self.kind == "instant":
            sound = _is_instant(value)
        else:
            sound = is_text and bool(value) and _is_sound(self, value)
        if not sound:
            near = (
                did_you_mean(value, self.choices or zones()) if is_text and self._is_listed else ""
            )
            return f"{self.path} is not valid; expected {self.expected()}.{near}"
        if self.kind == "address" and is_shared and (urlsplit(value).hostname or "") not in _HERE:
            return (
                f"{self.path} is the address that gets your key, so a project's file may only name "
                "this machine; set another one in your own file, in FALUSAGE_BASE_URL, or with "
                "--base-url"
            )
        return ""

    @property
    def _is_listed(self) -> bool:
        return self.kind in {"choice", "zone"}


_EXPECTED: Final[dict[Kind, str]] = {
    "text": "a text",
    "address": "a URL without a user, as https://api.fal.ai/v1",
    "path": "a path or an address, as a text",
    "zone": "an IANA time zone, as Europe/Berlin",
    "instant": "a date, as 2025-04-01, or an instant with an offset",
    "length": "a number and m, h, d or w, as 36h or 3d",
    "whole": "a whole number from 1 up",
    "number": "a positive number",
}


def _is_sound(setting: Setting, value: str) -> bool:
    if setting.kind == "choice":
        return value in setting.choices
    if setting.kind == "zone":
        return value in zones()
    if setting.kind == "length":
        return re.fullmatch(_LENGTH, value) is not None
    if setting.kind == "address":
        return _is_address(value)
    return True


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_instant(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            return False
    return value.tzinfo is not None if isinstance(value, datetime) else isinstance(value, date)


def _asked(name: str) -> Setting:
    """Return the setting of a parameter of queries."""
    parameter = ASKED[name]
    kind: Kind = "zone" if parameter.kind == "zone" else "choice"
    return Setting(name, kind, parameter.help, parameter.default, choices=parameter.choices)


SETTINGS: Final = (
    Setting("base_url", "address", "The address of the API.", variable="FALUSAGE_BASE_URL"),
    Setting("workers", "whole", "How many requests run at the same time.", 8),
    Setting("timeout", "number", "How many seconds a request may take, with its answer.", 30.0),
    Setting("max_attempts", "whole", "How often a request is sent at most.", 6),
    *map(_asked, ("scope", "timezone", "timeframe")),
    Setting(
        "format",
        "choice",
        "How a result is printed.",
        "table",
        choices=("table", "json", "csv"),
        option="form",
    ),
    Setting(
        "store",
        "path",
        "The store of the commands that keep one: sync, history, verify and so on.",
        option="place",
    ),
    Setting("budgets", "path", "The .csv of budgets for forecast, and for a page of report."),
    Setting("start", "instant", "Where the store begins.", table="sync"),
    Setting("settle", "length", "How long buckets may change after their end.", "3d", "sync"),
    Setting("billing_account_id", "text", "The id of the account that is billed.", table="focus"),
    Setting(
        "billing_account_name", "text", "The name of the account that is billed.", table="focus"
    ),
)
"""Every setting, in the order in which they are listed."""

CLIENT: Final = ("base_url", "workers", "timeout", "max_attempts")
"""The settings that are arguments of the client."""


def setting(name: str) -> Setting:
    """Return a setting that commands share."""
    return next(each for each in SETTINGS if each.path == name)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a file, for editors."""
    tables: dict[str, dict[str, Any]] = {"": {}}
    for each in SETTINGS:
        tables.setdefault(each.table, {})[each.name] = _schema(each)
    closed = {"type": "object", "additionalProperties": False}
    inner = {
        name: {**closed, "description": f"Defaults of falusage {name}.", "properties": members}
        for name, members in tables.items()
        if name
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "falusage.toml",
        "description": "Defaults of the falusage command. The key is never here: set FAL_KEY or "
        "FAL_ADMIN_KEY in the environment.",
        **closed,
        "properties": {**tables[""], **inner},
    }


def _schema(each: Setting) -> dict[str, Any]:
    found: dict[str, Any] = {"description": each.help}
    if each.default is not None:
        found["default"] = each.default
    if each.kind == "whole":
        return found | {"type": "integer", "minimum": 1}
    if each.kind == "number":
        return found | {"type": "number", "exclusiveMinimum": 0}
    found["type"] = "string"
    if each.kind == "choice":
        found["enum"] = list(each.choices)
    elif each.kind == "length":
        found["pattern"] = f"^{_LENGTH}$"
    elif each.kind == "address":
        found["format"] = "uri"
    return found
