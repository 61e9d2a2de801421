"""Searching and paging (contract, parts 1.5, 3.3, 4.7)."""

from typing import Any

import pytest

from tests.simulator.helpers import ADMIN_ID, START, Playground, code_of, playing

NOW = int(START)


async def three(play: Playground) -> dict[str, str]:
    """Three conversations, ten seconds apart: open, closed with a tag, snoozed and assigned."""
    names: dict[str, str] = {}
    names[(await play.conversation("u-1", "The parcel never arrived"))["id"]] = "open"
    await play.advance(10)
    names[(await play.conversation("u-2", "Refund, please"))["id"]] = "closed"
    await play.act("tags", name="vip")
    await play.act("close")
    await play.advance(10)
    names[(await play.conversation("u-3", "Refund of the parcel"))["id"]] = "snoozed"
    await play.act("assign")
    await play.act("snooze", until=NOW + 3600)
    return names


FILTERS = [
    ("state", "=", "closed", "closed"),
    ("state", "!=", "closed", "open snoozed"),
    ("state", "IN", ["open", "snoozed"], "open snoozed"),
    ("state", "NIN", ["open", "snoozed"], "closed"),
    ("open", "=", True, "open snoozed"),
    ("open", "=", "false", "closed"),
    ("updated_at", ">", NOW + 10, "closed snoozed"),
    ("updated_at", "<", NOW + 10, "open closed"),
    ("updated_at", ">=", str(NOW + 20), "snoozed"),
    ("updated_at", "<=", NOW, "open"),
    ("updated_at", "=", NOW, "open"),
    ("snoozed_until", ">", 1, "snoozed"),
    ("admin_assignee_id", "=", ADMIN_ID, "snoozed"),
    ("admin_assignee_id", "=", int(ADMIN_ID), "snoozed"),
    ("admin_assignee_id", "=", None, "open closed"),
    ("teammate_ids", "=", ADMIN_ID, "closed snoozed"),
    ("source.author.type", "^", "us", "open closed snoozed"),
    ("source.delivered_as", "$", "initiated", "open closed snoozed"),
    ("source.body", "=", "parcel", "open snoozed"),
    ("source.body", "~", "refund parcel", "snoozed"),
    ("source.body", "!~", "refund", "open"),
    ("statistics.count_conversation_parts", ">", 2, "snoozed"),
]


@pytest.mark.parametrize(("field", "operator", "value", "expected"), FILTERS)
async def test_operators(field: str, operator: str, value: Any, expected: str) -> None:
    async with playing() as play:
        names = await three(play)
        found = await play.ids({"field": field, "operator": operator, "value": value})
        assert sorted(names[each] for each in found) == sorted(expected.split())


async def test_by_contact_and_tag() -> None:
    async with playing() as play:
        names = await three(play)
        contact = await play.api("GET", "/contacts/find_by_external_id/u-2")
        [tag] = (await play.api("GET", "/tags"))["data"]
        for field, wanted in (("contact_ids", contact["id"]), ("tag_ids", tag["id"])):
            [found] = await play.ids({"field": field, "operator": "=", "value": wanted})
            assert names[found] == "closed"
            others = await play.ids({"field": field, "operator": "NIN", "value": [wanted]})
            assert sorted(names[each] for each in others) == ["open", "snoozed"]


async def test_strict_search_excludes_equality() -> None:
    async with playing() as play:
        await three(play)
        await play.faults(strict_search=True)
        assert len(await play.ids({"field": "updated_at", "operator": ">", "value": NOW + 10})) == 1
        assert len(await play.ids({"field": "updated_at", "operator": ">=", "value": NOW + 10})) == 2


async def test_groups() -> None:
    async with playing() as play:
        names = await three(play)
        is_open = {"field": "state", "operator": "=", "value": "open"}
        is_closed = {"field": "state", "operator": "=", "value": "closed"}
        recent = {"field": "updated_at", "operator": ">", "value": NOW + 10}
        either = {"operator": "OR", "value": [is_open, is_closed]}
        found = await play.ids({"operator": "AND", "value": [either, recent]})
        assert [names[each] for each in found] == ["closed"]


IS_OPEN = {"field": "state", "operator": "=", "value": "open"}


