"""Tables of papers as grids of trainings: cells, what is done of them, statistics, claims, reports."""

from .cell import Cell, cells_of, row_settings, slug
from .cell_state import CellState, training_key
from .command import CommandError, DiskFullError, run_command
from .equal_cost import Pace, measured_pace, training_length
from .grid import GridResult, run_grid
from .method_code import code_fingerprint, files_of_method, method_config
from .parent_run import ParentRun
from .picture import draw_table
from .preconditions import check_cells, data_of
from .report import Conditions, cells_csv, markdown, table_csv
from .run_cell import run_cell
from .statistics import (
    Figure,
    RowScores,
    bootstrap_interval,
    collect,
    holm,
    mean_and_spread,
    paired_difference,
    paired_test,
)
from .table import Claim, Row, Table, read_table, table_names, table_of
from .verdict import verdict
from .violins import VIOLINS, draw_violins

__all__ = [
    "Cell",
    "CellState",
    "Claim",
    "CommandError",
    "Conditions",
    "DiskFullError",
    "Figure",
    "GridResult",
    "Pace",
    "ParentRun",
    "Row",
    "RowScores",
    "Table",
    "VIOLINS",
    "bootstrap_interval",
    "cells_csv",
    "cells_of",
    "check_cells",
    "code_fingerprint",
    "collect",
    "data_of",
    "draw_table",
    "draw_violins",
    "files_of_method",
    "holm",
    "markdown",
    "mean_and_spread",
    "measured_pace",
    "method_config",
    "paired_difference",
    "paired_test",
    "read_table",
    "row_settings",
    "run_cell",
    "run_command",
    "run_grid",
    "slug",
    "table_csv",
    "table_names",
    "table_of",
    "training_key",
    "training_length",
    "verdict",
]
