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
        ("fr,de", "fr"),
        ("en;q=0", None),
        ("*", None),
        ("*;q=1, zh-Hans-CN;q=0.3", "zh"),
        ("en;q=2,ru;q=0.1", "ru"),
        ("canary\r\n", None),
        ("x" * 10_000, None),
        ("," * 10_000 + "ru", None),
    ],
)
def test_the_language_with_the_highest_weight_is_preferred(header: str, language: str | None) -> None:
    assert preferred(header) == language
