import pickle
from itertools import pairwise

import pytest

from stocktake import errors
from stocktake.errors import (
    LoadError,
    PlanRefused,
    SourceChanged,
    StocktakeError,
    StoreError,
    UsageError,
)

CLASSES = [getattr(errors, name) for name in errors.__all__]


def test_there_are_at_most_15_classes() -> None:
    assert len(CLASSES) <= 15


def test_the_tree_at_the_top_of_the_module_is_the_tree() -> None:
    drawn = [
        (line.index(word) // 4, word)
        for line in (errors.__doc__ or "").splitlines()[2:]
        for word in [line.replace("│", " ").strip(" ├└─").split(" ")[0]]
        if word
    ]
    parents = {}
    path: list[str] = []
    for depth, name in drawn:
        path[depth:] = [name]
        parents.update({child: parent for parent, child in pairwise(path)})

    assert parents == {
        each.__name__: each.__base__.__name__ for each in CLASSES if each is not StocktakeError
    }


def test_the_text_of_an_error_leaves_the_hint_out() -> None:
    error = SourceChanged("No 'racecards'.", hint="Replay it.")

    assert (str(error), error.message, error.hint) == (
        "No 'racecards'.",
        "No 'racecards'.",
        "Replay it.",
    )


def test_an_error_survives_pickling_with_its_hint() -> None:
    error = pickle.loads(pickle.dumps(StoreError("No.", hint="Do.")))

    assert (type(error), str(error), error.hint) == (StoreError, "No.", "Do.")


@pytest.mark.parametrize("kind", CLASSES)
def test_only_refused_input_exits_with_2(kind: type[StocktakeError]) -> None:
    assert kind.exit_code == (2 if kind in {UsageError, LoadError, PlanRefused} else 3)
