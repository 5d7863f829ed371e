"""The invented organization: its prices, its teams, their callers and their spend.

Everything here is fixed; randomness is added later. Ids, units and prices look like those that the
provider publishes; the teams, people and keys are invented. Amounts are what a team spends on an
endpoint in 30 days, in its own currency, at the start of 2025.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from falusage.columns import Product

Rhythm = Literal["office", "consumer", "machine"]


class Price(NamedTuple):
    """The price of a line item, and its unit."""

    product: Product
    unit: str
    unit_price: float


@dataclass(frozen=True)
class Caller:
    """Who calls, in the API's two forms: the text, and the structure behind it."""

    auth_method: str
    share: float
    api_key_id: str | None = None
    login_username: str | None = None


@dataclass(frozen=True)
class Team:
    """A team: its clock, its growth in 30 days as a fraction, its callers and its spend."""

    username: str
    currency: str
    rhythm: Rhythm
    hours_ahead: int
    growth: float
    callers: tuple[Caller, ...]
    spend: dict[str, float]

    def callers_for(self, product: Product) -> tuple[Caller, ...]:
        """Return the callers of a product: all for models, one key for apps, none for machines."""
        if product == "model_apis":
            return self.callers
        if product == "serverless":
            return (Caller(self.callers[0].auth_method, 1.0, self.callers[0].api_key_id),)
        return (Caller("None", 1.0),)


def _key(name: str, owner: str, share: float) -> Caller:
    bits = random.Random(f"{name}/{owner}").getrandbits(128)  # noqa: S311 - an id, not a secret
    return Caller(f"{name} (owner: {owner})", share, str(uuid.UUID(int=bits, version=4)))


def _login(username: str, share: float) -> Caller:
    return Caller(f"{username} <{username}@example.com>", share, login_username=username)


FLUX_SCHNELL: Final = "fal-ai/flux/schnell"
FLUX_DEV: Final = "fal-ai/flux/dev"
FLUX_ULTRA: Final = "fal-ai/flux-pro/v1.1-ultra"
KONTEXT: Final = "fal-ai/flux-pro/kontext"
IDEOGRAM: Final = "fal-ai/ideogram/v3"
RECRAFT: Final = "fal-ai/recraft/v3/text-to-image"
UPSCALER: Final = "fal-ai/clarity-upscaler"
CUTOUT: Final = "fal-ai/birefnet/v2"
KLING: Final = "fal-ai/kling-video/v2.1/master/image-to-video"
VEO: Final = "fal-ai/veo3"
VEO_FAST: Final = "fal-ai/veo3/fast"
MINIMAX: Final = "fal-ai/minimax/video-01"
SPEECH: Final = "fal-ai/elevenlabs/tts/turbo-v2.5"
WHISPER: Final = "fal-ai/whisper"
TRAINING: Final = "fal-ai/flux-lora-fast-training"
SDK_STYLE: Final = "sdk: GPU-H100 (style-transfer, production)"
SDK_CAPTION: Final = "sdk: GPU-A100 (captioning, production)"
SDK_EMBED: Final = "sdk: GPU-A6000 (embeddings, production)"
H100: Final = "type: gpu_1x_h100_sxm5 (my-app, production)"
H100_AVATAR: Final = "type: gpu_1x_h100_sxm5 (avatar-app, production)"
H100_EIGHT: Final = "type: gpu_8x_h100_sxm5 (lora-training, staging)"

PRICES: Final[dict[tuple[str, str], Price]] = {
    (FLUX_SCHNELL, "USD"): Price("model_apis", "megapixel", 0.003),
    (FLUX_DEV, "USD"): Price("model_apis", "megapixel", 0.025),
    (FLUX_DEV, "EUR"): Price("model_apis", "megapixel", 0.023),
    (FLUX_ULTRA, "USD"): Price("model_apis", "image", 0.06),
    (KONTEXT, "USD"): Price("model_apis", "image", 0.04),
    (IDEOGRAM, "USD"): Price("model_apis", "image", 0.06),
    (RECRAFT, "USD"): Price("model_apis", "image", 0.04),
    (UPSCALER, "USD"): Price("model_apis", "megapixel", 0.03),
    (CUTOUT, "USD"): Price("model_apis", "second", 0.0011),
    (KLING, "USD"): Price("model_apis", "second", 0.28),
    (KLING, "EUR"): Price("model_apis", "second", 0.26),
    (VEO, "USD"): Price("model_apis", "second", 0.4),
    (VEO_FAST, "USD"): Price("model_apis", "second", 0.15),
    (MINIMAX, "USD"): Price("model_apis", "video", 0.5),
    (SPEECH, "USD"): Price("model_apis", "1000 characters", 0.05),
    (SPEECH, "EUR"): Price("model_apis", "1000 characters", 0.046),
    (WHISPER, "USD"): Price("model_apis", "second", 0.0005),
    (TRAINING, "USD"): Price("model_apis", "step", 0.002),
    (SDK_STYLE, "USD"): Price("serverless", "second", 0.000525),
    (SDK_CAPTION, "USD"): Price("serverless", "second", 0.000275),
    (SDK_EMBED, "USD"): Price("serverless", "second", 0.000167),
    (H100, "USD"): Price("compute", "second", 0.001),
    (H100, "EUR"): Price("compute", "second", 0.00092),
    (H100_AVATAR, "USD"): Price("compute", "second", 0.001),
    (H100_EIGHT, "USD"): Price("compute", "second", 0.008),
}

