"""Sessions, forms and tries to sign in: how long each lasts, to the second."""

from portfold.cli.dashboard.access.sessions import (
    FORM_SECONDS,
    IDLE_SECONDS,
    LASTS_SECONDS,
    MOST_FORMS,
    MOST_SESSIONS,
    LoginRate,
    Sessions,
)


class Clock:
    """Seconds that go on when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_known_by_its_cookie_alone() -> None:
    sessions = Sessions(Clock())
    cookie = sessions.begin("jane", "operator")
    found = sessions.of(cookie)
    assert found is not None
    assert (found.name, found.operates) == ("jane", True)
    assert sessions.of(None) is None
    assert sessions.of("") is None
    assert sessions.of(cookie + "x") is None
    sessions.end(cookie)
    assert sessions.of(cookie) is None


def test_a_session_in_which_nothing_is_asked_ends_after_an_hour() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    cookie = sessions.begin("jane", "viewer")
    clock.now += IDLE_SECONDS
    assert sessions.of(cookie) is not None
    clock.now += IDLE_SECONDS + 1
    assert sessions.of(cookie) is None


def test_a_session_ends_after_half_a_day_however_busy() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    cookie = sessions.begin("jane", "viewer")
    for _ in range(int(LASTS_SECONDS / IDLE_SECONDS)):
        clock.now += IDLE_SECONDS
        assert sessions.of(cookie) is not None
    clock.now += 1
    assert sessions.of(cookie) is None


def test_a_form_is_good_once() -> None:
    sessions = Sessions(Clock())
    cookie = sessions.begin("jane", "operator")
    form = sessions.new_form(cookie)
    assert sessions.use_form(cookie, form)
    assert not sessions.use_form(cookie, form)


def test_a_form_is_good_for_two_minutes() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    cookie = sessions.begin("jane", "operator")
    first, second = sessions.new_form(cookie), sessions.new_form(cookie)
    clock.now += FORM_SECONDS
    assert sessions.use_form(cookie, first)
    clock.now += 1
    assert not sessions.use_form(cookie, second)


def test_a_form_of_another_session_is_none() -> None:
    sessions = Sessions(Clock())
    janes, joes = sessions.begin("jane", "operator"), sessions.begin("joe", "operator")
    assert not sessions.use_form(joes, sessions.new_form(janes))
    assert not sessions.use_form(None, "")
    assert not sessions.use_form(joes, "ü")


def test_sessions_and_forms_are_bounded() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    first = sessions.begin("jane", "viewer")
    for _ in range(MOST_SESSIONS):
        clock.now += 1
        sessions.begin("joe", "viewer")
    last = sessions.begin("joe", "viewer")
    assert sessions.of(first) is None
    oldest = sessions.new_form(last)
    forms = [sessions.new_form(last) for _ in range(MOST_FORMS)]
    assert not sessions.use_form(last, oldest)
    assert sessions.use_form(last, forms[0])


def test_five_failures_close_the_door_for_five_minutes() -> None:
    clock = Clock()
    rate = LoginRate(clock)
    for _ in range(rate.MOST_FAILURES):
        assert rate.may_try("name jane", "address a")
        rate.failed("name jane", "address a")
    assert not rate.may_try("name jane", "address b")
    assert not rate.may_try("name joe", "address a")
    assert rate.may_try("name joe", "address b")
    clock.now += rate.WINDOW_SECONDS
    assert rate.may_try("name jane", "address a")


def test_names_tried_are_forgotten_when_there_are_too_many() -> None:
    rate = LoginRate(Clock())
    for number in range(rate.MOST_KEPT + 1):
        for _ in range(rate.MOST_FAILURES):
            rate.failed(f"name {number}")
    assert rate.may_try("name 0")
    assert not rate.may_try(f"name {rate.MOST_KEPT}")
