import itertools
import string

from hypothesis import given
from hypothesis import strategies as st

from supportd.files.signing import FileLinks, Purpose, Signer
from tests.harness import DrivenClock

OLD, NEW = "o" * 32, "n" * 32
TTL_S = 86_400


class StillClock(DrivenClock):
    """A clock that stands, but for what a test advances it by."""

    def time(self) -> float:
        return 1_750_000_000.5 + self.advanced


def signer(*secrets: str, clock: DrivenClock | None = None) -> Signer:
    return Signer(secrets=secrets or (NEW,), clock=clock or StillClock())


def soon(seconds: int = 60) -> int:
    return 1_750_000_000 + seconds


def token(of: Signer | None = None, file_id: str = "f1", purpose: Purpose = Purpose.INTERCOM) -> str:
    return (of or signer()).sign(file_id, purpose, expires_at=soon())


def test_a_signed_link_holds_until_it_expires() -> None:
    clock = StillClock()
    current = signer(clock=clock)
    given_token = token(current)
    assert current.verify(given_token, "f1", Purpose.INTERCOM)
    clock.advance(59)
    assert current.verify(given_token, "f1", Purpose.INTERCOM)
    clock.advance(1)
    assert not current.verify(given_token, "f1", Purpose.INTERCOM)


def test_a_link_is_for_one_file_and_one_purpose() -> None:
    assert not signer().verify(token(), "f2", Purpose.INTERCOM)
    assert not signer().verify(token(), "f1", Purpose.CLIENT)
    assert not signer().verify(token(file_id="f1\n2"), "f1", Purpose.INTERCOM)


def test_another_secret_signs_nothing_for_us() -> None:
    assert not signer(NEW).verify(token(signer(OLD)), "f1", Purpose.INTERCOM)


def test_links_outlive_a_rotation_of_the_secret() -> None:
    before, during, after = signer(OLD), signer(NEW, OLD), signer(NEW)
    old = token(before)
    assert during.verify(old, "f1", Purpose.INTERCOM)
    assert not after.verify(old, "f1", Purpose.INTERCOM)
    assert after.verify(token(during), "f1", Purpose.INTERCOM)
    assert old.split(".")[0] != token(during).split(".")[0]


def test_every_character_of_a_token_counts() -> None:
    good = token()
    for place, other in itertools.product(range(len(good)), string.ascii_letters + string.digits + "-_.="):
        forged = good[:place] + other + good[place + 1 :]
        assert signer().verify(forged, "f1", Purpose.INTERCOM) == (forged == good)


def test_a_token_has_one_form() -> None:
    good = token()
    for other in (good + "=", good + "\n", " " + good, good[:-1], good.upper(), good.replace(".", ":"), ""):
        assert not signer().verify(other, "f1", Purpose.INTERCOM)


def test_a_later_expiry_isnt_believed() -> None:
    key_id, expires_at, signature = token().split(".")
    for forged in (str(int(expires_at) + 1), "0" + expires_at, "+" + expires_at, expires_at + "0", "\u0661" * 10):
        assert not signer().verify(f"{key_id}.{forged}.{signature}", "f1", Purpose.INTERCOM)


@given(st.text(), st.text())
def test_any_text_may_be_given(given_token: str, file_id: str) -> None:
    assert not signer().verify(given_token, file_id, Purpose.CLIENT)


def test_a_link_stays_the_same_for_a_while_and_is_good_for_its_time() -> None:
    clock = StillClock()
    current = signer(clock=clock)
    links = FileLinks(signer=current, ttl_s=TTL_S, clock=clock)
    seen = []
    for _ in range(24):
        seen.append(links.path("f1", Purpose.CLIENT))
        expires_at = int(seen[-1].split(".")[1])
        assert TTL_S <= expires_at - clock.time() <= TTL_S * 9 / 8
        clock.advance(3600)
    assert len(set(seen)) in (8, 9)
    path, _, given_token = seen[-1].partition("?t=")
    assert path == "/files/f1"
    assert current.verify(given_token, "f1", Purpose.CLIENT)
