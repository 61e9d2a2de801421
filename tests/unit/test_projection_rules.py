from typing import Any

import msgspec
import pytest

from supportd.conversations.projection import SETTLED_S, Need, News, Origin, deleted, project, rated
from supportd.conversations.state import FORMAT, Rating, Reason, State, csat_stars, decode, encode, is_csat_tag
from supportd.intercom import wire
from tests.unit.talk import BEGAN, BEGAN_MS, CONTACT, cursors, full, known, part, tags, told, webhook, words

P1 = part("p1", "<p>One</p>", at=1)
P2 = part("p2", "<p>Two</p>", at=2)
P3 = part("p3", "<p>Three</p>", at=3)


def header(at: int = 0, **fields: Any) -> News:
    return News(told(at=at, **fields), Origin.HEADER, heard_at=BEGAN_MS)


# Cursors


def test_messages_of_one_second_get_a_millisecond_each() -> None:
    first = part("p1", "<p>a</p>", at=0)
    state = known(full(first, part("p2", "<p>b</p>", at=0), part("p3", "<p>c</p>", at=4), part("p4", "<p>d</p>", at=4)))
    assert cursors(state) == [0, 1, 2, 4000, 4001]
    assert state.latest == BEGAN_MS + 4001


def test_parts_of_one_second_are_in_the_order_of_their_numbers() -> None:
    state = known(full(part("10", "<p>b</p>", at=1), part("9", "<p>a</p>", at=1)))
    assert words(state) == ["Hello", "a", "b"]


def test_a_message_found_late_goes_after_those_that_were_shown() -> None:
    before = known(full(P1, P3, at=3))
    state = known(full(P1, P3, at=3), full(P1, P2, P3, at=3))
    assert words(state) == ["Hello", "One", "Three", "Two"]
    assert cursors(state)[:3] == cursors(before)
    assert state.latest == state.parts[-1].cursor == before.latest + 1


def test_a_message_keeps_its_place_whatever_comes_again() -> None:
    state = known(full(P1, P2, at=2))
    for news in (full(P1, P2, at=2), webhook(P2, at=2, count=2), webhook(P1, at=1, count=1), full(P1, at=1)):
        again = project(state, news).state
        assert cursors(again) == cursors(state)
        assert (again.latest, again.revision) == (state.latest, state.revision)


def test_a_busy_second_runs_over_into_the_next() -> None:
    many = [part(str(number), "<p>x</p>", at=1) for number in range(1500)]
    state = known(full(*many, part("9999", "<p>y</p>", at=2), at=2))
    found = cursors(state)
    assert len(set(found)) == len(found) == 1502
    assert found == sorted(found)


def test_a_long_thread_stays_whole_though_a_load_brings_its_newest_parts_only() -> None:
    state = known(full(P1, P2, at=2), full(P3, at=3, count=3))
    assert words(state) == ["Hello", "One", "Two", "Three"]


def test_a_thread_without_a_message_has_a_cursor_that_the_first_message_is_after() -> None:
    state = known(full(source=None))
    assert (state.parts, state.latest) == ((), BEGAN_MS)
    later = project(state, full(part("p1", "<p>x</p>", at=0), source=None)).state
    assert later.parts[0].cursor > BEGAN_MS


# Redaction and formatting


@pytest.mark.parametrize("news", [full, webhook])
def test_redacted_message_comes_again_under_a_new_cursor(news: Any) -> None:
    before = known(full(P1, P2, at=2))
    state = project(before, news(part("p1", None, at=1, redacted=True), P2, at=9, count=2)).state
    (redacted,) = (item for item in state.parts if item.message.id == "p1")
    assert redacted.message.redacted
    assert redacted.message.created_at == BEGAN_MS + 1000
    assert redacted.cursor == state.latest == before.latest + 1
    assert words(state) == ["Hello", "This message was deleted", "Two"]


