from supportd.metrics import Withheld
from supportd.push.audience import Listener
from supportd.push.plan import BEFORE_REGISTERED_MS, Plan, plan
from supportd.push.stories import Line, Story
from supportd.stores.devices import Device, Platform
from supportd.stores.pushes import News, Push
from tests.stores.opening import START, at

NOW = int(START.timestamp()) * 1000
OLD = Device("old", Platform.MOBILE, "old-token", at(-3600))
NEW = Device("new", Platform.MOBILE, "new-token", at(0))


def planned(
    *said_ago_ms: int,
    devices: tuple[Device, ...] = (OLD,),
    told: dict[str, tuple[str, ...]] | None = None,
    read: int = 0,
    withheld: Withheld | None = None,
) -> Plan:
    news = tuple(News(f"m{n}", NOW - ago, NOW - ago + 3_600_000) for n, ago in enumerate(said_ago_ms))
    lines = tuple(Line(each.id, n + 1) for n, each in enumerate(news))
    story = Story(("c1",), lines, read={"c1": read})
    return plan(Push("chat:1", news, NOW, 1, told or {}), story, [Listener("alice", "c1", devices, withheld)], now=NOW)


def lines(made: Plan) -> dict[str, str]:
    return {each.device.token.removesuffix("-token"): each.line.id for each in made.dispatches}


def test_each_device_is_told_the_newest_and_counts_as_told_all() -> None:
    made = planned(2000, 1000, devices=(OLD, NEW))
    assert lines(made) == {"old": "m1", "new": "m1"}
    assert made.told == {OLD.mark: ("m0", "m1"), NEW.mark: ("m0", "m1")}


def test_what_a_device_was_told_is_not_told_again() -> None:
    assert lines(planned(2000, 1000, devices=(OLD, NEW), told={OLD.mark: ("m0", "m1"), NEW.mark: ("m0",)})) == {
        "new": "m1"
    }


def test_what_was_said_before_a_device_was_registered_is_history_to_it() -> None:
    assert lines(planned(BEFORE_REGISTERED_MS + 1, devices=(OLD, NEW))) == {"old": "m0"}
    assert lines(planned(BEFORE_REGISTERED_MS, devices=(OLD, NEW))) == {"old": "m0", "new": "m0"}


def test_what_was_read_is_not_told() -> None:
    assert lines(planned(2000, 1000, read=1)) == {"old": "m1"}
    assert lines(planned(2000, 1000, read=2)) == {}


def test_who_is_not_to_be_told_counts_as_told() -> None:
    made = planned(1000, withheld=Withheld.PRESENT)
    assert (made.dispatches, [each.user_id for each in made.withheld], made.told) == (
        [],
        ["alice"],
        {OLD.mark: ("m0",)},
    )
    assert planned(1000, told=made.told, withheld=Withheld.PRESENT).withheld == []