def nested(depth: int) -> Any:
    return {"operator": "AND", "value": [nested(depth - 1)]} if depth else IS_OPEN


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": {"field": "mood", "operator": "=", "value": "good"}}, "invalid_field"),
        ({"query": {"field": "state", "operator": ">", "value": "open"}}, "parameter_invalid"),
        ({"query": {"field": "updated_at", "operator": "~", "value": 1}}, "parameter_invalid"),
        ({"query": {"field": "updated_at", "operator": ">", "value": "soon"}}, "parameter_invalid"),
        ({"query": {"field": "updated_at", "operator": ">"}}, "parameter_invalid"),
        ({"query": {"field": "open", "operator": "=", "value": "perhaps"}}, "parameter_invalid"),
        ({"query": {"field": "state", "operator": "IN", "value": "open"}}, "parameter_invalid"),
        ({"query": {"operator": "XOR", "value": [IS_OPEN]}}, "parameter_invalid"),
        ({"query": {"operator": "AND", "value": [IS_OPEN] * 16}}, "parameter_invalid"),
        ({"query": nested(3)}, "parameter_invalid"),
        ({}, "parameter_invalid"),
        ({"query": IS_OPEN, "sort": {"field": "mood"}}, "parameter_invalid"),
        ({"query": IS_OPEN, "sort": {"order": "sideways"}}, "parameter_invalid"),
        ({"query": IS_OPEN, "pagination": {"per_page": 0}}, "parameter_invalid"),
        ({"query": IS_OPEN, "pagination": {"starting_after": "nonsense"}}, "client_error"),
        ({"query": IS_OPEN, "pagination": {"starting_after": "W10="}}, "client_error"),
    ],
)
async def test_what_is_not_understood(body: Any, code: str) -> None:
    async with playing() as play:
        assert code_of(await play.api("POST", "/conversations/search", body, status=400)) == code


async def test_two_levels_and_fifteen_filters_are_fine() -> None:
    async with playing() as play:
        await play.conversation()
        assert len(await play.ids(nested(2))) == 1
        assert len(await play.ids({"operator": "OR", "value": [IS_OPEN] * 15})) == 1


async def test_results_have_no_parts() -> None:
    async with playing() as play:
        await play.conversation()
        await play.act("reply", body="hi")
        [found] = (await play.search(IS_OPEN))["conversations"]
        assert "conversation_parts" not in found
        assert found["statistics"]["count_conversation_parts"] == 1


@pytest.mark.parametrize("order", ["ascending", "descending"])
async def test_pages_follow_the_sort(order: str) -> None:
    async with playing() as play:
        expected = []
        for number in range(7):
            expected.append((await play.conversation(f"u-{number}"))["id"])
            await play.advance(number % 2)
        if order == "descending":
            expected.reverse()
        found: list[str] = []
        pagination: dict[str, Any] = {"per_page": 3}
        for page_number in (1, 2, 3):
            answer = await play.search(IS_OPEN, sort={"field": "updated_at", "order": order}, pagination=pagination)
            pages = answer["pages"]
            assert (pages["page"], pages["per_page"], pages["total_pages"]) == (page_number, 3, 3)
            assert answer["total_count"] == 7
            found += [each["id"] for each in answer["conversations"]]
            pagination = {"per_page": 3, "starting_after": pages.get("next", {}).get("starting_after")}
        assert found == expected
        assert "next" not in pages


async def test_a_cursor_keeps_no_state() -> None:
    """What moves between two pages can come twice: it moved past the cursor."""
    async with playing() as play:
        first = (await play.conversation("u-1"))["id"]
        await play.advance(1)
        second = (await play.conversation("u-2"))["id"]
        sort = {"field": "updated_at", "order": "ascending"}
        answer = await play.search(IS_OPEN, sort=sort, pagination={"per_page": 1})
        assert [each["id"] for each in answer["conversations"]] == [first]
        await play.advance(1)
        await play.act("contact_reply", on=first, body="more")
        pagination = {"per_page": 2, "starting_after": answer["pages"]["next"]["starting_after"]}
        assert await play.ids(IS_OPEN, sort=sort, pagination=pagination) == [second, first]


async def test_sorting_by_what_some_lack() -> None:
    async with playing() as play:
        names = await three(play)
        answer = await play.search(
            {"field": "created_at", "operator": ">", "value": 1},
            sort={"field": "snoozed_until", "order": "ascending"},
            pagination={"per_page": 2},
        )
        pagination = {"per_page": 2, "starting_after": answer["pages"]["next"]["starting_after"]}
        [last] = await play.ids(
            {"field": "created_at", "operator": ">", "value": 1},
            sort={"field": "snoozed_until", "order": "ascending"},
            pagination=pagination,
        )
        assert names[last] == "snoozed"