def test_redacted_first_message_comes_again_too() -> None:
    gone = wire.Source(id="s1", body=None, author=wire.Author("user", CONTACT), redacted=True)
    state = known(full(P1, at=1), full(P1, at=5, source=gone))
    assert state.parts[0].message.redacted
    assert state.parts[0].cursor == state.latest


def test_a_redaction_is_never_undone() -> None:
    redacted = full(part("p1", None, at=1, redacted=True), at=9)
    state = known(full(P1, at=1), redacted, webhook(P1, at=1, count=1), full(P1, at=1))
    assert words(state) == ["Hello", "This message was deleted"]


@pytest.mark.parametrize(
    ("html", "again"),
    [
        pytest.param("<p>Two</p>", False, id="plain"),
        pytest.param('<p class="no-margin">Two</p>', False, id="plain, with a class"),
        pytest.param("<p><b>Two</b></p>", True, id="formatted"),
        pytest.param("<p>Twofold</p>", True, id="other words"),
    ],
)
def test_html_after_a_plain_text_webhook(html: str, again: bool) -> None:
    base = known(full(P1, at=1))
    heard = project(base, webhook(part("p2", "Two", at=2), at=2, count=2))
    assert heard.need is Need.FORMATTING
    assert words(heard.state)[-1] == "Two"
    loaded = project(heard.state, full(P1, part("p2", html, at=2), at=2)).state
    assert loaded.parts[-1].message.html is not None
    assert loaded.parts[-1].cursor == heard.state.latest + again
    assert loaded.latest == heard.state.latest + again
    assert (loaded.revision > heard.state.revision) is again


def test_plain_text_doesnt_take_formatting_away() -> None:
    state = known(full(P1, part("p2", "<p><b>Two</b></p>", at=2), at=2))
    again = project(state, webhook(part("p2", "Two", at=2), at=2, count=2))
    assert again.state.parts == state.parts
    assert again.need is Need.NOTHING


def test_a_files_renewed_address_is_taken_over_in_silence() -> None:
    def with_file(address: str) -> News:
        return full(part("p1", "<p>x</p>", at=1, attachments=[wire.Attachment("a.png", address)]), at=1)

    state = known(with_file("https://files.example/1"), with_file("https://files.example/2"))
    assert state.parts[-1].message.attachments[0].url.endswith("/2")
    assert state.latest == BEGAN_MS + 1000


# Which header holds


def test_an_older_header_is_ignored_its_message_isnt() -> None:
    state = known(full(P1, at=9, state="closed", tags=tags("vip")), webhook(P2, at=2, count=2, state="open"))
    assert (state.state, state.tags, state.updated_at) == ("closed", ("vip",), BEGAN + 9)
    assert words(state) == ["Hello", "One", "Two"]


def test_an_older_load_proves_nothing() -> None:
    state = known(full(P1, at=9), full(P1, at=5))
    assert state.proven_at == BEGAN + 9


def test_a_load_proves_nothing_of_the_moments_before_it() -> None:
    fresh = News(told(P1, at=9), Origin.FULL, heard_at=BEGAN_MS, observed_at=BEGAN + 9)
    assert known(fresh).proven_at == BEGAN + 9 - SETTLED_S
    assert known(webhook(P1, at=1, count=1)).proven_at == 0


def test_a_load_of_the_same_second_is_believed() -> None:
    assert known(full(P1, at=9), full(P1, at=9, state="closed")).state == "closed"


def test_two_headers_of_one_second_need_the_history() -> None:
    base = known(full(P1, at=1))
    tied = project(base, webhook(P1, at=1, count=1, state="closed"))
    assert tied.need is Need.HISTORY
    assert tied.state.state == "open"


def test_the_same_header_of_the_same_second_needs_nothing() -> None:
    assert project(known(full(P1, at=1)), webhook(P1, at=1, count=1)).need is Need.NOTHING


