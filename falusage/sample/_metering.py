"""The meter: the quantity and the cost of each line item at each tick.

A quantity is the line's usual amount × the weight of the hour in the team's week × growth × the
team's random factor of that day × noise, in whole parts of its unit. Only sums, products,
quotients and integer hashes are used, and everything depends on the minute, the line and the seed
alone. So the result is the same to the last bit for every range that has the tick, on every
machine and with any number of threads.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import polars as pl

from falusage import columns
from falusage import timeframes as tf
from falusage.sample import _chance as chance
from falusage.sample import _organization as org
from falusage.sample._truth import ADOPTED, HISTORY

_TERMS: Final = ("unit_price", "percent_discount")
_DAY_SWING: Final = 0.08
_LINE_SWING: Final = 0.2
_HOURS_A_MONTH: Final = 720.0
_MONDAY: Final = 72  # hours from Monday midnight to the epoch, a Thursday
_USUAL: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""When each team spends its usual amount."""

_GROWING: Final = (-366, 730)
"""The days, counted from then, between which teams grow: all of 2024, 2025 and 2026."""


def ticks(low: datetime, high: datetime, *, every: str, timezone: str) -> pl.DataFrame:
    """Split a range into hours or minutes, with the columns that depend only on the time."""
    edges = tf.boundaries(low, high, every=every, timezone=timezone)
    bucket, bucket_end = pl.col("bucket"), pl.col("bucket_end")
    minute = bucket.dt.epoch("s") // 60
    weekday, hour = bucket.dt.weekday(), bucket.dt.hour()
    return pl.DataFrame({"bucket": edges[:-1], "bucket_end": edges[1:]}).select(
        bucket,
        bucket_end,
        hours=(bucket_end - bucket).dt.total_minutes() / 60.0,
        age=((bucket - pl.lit(_USUAL)).dt.total_minutes() / 1440.0).clip(*_GROWING),
        hour=minute // 60 + _MONDAY,
        day=minute // 1440 + _MONDAY // 24,
        draw=chance.mixed(minute % (1 << 32)),
        surging=weekday.is_in(org.SURGE_WEEKDAYS) & hour.is_in(org.SURGE_HOURS),
    )


