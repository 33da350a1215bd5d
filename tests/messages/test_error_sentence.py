"""Tests of the one sentence that an exception has to tell."""

from __future__ import annotations

import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import Dataset
from monai.transforms import LoadImaged

from common.messages import sentence

SENTENCE = "a.png has 3 channels: give --channels one of R, G, B"


def refuse(*_, **__):
    """Raise the error of a reader that has understood what a library could not tell."""
    try:
        raise KeyError("library detail")
    except KeyError as error:
        raise ValueError(SENTENCE) from error


class Broken:
    """Fails as soon as it is made."""

    def __init__(self) -> None:
        refuse()


def _caught(call) -> BaseException:
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_a_sentence_of_its_own_is_heard_before_its_cause():
    assert sentence(_caught(refuse)) == SENTENCE


@pytest.mark.parametrize(
    "item", ["$refuse()", {"_target_": "$Broken"}, {"_target_": "dict", "deep": [{"_target_": "$Broken"}]}]
)
def test_through_a_configuration(item):
    parser = ConfigParser({"item": item, "top": "$@item"}, globals={"refuse": refuse, "Broken": Broken})
    assert sentence(_caught(lambda: parser.get_parsed_content("top"))) == SENTENCE


@pytest.mark.parametrize("workers", [0, 1])
def test_through_a_transform_and_the_workers_of_a_loader(workers):
    loader = torch.utils.data.DataLoader(Dataset([1], transform=refuse), num_workers=workers)
    assert sentence(_caught(lambda: list(loader))) == SENTENCE


def test_through_an_image_reader(tmp_path):
    from monai.data import ImageReader

    class Reader(ImageReader):
        def verify_suffix(self, filename):
            return True

        def read(self, data, **kwargs):
            refuse()

        def get_data(self, img):
            raise NotImplementedError

    load = LoadImaged(keys="image", reader=Reader())
    data = Dataset([{"image": str(tmp_path / "a.png")}], transform=load)
    assert sentence(_caught(lambda: data[0])) == SENTENCE


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (KeyError("image"), "KeyError: 'image'"),
        (ValueError(), "ValueError"),
        (ValueError("two\n  lines"), "two lines"),
        (FileNotFoundError(2, "No such file or directory", "a.png"), "No such file or directory: 'a.png'"),
    ],
)
def test_other_exceptions_are_one_line(error, words):
    assert sentence(error) == words


def test_endless_messages_are_cut():
    assert len(sentence(ValueError("long " * 1000))) == 1000
