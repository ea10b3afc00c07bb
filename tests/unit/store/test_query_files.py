import pytest

from stocktake.store.queries import load_queries, parse_queries


def test_statements_are_found_by_name_in_the_order_of_the_file() -> None:
    queries = parse_queries(
        "-- A file.\n\n-- name: second\n-- Says what.\nselect 2;\n\n-- name: first\nselect 1;",
        place="here",
    )

    assert list(queries) == ["second", "first"]
    assert queries.first.as_string() == "select 1;"
    assert queries["second"].as_string() == "-- Says what.\nselect 2;"


@pytest.mark.parametrize(
    "text",
    ["select 1;\n-- name: a\nselect 2;", "-- name: a\n-- nothing", "-- name: a\nx\n-- name: a\ny"],
)
def test_a_muddled_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="here: text before"):
        parse_queries(text, place="here")


def test_an_unknown_query_names_the_file() -> None:
    with pytest.raises(AttributeError, match=r"here has no query 'rows'"):
        _ = parse_queries("-- name: a\nselect 1;", place="here").rows


def test_a_file_is_read_once() -> None:
    first = load_queries("stocktake.store", "sql/store.sql")

    assert load_queries("stocktake.store", "sql/store.sql") is first
