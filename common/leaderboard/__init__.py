"""All methods on a data set side by side: from MLflow to a table, a picture, a file that can be checked."""

from .board import Board, Entry, Training
from .board_file import read_board, read_boards, write_board
from .document import IN_DOCUMENT
from .gather import SCORES, gather, merged
from .picture import draw_board, picture_source
from .text import boards_text, left_out_text, table_text

__all__ = [
    "IN_DOCUMENT",
    "SCORES",
    "Board",
    "Entry",
    "Training",
    "boards_text",
    "draw_board",
    "gather",
    "left_out_text",
    "merged",
    "read_board",
    "picture_source",
    "read_boards",
    "table_text",
    "write_board",
]
