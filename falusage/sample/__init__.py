"""An invented organization's usage, with known things planted in it.

`sample_usage` generates any range of it from a seed. `sample_path` is the path of two weeks of it
as Parquet, which are installed with the package.
"""

from falusage.sample._parquet import sample_path as sample_path
from falusage.sample._parquet import write_sample as write_sample
from falusage.sample._truth import Anomaly as Anomaly
from falusage.sample._truth import DiscountChange as DiscountChange
from falusage.sample._truth import Launch as Launch
from falusage.sample._truth import PriceRise as PriceRise
from falusage.sample._truth import Retirement as Retirement
from falusage.sample._truth import SecondCurrency as SecondCurrency
from falusage.sample._truth import Surge as Surge
from falusage.sample._truth import Truth as Truth
from falusage.sample._usage import Sample as Sample
from falusage.sample._usage import sample_usage as sample_usage

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
