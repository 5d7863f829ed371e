"""What `read_focus` promises: the file's rows, typed and exact, or the reason why not."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import falusage as fu
from falusage.columns import MONEY
from falusage.focus._vocabulary import CSV_TIME
from tests.focus.usage_tables import usages

# An invoice of teams that are billed together, in the provider's form: endpoint lines bear their
# caller's team, compute lines none; a credit and the tax stand below.
INVOICE = """\
BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,\
ChargeCategory,ChargeClass,ChargeDescription,ChargePeriodEnd,ChargePeriodStart,ListUnitPrice,\
ServiceName,SubAccountId,SubAccountName,x_InvoiceLine
12.5,cus_1,Acme,USD,2025-03-01T00:00:00Z,2025-02-01T00:00:00Z,Usage,,"flux, dev",\
2025-03-01T00:00:00Z,2025-02-01T00:00:00Z,0.025,Model APIs,ads,Ads,007
100,cus_1,Acme,USD,2025-03-01T00:00:00Z,2025-02-01T00:00:00Z,Usage,,H100,\
2025-03-01T00:00:00Z,2025-02-01T00:00:00Z,1e-3,Compute,,,008
-20.10,cus_1,Acme,USD,2025-03-01T00:00:00Z,2025-02-01T00:00:00Z,Credit,,Welcome,\
2025-03-01T00:00:00Z,2025-02-01T00:00:00Z,,,,"",009
17.556,cus_1,Acme,USD,2025-03-01T00:00:00Z,2025-02-01T00:00:00Z,Tax,,VAT,\
2025-03-01T00:00:00Z,2025-02-01T00:00:00Z,,,,,010
"""
MARCH = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture
def write(tmp_path: Path):
    """Write a file, and give its path."""

    def write(content: str | bytes, name: str = "focus.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def with_cell(column: str, text: str) -> str:
    """Give the invoice with another cell in its second line."""
    names, first, *rest = INVOICE.splitlines()
    cells = first.replace('"flux, dev"', "flux").split(",")
    cells[names.split(",").index(column)] = text
    return "\n".join([names, ",".join(cells), *rest])


def test_an_invoice_is_read_as_it_stands(write) -> None:
    """Money in exact decimals, instants in UTC, prices as numbers, the rest text or null."""
    focus = fu.read_focus(write(INVOICE))

    assert INVOICE.splitlines()[0].split(",") == focus.columns
    assert [Decimal("12.5"), Decimal(100), Decimal("-20.1"), Decimal("17.556")] == focus[
        "BilledCost"
    ].to_list()
    assert [MONEY, pl.Float64, pl.String] == [
        focus.schema[name] for name in ("BilledCost", "ListUnitPrice", "x_InvoiceLine")
    ]
    assert [0.025, 0.001, None, None] == focus["ListUnitPrice"].to_list()
    assert {MARCH} == set(focus["ChargePeriodEnd"])
    assert ["ads", None, None, None] == focus["SubAccountId"].to_list()
    assert ["Ads", None, None, None] == focus["SubAccountName"].to_list()
    assert "007" == focus["x_InvoiceLine"][0]


def test_money_does_not_pass_through_a_double(write) -> None:
    """Seventeen digits and more come back as they were written."""
    focus = fu.read_focus(write(with_cell("BilledCost", "12345678901234567890.123456789012")))

    assert Decimal("12345678901234567890.123456789012") == focus["BilledCost"][0]


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-01T00:00:00Z",
        "2025-03-01T00:00:00.000Z",
        "2025-03-01T00:00:00+00:00",
        "2025-03-01T01:00:00+0100",
        "2025-02-28T19:00:00-05:00",
        "2025-03-01T00:00:00",
        "2025-03-01 00:00:00",
        "2025-03-01T00:00Z",
        "2025-03-01",
    ],
)
def test_instants_are_read_in_every_form_of_iso_8601(write, text: str) -> None:
    """One without an offset is in UTC, because the specification has no other."""
    assert MARCH == fu.read_focus(write(with_cell("ChargePeriodEnd", text)))["ChargePeriodEnd"][0]


@pytest.mark.parametrize(
    ("column", "text", "rule"),
    [
        ("BilledCost", "12 USD", "BilledCost: no number"),
        ("BilledCost", "1e30", "BilledCost: no number"),
        ("BilledCost", "NaN", "BilledCost: no number"),
        ("BilledCost", "", "BilledCost: null"),
        ("ListUnitPrice", "free", "ListUnitPrice: no number"),
        ("BillingCurrency", " ", "BillingCurrency: null"),
        ("BillingAccountId", "", "BillingAccountId: null"),
        ("ChargeCategory", "usage", "ChargeCategory: none of Usage, Purchase"),
        ("ChargePeriodStart", "01/02/2025", "ChargePeriodStart: no instant"),
        ("ChargePeriodStart", "2025-13-01T00:00:00Z", "ChargePeriodStart: no instant"),
        ("ChargePeriodEnd", "2025-01-31T00:00:00Z", "ChargePeriodStart: after ChargePeriodEnd"),
        ("BillingPeriodEnd", "soon", "BillingPeriodEnd: no instant"),
    ],
)
def test_a_cell_that_is_none_is_refused(write, column: str, text: str, rule: str) -> None:
    """The error has the row as it was received, and what it breaks."""
    with pytest.raises(fu.SchemaError, match=r"1 of the 4 rows of .*focus\.csv") as caught:
        fu.read_focus(write(with_cell(column, text)))

    (row,) = caught.value.failures.to_dicts()
    assert rule in row["rules"][0]
    assert (text.strip() or None) == row[column]


@pytest.mark.parametrize(
    "column",
    [
        *("BilledCost", "BillingAccountId", "BillingCurrency", "ChargeCategory"),
        *("ChargePeriodEnd", "ChargePeriodStart", "ServiceName"),
    ],
)
def test_a_missing_column_is_named(write, column: str) -> None:
    """With the near name that the file has instead."""
    with pytest.raises(fu.MissingColumnError, match=rf"'{column}'. Did you mean '{column}s'\?"):
        fu.read_focus(write(INVOICE.replace(f"{column},", f"{column}s,", 1)))


def test_a_column_that_stands_there_twice_is_refused(write) -> None:
    """Nobody can tell which one is meant."""
    twice = INVOICE.replace("x_InvoiceLine", "BilledCost", 1)

    with pytest.raises(fu.SchemaError, match="has a column 'BilledCost' twice"):
        fu.read_focus(write(twice))


@pytest.mark.parametrize(
    "content",
    ["", "a\n1,2,3\n", b"PAR1 and no more", b"BilledCost\n\xff\xfe\n", b"\x1f\x8b\x08 cut short"],
)
def test_a_file_that_is_neither_form_is_refused(write, content: str | bytes) -> None:
    """Cut, empty or of another kind: never a foreign error."""
    with pytest.raises((fu.SchemaError, fu.MissingColumnError)):
        fu.read_focus(write(content))


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        fu.read_focus(tmp_path / "nowhere.csv")


def test_compressed_csv_and_marked_csv_are_csv(write) -> None:
    """What programs for spreadsheets and downloads make of it."""
    expected = fu.read_focus(write(INVOICE))

    assert expected.equals(fu.read_focus(write(gzip.compress(INVOICE.encode()), "f.csv.gz")))
    assert expected.equals(fu.read_focus(write(b"\xef\xbb\xbf" + INVOICE.encode())))
    assert expected.equals(fu.read_focus(write(INVOICE.replace("\n", "\r\n"))))


def test_parquet_of_any_engine_is_read(tmp_path: Path) -> None:
    """Doubles, nanoseconds, dates and instants without a zone become what a CSV's cells do."""
    other = pl.DataFrame(
        {
            "BilledCost": [0.1, 0.2],
            "BillingAccountId": "cus_1",
            "BillingCurrency": "USD",
            "ChargeCategory": "Usage",
            "ChargePeriodStart": [datetime(2025, 2, 1), datetime(2025, 2, 2)],
            "ChargePeriodEnd": [datetime(2025, 2, 2), datetime(2025, 2, 3)],
            "ServiceName": None,
            "x_Line": [1, 2],
        }
    ).cast({"ChargePeriodStart": pl.Date, "ChargePeriodEnd": pl.Datetime("ns")})
    other.write_parquet(tmp_path / "no suffix")

    focus = fu.read_focus(tmp_path / "no suffix")

    assert [Decimal("0.1"), Decimal("0.2")] == focus["BilledCost"].to_list()
    assert datetime(2025, 2, 2, tzinfo=UTC) == focus["ChargePeriodEnd"][0]
    assert datetime(2025, 2, 1, tzinfo=UTC) == focus["ChargePeriodStart"][0]
    assert [1, 2] == focus["x_Line"].to_list()