async def test_page_sizes() -> None:
    async with playing() as play:
        for _ in range(25):
            await play.conversation()
        assert len((await play.api("GET", "/conversations"))["conversations"]) == 20
        listed = await play.api("GET", "/conversations?per_page=500")
        assert (len(listed["conversations"]), listed["pages"]["per_page"]) == (25, 150)


async def test_a_lagging_search_shows_what_was() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        await play.faults(search_lag_s=3)
        await play.advance(1)
        await play.act("close")
        later = await play.conversation("u-2")
        assert await play.ids(IS_OPEN) == [conversation["id"]]
        assert (await play.api("GET", f"/conversations/{conversation['id']}"))["state"] == "closed"
        await play.advance(3)
        assert await play.ids(IS_OPEN) == [later["id"]]


async def test_a_lagging_search_still_shows_what_is_deleted() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        await play.faults(search_lag_s=3)
        await play.sim("DELETE", "/conversations/last")
        assert await play.ids(IS_OPEN) == [conversation["id"]]
        await play.api("GET", f"/conversations/{conversation['id']}", status=404)
        await play.advance(3)
        assert await play.ids(IS_OPEN) == []


async def test_a_part_of_the_index_lags() -> None:
    async with playing() as play:
        await play.faults(search_lag_s=60, search_lag_one_in=2)
        made = [(await play.conversation(f"u-{number}"))["id"] for number in range(4)]
        assert await play.ids(IS_OPEN) == [each for each in reversed(made) if int(each) % 2]
        await play.advance(60)
        assert sorted(await play.ids(IS_OPEN)) == made


async def test_an_index_that_misses_closes_shows_them_as_they_were() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        await play.faults(search_misses_closes=True)
        await play.act("close")
        assert await play.ids(IS_OPEN) == [conversation["id"]]
        await play.act("contact_reply", body="Again")
        await play.faults(search_misses_closes=False)
        await play.act("close")
        assert await play.ids(IS_OPEN) == []


async def paged(play: Playground, sort: Any, per_page: int) -> list[str]:
    found: list[str] = []
    pagination: dict[str, Any] = {"per_page": per_page}
    while pagination.get("starting_after", True):
        answer = await play.search(IS_OPEN, sort=sort, pagination=pagination)
        found += [each["id"] for each in answer["conversations"]]
        pagination = {"per_page": per_page, "starting_after": answer["pages"].get("next", {}).get("starting_after")}
    return found


async def test_what_changes_between_two_pages_hides_others() -> None:
    async with playing() as play:
        made = []
        for number in range(5):
            made.append((await play.conversation(f"u-{number}"))["id"])
            await play.advance(1)
        await play.faults(search_drift=1)
        oldest_first = {"field": "updated_at", "order": "ascending"}
        assert await paged(play, oldest_first, 2) == [made[0], made[1], made[3], made[4], made[3]]


async def contacts(play: Playground, field: str, operator: str, value: Any) -> list[str]:
    query = {"query": {"field": field, "operator": operator, "value": value}}
    found = await play.api("POST", "/contacts/search", query)
    return [each["external_id"] for each in found["data"]]


async def test_contacts_are_searched_by_day() -> None:
    async with playing() as play:
        await play.contact("u-1")
        await play.advance(86_400)
        await play.contact("u-2")
        assert await contacts(play, "created_at", ">", NOW) == ["u-2"]
        assert await contacts(play, "created_at", "<", NOW + 86_400) == ["u-1"]
        assert await contacts(play, "created_at", "=", NOW + 3600) == ["u-1"]
        refusal = {"query": {"field": "created_at", "operator": ">=", "value": NOW}}
        assert code_of(await play.api("POST", "/contacts/search", refusal, status=400)) == "parameter_invalid"


async def test_contacts_are_found_late_and_archived_ones_never() -> None:
    async with playing() as play:
        await play.faults(contact_search_lag_s=60)
        contact = await play.contact("u-1")
        assert await contacts(play, "external_id", "=", "u-1") == []
        assert (await play.api("GET", "/contacts/find_by_external_id/u-1"))["id"] == contact["id"]
        await play.advance(60)
        assert await contacts(play, "email", "~", "X.IO") == ["u-1"]
        await play.sim("POST", "/contacts", {"external_id": "u-1", "archived": True})
        assert await contacts(play, "external_id", "=", "u-1") == []
