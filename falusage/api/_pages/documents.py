"""An answer as JSON: every text, number and name in it is checked, whatever the endpoint."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from falusage.api._http.refusal import NotJsonError
from falusage.errors import ProtocolError

_NUMBER_LENGTH: Final = 100
_DEPTH: Final = 32
_TOO_DEEP: Final = "the answer is nested too deeply"
_MISSING: Final = object()


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is.

    Raises:
        ProtocolError: It is something else, is an error, names a member twice, is nested too
            deeply, or has an absurd number.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the answer is not UTF-8, from byte {error.start} on") from None
    try:
        parsed = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_float,
            parse_int=_int,
            parse_constant=_constant,
        )
        _check(parsed)
    except RecursionError:
        raise ProtocolError(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise NotJsonError(
            f"the answer is not JSON: {error.msg} at character {error.pos}"
        ) from None
    if not isinstance(parsed, dict):
        raise NotJsonError("the answer is not a JSON object")
    if parsed.get("error") is not None:
        raise ProtocolError(f"status 200 with an error body: {str(parsed['error'])[:200]!r}")
    return parsed


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ProtocolError(f"an object names {twice!r} twice")
    return found


def _check(value: Any, depth: int = 0) -> None:
    """Reject half surrogate pairs and absurd nesting, anywhere in the answer."""
    if isinstance(value, str):
        _whole_text(value)
    elif isinstance(value, dict | list):
        if depth > _DEPTH:
            raise ProtocolError(_TOO_DEEP)
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            _check(part, depth + 1)


def _whole_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ProtocolError(f"a text holds half a surrogate pair: {text[:80]!a}") from None


def _float(digits: str) -> float:
    value = float(digits)
    if len(digits) > _NUMBER_LENGTH or math.isinf(value):
        raise ProtocolError(f"a number is absurd: {digits[:40]}… of {len(digits)} characters")
    return value


def _int(digits: str) -> int:
    if len(digits) > _NUMBER_LENGTH:
        raise ProtocolError(f"a number is absurd: {digits[:40]}… of {len(digits)} characters")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise ProtocolError(f"the answer holds {name}, which is not JSON")


def take(
    entry: dict[str, Any],
    name: str,
    kind: type | tuple[type, ...],
    expected: str,
    where: str = "the answer",
) -> Any:
    """Return a member of an object.

    Raises:
        ProtocolError: It is missing, or of another type.
    """
    value = entry.get(name, _MISSING)
    if value is _MISSING:
        raise ProtocolError(f"{where} has no {name!r}; expected {expected}")
    if not isinstance(value, kind):
        raise ProtocolError(f"{where} has {name!r} {show(value)}; expected {expected}")
    return value


def instant(text: str, name: str) -> datetime:
    """Return a member that is an instant, in UTC.

    Raises:
        ProtocolError: It is not ISO 8601, or has no UTC offset.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ProtocolError(f"{name} {text[:80]!r} is not an ISO 8601 instant") from None
    if moment.tzinfo is None:
        raise ProtocolError(f"{name} {text[:80]!r} has no UTC offset, so it names no instant")
    return moment.astimezone(UTC)


def show(value: Any) -> str:
    return json.dumps(value)[:80]
