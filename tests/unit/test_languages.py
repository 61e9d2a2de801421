import pytest

from supportd.handlers.languages import preferred


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", None),
        ("ru", "ru"),
        ("RU-ru", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.8", "en"),
        ("en;q=0.1, ru;q=0.9", "ru"),
        ("ru ; q = 0.5 , en", "en"),
        ("fr,de", None),
        ("uk-UA,uk;q=0.9,ru;q=0.8,en;q=0.7", "ru"),
        ("en;q=0,ru;q=0.001", "ru"),
        ("en;q=0", None),
        ("*", None),
        ("*;q=1, ru-Cyrl-RU;q=0.3", "ru"),
        ("en;q=2,ru;q=0.1", "ru"),
        ("canary\r\n", None),
        ("x" * 10_000, None),
        ("ru" + " " * 30_000 + "x,en", "en"),
        ("," * 10_000 + "ru", None),
    ],
)
def test_the_language_that_there_is_with_the_highest_weight_is_preferred(header: str, language: str | None) -> None:
    assert preferred(header, among=("en", "ru")) == language