def test_parquet_with_numbers_for_instants_is_refused(tmp_path: Path) -> None:
    """Seconds or milliseconds, since when? Not to be guessed."""
    focus = pl.DataFrame(
        {
            "BilledCost": [0.1],
            "BillingAccountId": "cus_1",
            "BillingCurrency": "USD",
            "ChargeCategory": "Usage",
            "ChargePeriodStart": [1738368000],
            "ChargePeriodEnd": [1738454400],
            "ServiceName": "Compute",
        }
    )
    focus.write_parquet(tmp_path / "focus.parquet")

    with pytest.raises(fu.SchemaError, match="ChargePeriodStart: no instant"):
        fu.read_focus(tmp_path / "focus.parquet")


@pytest.mark.parametrize("version", ["1.2", "1.4"])
@given(data=st.data())
def test_our_own_files_come_back(version, tmp_path_factory, data: st.DataObject) -> None:
    """Parquet and CSV, to the last bit."""
    focus = fu.to_focus(
        data.draw(usages),
        billing_account_id="acct-1",
        billing_account_name="Acme, Inc",
        timeframe="day",
        version=version,
    )
    folder = tmp_path_factory.mktemp("focus")
    focus.write_csv(folder / "focus.csv", datetime_format=CSV_TIME)
    focus.write_parquet(folder / "focus.parquet")

    assert focus.equals(fu.read_focus(folder / "focus.csv"), null_equal=True)
    assert focus.equals(fu.read_focus(folder / "focus.parquet"), null_equal=True)
