"""What people type who come from other programs is answered with the option that was meant."""

from __future__ import annotations

import pytest

from common.bundle_config import read_json
from common.commands import refuse_unknown
from common.commands.option_names import _SYNONYMS, DAILY, meant_by

KNOWN = ["epochs", "batch_size", "learning_rate", "network_def", "dataset_dir", "_meta_"]
TRAIN = "bundles/logsage/configs/train.json"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("epoch", "epochs"),
        ("batchsize", "batch_size"),
        ("Learning_Rate", "learning_rate"),
        ("learning-rate", "learning_rate"),
        ("data_dir", "dataset_dir"),
        ("lr", "learning_rate"),
        ("LR", "learning_rate"),
        ("bs", "batch_size"),
        ("max_epochs", "epochs"),
        ("images", "dataset_dir"),
    ],
)
def test_the_option_that_was_meant_is_offered(typed, meant):
    with pytest.raises(ValueError, match=f"^unknown option --{typed}: did you mean --{meant}\\?$"):
        refuse_unknown([typed], KNOWN)


@pytest.mark.parametrize(
    ("typed", "training", "evaluating"),
    [
        ("out", "ckpt_dir", "output_dir"),
        ("output", "ckpt_dir", "output_dir"),
        ("model", "pretrained", "weights"),
        ("ckpt", "pretrained", "weights"),
        ("gpu", "device cuda", "device cuda"),
        ("cpu", "device cpu", "device cpu"),
        ("workers", "num_workers", "num_workers"),
        ("nomlflow", "mlflow False", "mlflow False"),
        ("no_amp", "amp False", "amp False"),
        ("wd", "weight_decay", "weight_decay"),
    ],
)
def test_it_is_one_that_does_something_in_this_job(typed, training, evaluating):
    known = [*DAILY, "weight_decay", "mlflow", "amp"]
    for avoided, meant in ((("weights", "output_dir", "split"), training), ((), evaluating)):
        with pytest.raises(ValueError, match=f"did you mean --{meant}\\?$"):
            refuse_unknown([typed], known, avoided=avoided)


def test_every_synonym_leads_to_an_option_of_some_command(repository):
    """Those of bundles, of MONAI (`config_file`), and of scripts."""
    options = {*read_json(repository / TRAIN), "overlay", "config_file", "source", "bundle"}
    options |= {"embeddings", "formats", "recursive", "skip_finished", "table"}  # of segmenting
    for words, names in _SYNONYMS.items():
        assert {name.split()[0] for name in names} <= options
        assert not options.difference({"overlay"}) & set(words) - {"data"}, "a name that exists means itself"


def test_daily_options_are_those_of_every_bundle(repository):
    assert set(DAILY) <= set(read_json(repository / TRAIN))


def test_of_few_all_are_offered_those_used_most_first():
    with pytest.raises(ValueError, match=r": the options are --dataset_dir, --epochs, .*, --network_def$"):
        refuse_unknown(["zzz"], KNOWN)


def test_of_many_those_used_most_are_offered_and_the_file_that_has_all():
    known = [*DAILY, *(f"expert_{number}" for number in range(40))]
    with pytest.raises(
        ValueError, match="^unknown option --zzz: those used most are --dataset_dir, "
    ) as raised:
        refuse_unknown(["zzz"], known, accepted=["meta_file", "init_id"], file=TRAIN)
    said = str(raised.value)
    assert said.endswith(f"; all {len(known)} are in {TRAIN}")
    assert "meta_file" not in said and "expert" not in said and len(said) < 400


def test_what_is_accepted_is_let_through_and_found_when_misspelt():
    refuse_unknown(["config_file"], KNOWN, accepted=["config_file"])
    with pytest.raises(ValueError, match="did you mean --config_file"):
        refuse_unknown(["config_fiel"], KNOWN, accepted=["config_file"])


@pytest.mark.parametrize("key", ["epochs", "network_def::depth", "network_def#depth", "+network_def"])
def test_what_exists_is_accepted_deep_keys_too(key):
    refuse_unknown([key], KNOWN)
    root = "epochs" if key == "epochs" else "network_def"
    with pytest.raises(ValueError, match=f"unknown option --{root}"):
        refuse_unknown([key], [name for name in KNOWN if name != root])


def test_a_name_like_none_means_nothing():
    assert meant_by("zzz", KNOWN) is None and meant_by("gpu", KNOWN) is None