def test_the_next_part_of_the_same_second_is_believed_by_its_count() -> None:
    reply = part("p2", "<p>Bye</p>", at=1, part_type="close")
    result = project(known(full(P1, at=1)), webhook(reply, at=1, count=2, state="closed"))
    assert (result.need, result.state.state) == (Need.NOTHING, "closed")


# What is lacking


@pytest.mark.parametrize(
    ("news", "need"),
    [
        pytest.param(webhook(P2, at=2, count=2), Need.NOTHING, id="the next part"),
        pytest.param(webhook(P3, at=3, count=3), Need.HISTORY, id="one in between is missing"),
        pytest.param(webhook(P2, at=2, statistics=None), Need.HISTORY, id="no count"),
        pytest.param(webhook(at=2, count=1, tags=tags("vip")), Need.NOTHING, id="no part"),
        pytest.param(webhook(P1, at=2, count=1, tags=tags("vip")), Need.NOTHING, id="a known part tagged"),
        pytest.param(webhook(part("p2", "x", at=2, part_type="note"), at=2, count=2), Need.NOTHING, id="a note"),
        pytest.param(full(P1, P2, P3, at=3), Need.NOTHING, id="a load"),
        pytest.param(header(9), Need.NOTHING, id="a search"),
    ],
)
def test_need_where_one_part_is_known(news: News, need: Need) -> None:
    assert project(known(full(P1, at=1)), news).need is need


@pytest.mark.parametrize(
    ("news", "need", "loaded"),
    [
        pytest.param(webhook(count=0), Need.NOTHING, True, id="just begun"),
        pytest.param(webhook(P1, at=1, count=1), Need.NOTHING, True, id="its only part"),
        pytest.param(webhook(P2, at=2, count=2), Need.HISTORY, False, id="its second part"),
        pytest.param(webhook(P1, at=1, statistics=None), Need.HISTORY, False, id="no count"),
        pytest.param(full(P1, at=1), Need.NOTHING, True, id="a load"),
        pytest.param(header(1), Need.NOTHING, False, id="a search"),
    ],
)
def test_need_where_nothing_is_known(news: News, need: Need, loaded: bool) -> None:
    result = project(None, news)
    assert (result.need, result.state.loaded) == (need, loaded)


def test_a_webhook_doesnt_complete_what_only_a_search_has_found() -> None:
    found = known(header(1))
    assert found.parts == ()
    result = project(found, webhook(P2, at=2, count=2))
    assert (result.need, result.state.loaded) == (Need.HISTORY, False)
    assert known(header(1), full(P1, P2, at=2)).loaded


# What the header says


def test_a_start_by_topic_alone_hides_its_first_message() -> None:
    reason = Reason("Payments", "Refund")
    state = project(None, full()._replace(reason=reason, source_hidden=True)).state
    assert (state.reason, state.parts, state.latest) == (reason, (), BEGAN_MS)
    assert words(known(full()._replace(reason=reason))) == ["Hello"]


def test_it_stays_hidden_when_it_comes_again() -> None:
    state = known(full()._replace(reason=Reason("Payments", None), source_hidden=True))
    tagged = part("s1", "<p>Hello</p>", by="user")  # tagging the first message sends it as a part
    state = project(state, webhook(tagged, P1, at=1, count=1)).state
    state = project(state, full(P1, at=2)).state
    assert words(state) == ["One"]
    assert state.reason == Reason("Payments", None)


