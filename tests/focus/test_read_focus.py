"""What `read_focus` promises: the file's rows, typed and exact, or the reason why not."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import falusage as fu
from falusage.columns import MONEY
from falusage.focus._reading import read_report
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


NUMBER = "a number with a decimal point, without thousands separators"
INSTANT_FORM = "an instant in ISO 8601, such as 2025-06-01T00:00:00Z, or a date, such as 2025-06-01"


@pytest.mark.parametrize(
    ("column", "text", "rule"),
    [
        ("BilledCost", "12 USD", f"BilledCost is '12 USD'; expected {NUMBER}"),
        ("BilledCost", "$12", f"BilledCost is '$12'; expected {NUMBER}"),
        ("BilledCost", "(12.50)", f"BilledCost is '(12.50)'; expected {NUMBER}"),
        ("BilledCost", '"1,234.56"', f"BilledCost is '1,234.56'; expected {NUMBER}"),
        ("BilledCost", '"12,5"', f"BilledCost is '12,5'; expected {NUMBER}"),
        ("BilledCost", "1 234", f"BilledCost is '1 234'; expected {NUMBER}"),
        ("BilledCost", "1_234", f"BilledCost is '1_234'; expected {NUMBER}"),
        ("BilledCost", "١٢", f"BilledCost is '١٢'; expected {NUMBER}"),
        ("BilledCost", "1e30", f"BilledCost is '1e30'; expected {NUMBER}"),
        ("BilledCost", "NaN", f"BilledCost is 'NaN'; expected {NUMBER}"),
        ("BilledCost", "", f"BilledCost is empty; expected {NUMBER}"),
        ("BilledCost", "Null", f"BilledCost is empty; expected {NUMBER}"),
        ("BillingCurrency", " ", "BillingCurrency is empty; expected three capital letters"),
        ("BillingCurrency", "usd", "BillingCurrency is 'usd'; expected three capital letters"),
        ("BillingAccountId", "", "BillingAccountId is empty; expected text"),
        ("ChargeCategory", "usage", "ChargeCategory is 'usage'; expected one of Usage, Purchase"),
        (
            "ChargePeriodStart",
            "01/02/2025",
            f"ChargePeriodStart is '01/02/2025'; expected {INSTANT_FORM}",
        ),
        (
            "ChargePeriodStart",
            "2025-02",
            f"ChargePeriodStart is '2025-02'; expected {INSTANT_FORM}",
        ),
        (
            "ChargePeriodStart",
            "2025-2-1",
            f"ChargePeriodStart is '2025-2-1'; expected {INSTANT_FORM}",
        ),
        (
            "ChargePeriodStart",
            "20250201",
            f"ChargePeriodStart is '20250201'; expected {INSTANT_FORM}",
        ),
        ("ChargePeriodStart", "45689", f"ChargePeriodStart is '45689'; expected {INSTANT_FORM}"),
        ("ChargePeriodStart", "2025-13-01T00:00:00Z", "ChargePeriodStart is '2025-13-01T"),
        ("ChargePeriodEnd", "2025-01-31T00:00:00Z", "ChargePeriodStart is after ChargePeriodEnd"),
    ],
)
def test_a_cell_that_is_none_is_refused(write, column: str, text: str, rule: str) -> None:
    """The message has file, line, cell and the expected form; the error the row as received."""
    path = write(with_cell(column, text))

    with pytest.raises(fu.SchemaError) as caught:
        fu.read_focus(path)

    assert str(caught.value).startswith(f"{path}, line 2: {rule}")
    assert "invalid are 1 of the 4 rows" in str(caught.value)
    (row,) = caught.value.failures.to_dicts()
    assert row["rules"][0].startswith(rule)
    assert 2 == row["line"]
    cell = text.strip(' "')
    assert (None if cell in {"", "Null"} else cell) == row[column]


@pytest.mark.parametrize(
    ("column", "text"), [("ListUnitPrice", "on request"), ("BillingPeriodEnd", "2025-03")]
)
def test_a_column_that_no_charge_needs_is_kept_as_it_is(write, column: str, text: str) -> None:
    """With a warning that names the cell: what nobody adds up is no reason to reject a report."""
    path = write(with_cell(column, text))

    with pytest.warns(fu.FalUsageWarning) as caught:
        focus = fu.read_focus(path)

    (warning,) = caught
    assert str(warning.message).startswith(f"{path}, line 2: {column} is '{text}'; expected a")
    assert pl.String == focus.schema[column]
    assert text == focus[column][0]
    assert Decimal("12.5") == focus["BilledCost"][0]


@pytest.mark.parametrize("text", ["NULL", "null", " Null ", '"NULL"', '""', "  "])
def test_null_in_a_cell_means_empty(write, text: str) -> None:
    """In any case, in a column of any kind."""
    for column in ("SubAccountId", "ServiceName", "ListUnitPrice", "BillingPeriodEnd"):
        assert fu.read_focus(write(with_cell(column, text)))[column][0] is None


LINES = INVOICE.splitlines()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "line 1: it is blank; expected the names of the columns"),
        ("\n" + INVOICE, "line 1: it is blank"),
        (INVOICE.replace(",", ";"), "line 1: the cells are separated by semicolons; expected"),
        (INVOICE.replace(",", "\t"), "line 1: the cells are separated by tabs; expected"),
        ("\n".join([*LINES[:2], "", *LINES[2:]]), "line 3: it is blank; expected a charge"),
        ("\n".join([*LINES[:3], " ", "", *LINES[3:]]), "line 4: it is blank; expected a charge"),
        ("\n".join([*LINES[:3], "," * 15, *LINES[3:]]), "line 4: it is blank; expected a charge"),
        ("\n".join([*LINES[:4], LINES[4][:-4]]), "line 5: it has 15 cells; expected 16"),
        (with_cell("BilledCost", "12,5"), "line 2: it has 17 cells; expected 16"),
        (INVOICE.replace('"flux, dev"', '"flux, dev'), "line 2: the row that begins here is no"),
        (INVOICE.replace('"flux, dev"', '"flux"dev"'), "line 2: the row that begins here is no"),
        (INVOICE.replace("x_InvoiceLine", "BilledCost"), "line 1: it has a column 'BilledCost'"),
        ("x," * 1_000 + "x\n", "line 1: it has 1,001 columns; expected 1,000 at most"),
        (INVOICE.encode("utf-16"), "line 1: it is not UTF-8 text"),
        (INVOICE.replace("Welcome", "Grüße").encode("latin-1"), "line 4: it is not UTF-8 text"),
        (INVOICE.replace("Welcome", "a\0b"), "line 4: it has a zero byte"),
    ],
)  # fmt: skip
def test_what_departs_from_csv_is_refused(write, content: str | bytes, says: str) -> None:
    """The message names the file, the line and what was expected."""
    path = write(content)

    with pytest.raises(fu.SchemaError) as caught:
        fu.read_focus(path)

    assert str(caught.value).startswith(f"{path}, {says}")


@pytest.mark.filterwarnings("ignore::falusage.FalUsageWarning")
@given(data=st.data())
def test_no_damage_is_a_foreign_error(data: st.DataObject) -> None:
    """Bytes that are changed, cut or doubled: a table of the same rows, or an error of ours."""
    body = INVOICE.encode()
    at, upto = sorted(data.draw(st.tuples(*[st.integers(0, len(body))] * 2)))
    instead = data.draw(st.one_of(st.binary(max_size=8), st.text(',"\n\r; \0é', max_size=8)))
    changed = instead.encode() if isinstance(instead, str) else instead
    damaged = body[:at] + changed + body[data.draw(st.sampled_from([at, upto])) :]

    with suppress(fu.SchemaError, fu.MissingColumnError):
        assert MONEY == read_report(damaged, "report").schema["BilledCost"]


def test_blank_lines_at_the_end_are_nothing(write) -> None:
    """As editors and spreadsheets add them."""
    expected = fu.read_focus(write(INVOICE))

    for end in ("\n\n", "\r\n \r\n", "," * 15 + "\n"):
        assert expected.equals(fu.read_focus(write(INVOICE + end)))


def test_lines_are_those_of_the_file(write) -> None:
    """A cell with line breaks counts as the lines that it takes."""
    broken = INVOICE.replace("flux, dev", "flux,\r\ndev\n").replace("17.556", "17,556")

    with pytest.raises(fu.SchemaError, match=r"focus\.csv, line 7: it has 17 cells"):
        fu.read_focus(write(broken))


def test_a_row_of_several_lines_is_named_by_its_first(write) -> None:
    """Where a reader finds it."""
    broken = with_cell("BilledCost", "12 USD").replace("flux", '"flux\n\ndev"')

    with pytest.raises(fu.SchemaError, match=r"focus\.csv, line 2: BilledCost is '12 USD'"):
        fu.read_focus(write(broken))


def test_columns_may_have_any_other_name(write) -> None:
    """Also those that the package uses itself."""
    for name in ("line", "row", "rules", ""):
        focus = fu.read_focus(write(INVOICE.replace("x_InvoiceLine", name)))
        assert ["007", "008", "009", "010"] == focus[name].to_list()


def test_a_report_without_charges_has_its_columns(write) -> None:
    """Typed as those of any other."""
    focus = fu.read_focus(write(LINES[0] + "\n"))

    assert 0 == focus.height
    assert fu.read_focus(write(INVOICE)).schema == focus.schema


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

    with pytest.raises(
        fu.SchemaError, match="row 1: ChargePeriodEnd is '1738454400'; expected an instant"
    ):
        fu.read_focus(tmp_path / "focus.parquet")


@pytest.mark.slow
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