def demand(at: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return each team's demand at each tick; 1 is its usual hour."""
    teams = pl.DataFrame(
        {
            "team": range(len(org.TEAMS)),
            "hours_ahead": [team.hours_ahead for team in org.TEAMS],
            "growth": [team.growth for team in org.TEAMS],
            "team_key": [chance.key(seed, team.username) for team in org.TEAMS],
        },
        schema_overrides={"team": pl.UInt32, "team_key": pl.UInt64},
    )
    weeks = pl.Series([weight for team in org.TEAMS for weight in org.week(team.rhythm)])
    hour_of_week = (pl.col("hour") + pl.col("hours_ahead")) % 168
    phase = chance.mixed(chance.mixed(pl.col("day") % 7) ^ pl.col("team_key"))
    luck = chance.uniform(chance.spread(pl.col("day") // 7, phase))
    return at.join(teams, how="cross", maintain_order="left_right").select(
        "bucket",
        "bucket_end",
        "draw",
        "surging",
        "team",
        (
            pl.col("hours")
            * pl.lit(weeks).gather(pl.col("team").cast(pl.Int64) * 168 + hour_of_week)
            * (1.0 + pl.col("growth") * pl.col("age") / 30.0)
            * (1.0 + _DAY_SWING * (2.0 * luck - 1.0))
        ).alias("demand"),
    )


def lines(seed: int) -> pl.DataFrame:
    """Return the line items: a team's endpoint, by caller; with a second row for surge prices."""
    begins = {(event.username, event.endpoint_id): event.at for event in HISTORY.launches}
    ends = {(event.username, event.endpoint_id): event.at for event in HISTORY.retirements}
    rows = [
        {
            "team": number,
            "username": team.username,
            "product": price.product,
            "endpoint_id": endpoint_id,
            "unit": price.unit,
            "currency": team.currency,
            "auth_method": caller.auth_method,
            "auth_detail": caller.auth_method,
            "api_key_id": caller.api_key_id,
            "login_username": caller.login_username,
            "usual": caller.share * spend / price.unit_price / _HOURS_A_MONTH,
            "scale": float(org.PARTS[price.unit]),
            "line_key": chance.key(seed, team.username, endpoint_id, caller.auth_method),
            "begins": begins.get((team.username, endpoint_id)),
            "ends": ends.get((team.username, endpoint_id)),
            "runaway": (team.username, endpoint_id, caller.auth_method) == org.RUNAWAY,
            "surge": None if tier is None else tier == surge,
            "price": price.unit_price if tier is None else tier,
            "risen": org.RISEN.get(line),
        }
        for number, team in enumerate(org.TEAMS)
        for endpoint_id, spend in team.spend.items()
        for line in [(endpoint_id, team.currency)]
        for price in [org.PRICES[line]]
        for surge in [org.SURGING.get(line)]
        for caller in team.callers_for(price.product)
        for tier in ([None] if surge is None else [price.unit_price, surge])
    ]
    schema = {
        "team": pl.UInt32,
        "line_key": pl.UInt64,
        "begins": columns.INSTANT,
        "ends": columns.INSTANT,
        "surge": pl.Boolean,
        "risen": pl.Float64,
    }
    return pl.DataFrame(rows, schema_overrides=schema).with_row_index("line")


def counted(busy: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Return the quantity of each line at each tick, in whole parts of its unit, without zeros."""
    bucket = pl.col("bucket")
    (anomaly,) = HISTORY.anomalies
    looping = pl.col("runaway") & bucket.is_between(anomaly.start, anomaly.end, closed="left")
    age = bucket - pl.col("begins")
    whole = pl.lit(ADOPTED) - pl.col("begins")
    adopted = (age.dt.total_minutes() / whole.dt.total_minutes()).clip(upper_bound=1.0)
    adoption = 0.25 + 0.75 * adopted
    draw = pl.col("draw")
    expected = (
        pl.col("usual")
        * pl.col("demand")
        * pl.when(looping).then(org.RUNAWAY_FACTOR).otherwise(1.0)
        * adoption.fill_null(1.0)
        * (1.0 + _LINE_SWING * chance.triangular(draw))
    )
    # Random rounding keeps the mean, even if a minute has less than one image.
    metered = (expected * pl.col("scale") + chance.uniform(chance.second(draw))).floor()
    parts = pl.col("parts")
    surged = pl.when("surging").then(parts * org.SURGE_TENTHS // 10).otherwise(0)
    return (
        busy.join(
            items.select(
                "line", "team", "usual", "scale", "line_key", "begins", "ends", "runaway", "surge"
            ),
            on="team",
            maintain_order="left_right",
        )
        .lazy()
        .filter(
            (bucket >= pl.col("begins")).fill_null(True), (bucket < pl.col("ends")).fill_null(True)
        )
        .with_columns(chance.mixed(draw ^ pl.col("line_key")))
        .select("bucket", "bucket_end", "line", "surge", "surging", parts=metered.cast(pl.Int64))
        .select(
            "bucket",
            "bucket_end",
            "line",
            pl.when("surge")
            .then(surged)
            .when(~pl.col("surge"))
            .then(parts - surged)
            .otherwise(parts),
        )
        .filter(parts > 0)
        .collect()
    )


def priced(metered: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Add the list price and the discount that each line has at each tick."""
    (discount,) = HISTORY.discounts
    (rise,) = HISTORY.price_rises
    bucket, line = pl.col("bucket"), pl.col("line")
    before = pl.lit(items["price"])
    after = pl.lit(items.select(pl.coalesce("risen", "price")).to_series())
    discounted = pl.lit(items["username"] == discount.username)
    return metered.with_columns(
        unit_price=pl.when(bucket >= pl.lit(rise.at))
        .then(after.gather(line))
        .otherwise(before.gather(line)),
        percent_discount=pl.when(discounted.gather(line)).then(
            pl.when(bucket >= pl.lit(discount.at)).then(discount.after).otherwise(discount.before)
        ),
    )


def days(metered: pl.DataFrame, *, timezone: str) -> pl.DataFrame:
    """Sum priced hours to the days of a time zone.

    If a price or a discount changes within a day, the line has one row for each.
    """
    hour = pl.col("bucket")
    calendar = metered.select(hour.unique()).select(
        hour,
        tf.period_start(hour, every="1d", timezone=timezone)
        .dt.convert_time_zone("UTC")
        .alias("day"),
        tf.period_end(hour, every="1d", timezone=timezone).dt.convert_time_zone("UTC").alias("end"),
    )
    return (
        metered.join(calendar, on="bucket")
        .group_by("line", *_TERMS, bucket="day", bucket_end="end")
        .agg(pl.col("parts").sum())
        .sort("bucket", "line", *_TERMS)
    )


def billed(metered: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Add names and costs to priced quantities."""
    return (
        metered.lazy()
        .join(
            items.lazy().drop(
                "team", "usual", "line_key", "begins", "ends", "runaway", "surge", "price", "risen"
            ),
            on="line",
            how="left",
            maintain_order="left",
        )
        .with_columns(quantity=pl.col("parts").cast(pl.Float64) / pl.col("scale"))
        .with_columns(cost_subtotal=pl.col("quantity") * pl.col("unit_price"))
        .with_columns(
            cost_discount=pl.col("cost_subtotal")
            * pl.col("percent_discount").fill_null(0.0)
            / 100.0
        )
        .with_columns(cost=pl.col("cost_subtotal") - pl.col("cost_discount"))
        .collect()
        .pipe(columns.widened)
        .select(*columns.USAGE)
    )