@pytest.mark.parametrize(
    ("fields", "rated", "rating"),
    [
        pytest.param({}, False, None, id="neither"),
        pytest.param({"tags": tags("csat")}, True, None, id="a tag without stars"),
        pytest.param({"tags": tags("CSAT-4")}, True, Rating(4, None, BEGAN_MS), id="a tag with stars"),
        pytest.param({"tags": tags("csat-4", applied_at=None)}, True, Rating(4, None, BEGAN_MS + 5000), id="no time"),
        pytest.param({"tags": tags("csat-6")}, False, None, id="too many stars"),
        pytest.param({"tags": tags("vip", "csat-1")}, True, Rating(1, None, BEGAN_MS), id="among others"),
        pytest.param(
            {"conversation_rating": wire.Rating(5, "Great", BEGAN + 3)},
            True,
            Rating(5, "Great", BEGAN_MS + 3000),
            id="own",
        ),
        pytest.param({"conversation_rating": wire.Rating(2, "")}, True, Rating(2, None, BEGAN_MS + 5000), id="bare"),
        pytest.param({"conversation_rating": wire.Rating(None, "x")}, False, None, id="asked for, not given"),
        pytest.param(
            {"tags": tags("csat-1"), "conversation_rating": wire.Rating(5, None, BEGAN)},
            True,
            Rating(5, None, BEGAN_MS),
            id="Intercom's own goes first",
        ),
    ],
)
def test_rating(fields: dict[str, Any], rated: bool, rating: Rating | None) -> None:
    state = known(full(at=5, **fields))
    assert (state.rated, state.rating) == (rated, rating)


def test_a_tag_taken_off_takes_the_rating_with_it() -> None:
    state = known(full(at=1, tags=tags("csat-4")), full(at=2, tags=tags()))
    assert (state.rated, state.rating) == (False, None)


OURS = Rating(2, "Slow", BEGAN_MS + 500)


@pytest.mark.parametrize(
    "told", [{}, {"tags": tags("csat-4")}, {"conversation_rating": wire.Rating(5, "Great", BEGAN)}]
)
def test_what_was_given_here_counts_whatever_intercom_tells(told: dict[str, Any]) -> None:
    state = rated(known(full(P1, at=1)), CONTACT, OURS)
    for news in (full(P1, at=2, **told), webhook(P2, at=3, count=2, **told), header(4, **told), full(P1, P2, at=5)):
        state = project(state, news).state
        assert (state.rated, state.rating_of(CONTACT)) == (True, OURS)


def test_each_contact_has_a_rating_of_its_own_and_else_what_intercom_tells() -> None:
    state = rated(known(full(tags=tags("csat-4"))), CONTACT, OURS)
    assert (state.rating_of(CONTACT), state.rating_of("c2")) == (OURS, Rating(4, None, BEGAN_MS))
    both = rated(state, "c2", Rating(5, None, BEGAN_MS))
    assert (both.rating_of(CONTACT), both.rating_of("c2")) == (OURS, Rating(5, None, BEGAN_MS))


def test_a_rating_is_news_to_who_looks_and_the_same_again_is_none() -> None:
    before = known(full(P1, at=1))
    state = rated(before, CONTACT, OURS)
    assert (state.revision, state.latest, state.changed_at) == (before.revision + 1, before.latest, before.changed_at)
    assert rated(state, CONTACT, OURS) is state
    assert decode(encode(state)) == state


def test_of_two_ratings_of_a_contact_the_later_one_counts_in_whichever_order_they_come() -> None:
    later = Rating(4, None, OURS.created_at + 1)
    for first, second in ((OURS, later), (later, OURS)):
        state = rated(rated(known(full()), CONTACT, first), CONTACT, second)
        assert state.rating_of(CONTACT) == later


def test_a_conversation_seen_for_the_first_time_takes_over_what_it_was_given_before() -> None:
    state = known(full()._replace(rated_by={CONTACT: OURS}), full(at=1))
    assert (state.rated, state.rating_of(CONTACT)) == (True, OURS)


def test_a_header_without_tags_says_nothing_of_them() -> None:
    assert known(full(at=1, tags=tags("vip")), full(at=2, tags=None)).tags == ("vip",)


@pytest.mark.parametrize(
    ("state", "until", "expected"),
    [
        ("snoozed", BEGAN + 60, ("snoozed", BEGAN_MS + 60_000)),
        ("snoozed", None, ("snoozed", None)),
        ("open", BEGAN + 60, ("open", None)),
        ("closed", None, ("closed", None)),
        ("something_new", None, ("open", None)),
    ],
)
def test_state(state: str, until: int | None, expected: tuple[str, int | None]) -> None:
    shown = known(full(state=state, snoozed_until=until))
    assert (shown.state, shown.snoozed_until) == expected


