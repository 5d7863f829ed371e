"""An invented organization's usage, with known things planted in it.

`sample_usage` makes any range of it from a seed; `sample_path` is a fortnight of it as Parquet,
installed with the package.
"""

from falusage.sample.parquet import sample_path as sample_path
from falusage.sample.parquet import write_sample as write_sample
from falusage.sample.truth import Anomaly as Anomaly
from falusage.sample.truth import DiscountChange as DiscountChange
from falusage.sample.truth import Launch as Launch
from falusage.sample.truth import PriceRise as PriceRise
from falusage.sample.truth import Retirement as Retirement
from falusage.sample.truth import SecondCurrency as SecondCurrency
from falusage.sample.truth import Surge as Surge
from falusage.sample.truth import Truth as Truth
from falusage.sample.usage import Sample as Sample
from falusage.sample.usage import sample_usage as sample_usage

__all__ = [
    "Anomaly",
    "DiscountChange",
    "Launch",
    "PriceRise",
    "Retirement",
    "Sample",
    "SecondCurrency",
    "Surge",
    "Truth",
    "sample_path",
    "sample_usage",
    "write_sample",
]