PARTS: Final = {
    "image": 1,
    "video": 1,
    "step": 1,
    "second": 10,
    "megapixel": 100,
    "1000 characters": 1000,
}
"""How many parts of a unit the meter counts: a quantity is a whole number of them."""

TEAMS: Final = (
    Team(
        "acme-app-prod",
        "USD",
        "consumer",
        -6,
        0.025,
        (_key("app-backend", "carol", 0.7), _key("app-mobile", "dmitri", 0.3)),
        {
            FLUX_DEV: 5200.0,
            FLUX_SCHNELL: 4200.0,
            SDK_STYLE: 3100.0,
            H100_AVATAR: 2600.0,
            UPSCALER: 1900.0,
            KONTEXT: 1500.0,
        },
    ),
    Team(
        "acme-studio",
        "USD",
        "office",
        -8,
        0.02,
        (
            _key("render-farm", "erin", 0.65),
            _login("erin", 0.2),
            _login("farid", 0.15),
        ),
        {
            KLING: 6100.0,
            VEO: 4300.0,
            FLUX_ULTRA: 1400.0,
            VEO_FAST: 1000.0,
            SPEECH: 600.0,
            MINIMAX: 500.0,
        },
    ),
    Team(
        "acme-ml-team",
        "USD",
        "machine",
        -5,
        0.02,
        (_key("my-key", "alice", 0.75), _login("alice", 0.25)),
        {H100_EIGHT: 3900.0, H100: 2600.0, SDK_CAPTION: 1400.0, TRAINING: 700.0, FLUX_DEV: 400.0},
    ),
    Team(
        "acme-growth",
        "USD",
        "office",
        -5,
        0.015,
        (_key("campaign-bot", "grace", 0.6), _key("cms", "hiro", 0.4)),
        {IDEOGRAM: 1700.0, RECRAFT: 1300.0, KONTEXT: 350.0, FLUX_SCHNELL: 300.0},
    ),
    Team(
        "acme-voice",
        "USD",
        "consumer",
        -5,
        0.02,
        (_key("voice-api", "ines", 0.85), _login("ines", 0.15)),
        {SPEECH: 2200.0, WHISPER: 900.0},
    ),
    Team(
        "acme-data-platform",
        "USD",
        "machine",
        0,
        0.01,
        (_key("airflow", "jonas", 0.8), _key("backfill", "jonas", 0.2)),
        {SDK_EMBED: 1100.0, H100: 1500.0, CUTOUT: 400.0, WHISPER: 350.0},
    ),
    Team(
        "acme-paris",
        "EUR",
        "office",
        1,
        0.015,
        (_key("atelier", "lucie", 0.8), _login("lucie", 0.2)),
        {KLING: 1200.0, FLUX_DEV: 900.0, H100: 800.0, SPEECH: 500.0},
    ),
)

# fmt: off
_HOURS: Final[dict[Rhythm, tuple[int, ...]]] = {
    "office":   (2, 1, 1, 1, 1, 2, 4, 7, 11, 14, 15, 15, 13, 14, 15, 15, 14, 11, 8, 6, 5, 4, 3, 2),
    "consumer": (8, 5, 3, 2, 2, 3, 5, 8, 10, 11, 12, 13, 14, 14, 13, 13, 14, 15, 17, 19, 20, 19, 16,
                 12),
    "machine":  (11, 12, 12, 12, 11, 10, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9, 9, 10,
                 11, 11),
}
_WEEKDAYS: Final[dict[Rhythm, tuple[int, ...]]] = {
    "office":   (20, 20, 21, 20, 19, 11, 10),
    "consumer": (17, 17, 17, 18, 21, 25, 24),
    "machine":  (20, 20, 20, 20, 20, 17, 16),
}
# fmt: on


def week(rhythm: Rhythm) -> list[float]:
    """Return the weights of the 168 hours of a local week, from Monday midnight; their mean is 1.

    >>> len(week("office")), week("office")[10] > week("office")[3]
    (168, True)
    """
    days, hours = _WEEKDAYS[rhythm], _HOURS[rhythm]
    whole = sum(days) * sum(hours)
    return [168 * day * hour / whole for day in days for hour in hours]


RISEN: Final = {(KONTEXT, "USD"): 0.05}
"""The prices that rise, with the new price."""

SURGING: Final = {(KLING, "USD"): 0.42, (KLING, "EUR"): 0.39}
"""The prices with a surge price beside them, with that price."""

SURGE_TENTHS: Final = 3
SURGE_WEEKDAYS: Final = (1, 2, 3, 4, 5)
SURGE_HOURS: Final = (17, 18, 19)

DISCOUNTED: Final = ("acme-ml-team", 5.0, 10.0)
"""The team with a discount, and its percentage before and after the change."""

LAUNCHED: Final = ("acme-studio", VEO_FAST)
RETIRED: Final = ("acme-studio", MINIMAX)

RUNAWAY: Final = ("acme-growth", IDEOGRAM, "campaign-bot (owner: grace)")
RUNAWAY_FACTOR: Final = 12.0