def test_owners_follow_intercom_but_are_never_lost() -> None:
    other = wire.ContactList([wire.ContactRef("c2"), wire.ContactRef(CONTACT)])
    assert known(full(at=1), full(at=2, contacts=other)).contact_ids == ("c2", CONTACT)
    assert known(full(at=1), full(at=2, contacts=None)).contact_ids == (CONTACT,)


# What a user sees


def test_unknown_parts_are_hidden_and_named() -> None:
    strange = part("p2", "<p>?</p>", at=2, part_type="brand_new_type")
    result = project(known(full(P1, at=1)), full(P1, strange, part("p3", None, at=2, part_type="note"), at=2))
    assert result.unknown_parts == ("p2",)
    assert words(result.state) == ["Hello", "One"]


@pytest.mark.parametrize(
    ("news", "seen"),
    [
        pytest.param(full(P1, at=5), False, id="nothing"),
        pytest.param(full(P1, at=5, tags=tags("vip")), False, id="a tag"),
        pytest.param(full(P1, part("p2", "x", at=5, part_type="note"), at=5), False, id="a note"),
        pytest.param(full(P1, P2, at=5), True, id="a message"),
        pytest.param(full(P1, at=5, state="closed"), True, id="closed"),
        pytest.param(full(P1, at=5, title="Refund"), True, id="a title"),
        pytest.param(full(P1, at=5, tags=tags("csat")), True, id="rated"),
    ],
)
def test_revision_moves_with_what_a_user_sees(news: News, seen: bool) -> None:
    before = known(full(P1, at=1))
    after = project(before, news).state
    assert (after.revision > before.revision) is seen
    assert (after.changed_at > before.changed_at) is seen


def test_unread_counts_what_others_wrote_after_what_was_read() -> None:
    state = known(full(P1, part("p2", "<p>x</p>", at=2, by="user"), part("p3", "<p>y</p>", at=3, by="bot"), at=3))
    assert state.unread(CONTACT) == 2
    read = msgspec.structs.replace(state, read={CONTACT: BEGAN_MS + 1000})
    assert read.unread(CONTACT) == 1
    assert msgspec.structs.replace(state, read={CONTACT: state.latest}).unread(CONTACT) == 0


def test_confirmed_is_when_intercom_was_last_heard() -> None:
    state = known(full(P1, at=1, heard_at=5000), full(P1, at=1, heard_at=9000), full(P1, at=1, heard_at=7000))
    assert state.confirmed_at == 9000


def test_of_a_deleted_one_only_that_is_left() -> None:
    before = known(full(P1, at=1, title="Refund"))
    after = deleted(before, at=9)
    assert (after.deleted, after.state, after.parts, after.title) == (True, "closed", (), None)
    assert after.revision == before.revision + 1
    assert after.contact_ids == before.contact_ids


# Keeping it


def test_state_survives_its_encoding() -> None:
    rated = full(P1, at=1, tags=tags("csat-4"), title="Refund", state="snoozed", snoozed_until=BEGAN + 60)
    state = msgspec.structs.replace(known(rated), read={CONTACT: 5}, reason=Reason("Payments", None))
    assert decode(encode(state)) == state


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(b"", id="empty"),
        pytest.param(FORMAT, id="no state"),
        pytest.param(b"0" + encode(known(full()))[1:], id="another format"),
        pytest.param(encode(known(full()))[:-1], id="cut"),
        pytest.param(encode(known(full())) + b"x", id="too long"),
        pytest.param(FORMAT + msgspec.msgpack.encode({"id": "1"}), id="fields missing"),
        pytest.param(FORMAT + b"\xc1\xff\x00", id="rubbish"),
        pytest.param(encode(known(full())).replace(b"open", b"ope\xff"), id="a word that is none"),
    ],
)
def test_damaged_bytes_are_no_state(encoded: bytes) -> None:
    assert decode(encoded) is None


