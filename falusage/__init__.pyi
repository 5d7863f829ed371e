"""The public names of falusage, each with the room that it comes from.

This is the only list of them. Type checkers read it, `lazy_loader` imports a name from here on its
first use, and the reference and the tests are derived from it.
"""

from .api.client import UsageClient as UsageClient
from .api.client import load_summary as load_summary
from .api.client import load_usage as load_usage
from .api.load import UsageLoad as UsageLoad
from .api.query import UsageQuery as UsageQuery
from .api.receipt import Receipt as Receipt
from .coverage import Coverage as Coverage
from .emulator import Emulator as Emulator
from .emulator import Faults as Faults
from .errors import AlignmentError as AlignmentError
from .errors import ApiError as ApiError
from .errors import AuthenticationError as AuthenticationError
from .errors import BadRequestError as BadRequestError
from .errors import ClockSkewWarning as ClockSkewWarning
from .errors import ConfigError as ConfigError
from .errors import CostMismatchWarning as CostMismatchWarning
from .errors import CoverageError as CoverageError
from .errors import FalUsageError as FalUsageError
from .errors import FalUsageWarning as FalUsageWarning
from .errors import IncompletePeriodWarning as IncompletePeriodWarning
from .errors import MissingColumnError as MissingColumnError
from .errors import MissingExtraError as MissingExtraError
from .errors import MixedCurrencyError as MixedCurrencyError
from .errors import NotFoundError as NotFoundError
from .errors import PaginationError as PaginationError
from .errors import PermissionDeniedError as PermissionDeniedError
from .errors import ProtocolError as ProtocolError
from .errors import QuarantineWarning as QuarantineWarning
from .errors import QueryError as QueryError
from .errors import RateLimitError as RateLimitError
from .errors import ReconciliationError as ReconciliationError
from .errors import ReconciliationWarning as ReconciliationWarning
from .errors import SchemaError as SchemaError
from .errors import ServerError as ServerError
from .errors import ShortHistoryError as ShortHistoryError
from .errors import ShortHistoryWarning as ShortHistoryWarning
from .errors import SnapshotError as SnapshotError
from .errors import StoreError as StoreError
from .errors import TransportError as TransportError
from .errors import UnknownFieldWarning as UnknownFieldWarning
from .errors import UnknownProductWarning as UnknownProductWarning
from .errors import UnmatchedWarning as UnmatchedWarning
from .focus import read_focus as read_focus
from .focus import tie_out as tie_out
from .focus import to_focus as to_focus
from .forecasting import backtest as backtest
from .forecasting import forecast as forecast
from .forecasting import month_outlook as month_outlook
from .plotting import colors_of as colors_of
from .plotting import plot_anomalies as plot_anomalies
from .plotting import plot_bridge as plot_bridge
from .plotting import plot_forecast as plot_forecast
from .plotting import plot_heatmap as plot_heatmap
from .plotting import plot_share as plot_share
from .plotting import plot_stack as plot_stack
from .plotting import plot_trend as plot_trend
from .reporting import report as report
from .sample import Sample as Sample
from .sample import sample_usage as sample_usage
from .schema import summary_schema as summary_schema
from .schema import usage_schema as usage_schema
from .schema import validate_usage as validate_usage
from .snapshot import Snapshot as Snapshot
from .snapshot import download_snapshot as download_snapshot
from .snapshot import open_snapshot as open_snapshot
from .snapshot import read_snapshot as read_snapshot
from .snapshot import scan_snapshot as scan_snapshot
from .snapshot import write_snapshot as write_snapshot
from .store import StoreView as StoreView
from .store import SyncResult as SyncResult
from .store import UsageStore as UsageStore
from .transforms import allocate as allocate
from .transforms import anomalies as anomalies
from .transforms import budget_status as budget_status
from .transforms import cost_bridge as cost_bridge
from .transforms import cost_share as cost_share
from .transforms import pivot as pivot
from .transforms import price_changes as price_changes
from .transforms import rollup as rollup
from .transforms import trend as trend

__version__: str
