"""All methods on a data set side by side: `python -m scripts.leaderboard [--dataset D] [--write DOCUMENT]`.

A method enters by being evaluated: a bundle by its `evaluating`, another package by `scripts.peers`.
"""

from __future__ import annotations

import os
from pathlib import Path

from common.commands import main
from common.engine.tracking import FinishedEvaluation, finished_evaluations
from common.experiments import VIOLINS, RowScores, draw_violins, slug
from common.leaderboard import (
    IN_DOCUMENT,
    Board,
    boards_text,
    draw_board,
    gather,
    left_out_text,
    merged,
    read_board,
    read_boards,
    table_text,
    write_board,
)
from common.messages import suggest

_DOCUMENT = Path("docs/leaderboard/README.md")
_SAMPLE = "sample_"  # drawn nuclei: their scores show that the code works


def leaderboard(
    dataset: str | None = None,
    *,
    split: str = "test",
    folds: int | None = None,
    write: str | bool | None = None,
    rewrite: bool = False,
    results: str = "docs/leaderboard",
    output: str = "runs/leaderboard",
) -> list[Path]:
    """Compare all methods whose evaluations MLflow holds, seeds together, on the same images each.

    Args:
        dataset: name of the data set, as MLflow's experiment; by default all but the sample.
        split: the list that was scored.
        folds: compare methods that were tested by so many folds; by default by the data set's own lists.
        write: a document, such as docs/leaderboard/README.md, whose tables between markers are written
            anew; figures and pictures go to RESULTS, where methods that this store does not know stay.
        rewrite: write the document from RESULTS alone, without MLflow.
        results: folder of the files that a document's tables are made of.
        output: where figures and pictures go without a document: NAME.png, and NAME_violins.png with every
            image's scores.

    Returns:
        The files of figures.

    Raises:
        FileNotFoundError: if there is no store, or nothing in it was evaluated on that data set.
        ValueError: if the document has no markers.
    """
    document = None if write in (None, False) else _DOCUMENT if write is True else Path(str(write))
    if rewrite and document is None:
        raise ValueError(f"--rewrite needs a document: give --write {_DOCUMENT.as_posix()}")
    if document is not None:
        IN_DOCUMENT.check(document)
    place = Path(output) if document is None else Path(results)
    files = []
    for name, evaluations in [] if rewrite else _by_data(dataset):
        board, left_out = gather(evaluations, split=split, folds=folds)
        if left_out:
            print(f"{name}: {left_out_text(left_out)}")
        if board is None:
            print(f"{name}: no evaluation can be compared")
            continue
        file = place / f"{slug(_title(board))}.json"
        if document is not None and file.is_file():
            board = merged(board, read_board(file))
        files.append(write_board(file, board))
        print(f"\n{table_text(read_board(file))}\n")
    boards = read_boards(place)
    for file in boards if rewrite else files:
        draw_board(file)
    if document is not None:
        start = document.parent
        IN_DOCUMENT.write(document, boards_text({_link(file, start): each for file, each in boards.items()}))
        print(f"written: {document.as_posix()}, {place.as_posix()}")
    elif files:
        for file in files:
            _draw_violins(file)
        print(f"figures and pictures: {place.as_posix()}")
    return files


def _draw_violins(file: Path) -> None:
    board = read_board(file)
    rows: dict[str, RowScores] = {}
    for place, entry in enumerate(board.ranked, start=1):
        name = ", ".join(filter(None, (entry.name, entry.budget)))
        rows[f"{name} (place {place})" if name in rows else name] = entry.rows
    draw_violins(
        file.with_name(f"{file.stem}_violins.png"),
        rows,
        title=f"{board.data}, {board.split} list, {len(board.images)} images, {board.lists}",
        scores=VIOLINS,
    )


def _by_data(dataset: str | None) -> list[tuple[str, list[FinishedEvaluation]]]:
    found: dict[str, list[FinishedEvaluation]] = {}
    for each in finished_evaluations():
        found.setdefault(each.data, []).append(each)
    if dataset is not None:
        if dataset not in found:
            hint = suggest(dataset, sorted(found)) if found else "train and evaluate a bundle first"
            raise FileNotFoundError(f"nothing was evaluated on {dataset!r}: {hint}")
        return [(dataset, found[dataset])]
    real = [(name, each) for name, each in found.items() if not name.startswith(_SAMPLE)]
    if not real:
        raise FileNotFoundError(
            "nothing was evaluated on real images yet: train and evaluate a bundle, or name the sample's data"
            " with --dataset"
        )
    return real


def _title(board: Board) -> str:
    lists = "" if board.lists == "as listed" else f"_{board.lists}"
    split = "" if board.split == "test" else f"_{board.split}"
    return f"{board.data}{split}{lists}"


def _link(file: Path, start: Path) -> str:
    return Path(os.path.relpath(file.with_suffix(".png"), start)).as_posix()


if __name__ == "__main__":
    main(leaderboard)