def test_csat_tags() -> None:
    assert [csat_stars(f"csat-{stars}") for stars in range(7)] == [None, 1, 2, 3, 4, 5, None]
    assert [is_csat_tag(name) for name in ("csat", "CSAT", "Csat-5", "csat-", "csat-5x", "xcsat-5")] == [
        True, True, True, False, False, False
    ]  # fmt: skip


def test_blank_state_is_new_each_time() -> None:
    assert State(id="1", contact_ids=(), state="open", created_at=0, changed_at=0, latest=0).read == {}


def test_a_count_proves_nothing_after_a_load_that_had_none() -> None:
    uncounted = known(full(P1, at=1, statistics=None))
    closed = known(full(P1, at=1, statistics=None), webhook(part("p3", None, at=3, part_type="close"), at=3, count=3))
    assert project(uncounted, webhook(P2, at=2, count=2)).need is Need.HISTORY
    assert project(closed, webhook(part("p4", "<p>Four</p>", at=4), at=4, count=4)).need is Need.HISTORY


def test_an_images_renewed_signature_is_no_change() -> None:
    html = '<p>see <img src="https://downloads.intercomcdn.com/i/1/x.png?expires={0}&amp;signature={0}"></p>'
    before = known(full(part("p1", html.format(1), at=1), at=1))
    after = project(before, full(part("p1", html.format(2), at=1), at=2)).state
    assert after.latest == before.latest
    assert "expires=2" in (after.parts[1].message.html or "")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<p>see <a href="http://www.example.com">www.example.com</a></p>', "see www.example.com"),
        ("<p>&lt;div&gt;x&lt;/div&gt; breaks</p>", "<div>x</div> breaks"),
    ],
)
def test_a_users_words_stay_as_typed_whatever_form_they_come_in(html: str, text: str) -> None:
    loaded = full(part("p1", html, at=1, by="user"), at=1)
    echoed = webhook(part("p1", text, at=1, by="user"), at=1, count=1)
    for news in ((loaded, echoed), (loaded, echoed, loaded)):
        state = known(*news)
        assert (words(state)[1], state.latest) == (text, known(loaded).latest)


def test_a_load_that_lags_within_the_second_takes_nothing_back() -> None:
    close = webhook(part("p2", None, at=1, part_type="close"), at=1, count=2, state="closed")
    assert known(full(P1, at=1), close, full(P1, at=1)).state == "closed"


def test_a_count_that_jumped_tells_of_a_gap_even_without_a_message() -> None:
    close = webhook(part("p3", None, at=3, part_type="close"), at=3, count=3, state="closed")
    assert project(known(full(P1, at=1)), close).need is Need.HISTORY


def test_who_was_taken_off_sees_it_no_more() -> None:
    nobody = wire.ContactList([])
    assert known(full(P1, at=1), full(P1, at=2, contacts=nobody)).contact_ids == ()
    assert known(full(P1, at=1), webhook(P2, at=2, contacts=nobody)).contact_ids == (CONTACT,)


@pytest.mark.parametrize(
    ("ticket", "owners"),
    [
        ({"is_shared": False}, ()),
        ({"category": "Back-office", "is_shared": True}, ()),
        ({"category": "Tracker"}, ()),
        ({"category": "Customer", "is_shared": True}, (CONTACT,)),
        ({}, (CONTACT,)),
    ],
)
def test_a_ticket_that_the_team_keeps_to_itself_is_nobodys_conversation(
    ticket: dict[str, Any], owners: tuple[str, ...]
) -> None:
    conversation = told(at=1, ticket=msgspec.convert(ticket, wire.ConversationTicket))
    assert conversation.contact_ids == owners
