"""Who gets in: nobody without a session, nobody by a page of elsewhere, nobody who tries too often."""

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from portfold.cli.dashboard.access.sessions import LoginRate
from tests.cli.dashboard.visitor import Served, served, users_file
from tests.fakes.databento_gateway.certificate import write_certificate
from tests.live import Live
from tests.server import EmbeddedServer

EVERY_PAGE = (
    *("", "live", "log", "at", "why/1-0", "days", "days/2025-01-15", "weeks/2025-01-13"),
    *("limits", "research", "research/0", "orders"),
)
TOKEN = "s3cret"  # noqa: S105 - of tests
EVERY_ORDER = ("halt", "resume", "flatten", "settle", "acknowledge")


def test_without_a_session_every_page_says_no(desk: Served) -> None:
    stranger = desk.visitor()
    for path in ("/", "/metrics", "/session", *EVERY_PAGE):
        asked = stranger.gets(path)
        assert (asked.status_code, asked.headers["location"]) == (303, "/login"), path
        assert stranger.gets(path, Accept="*/*").status_code == 401, path
    for order in EVERY_ORDER:
        for path in (f"orders/{order}", f"orders/{order}/give"):
            assert stranger.sends(path, form="x", reason="x").status_code == 401, path


def test_health_is_answered_to_anybody(dashboard: Served) -> None:
    stranger = dashboard.visitor()
    assert stranger.gets("/healthz").text == "ok\n"
    ready = stranger.gets("/readyz")
    assert (ready.status_code, ready.text) == (503, "1 of 1 portfolios are not led\n")


def test_the_printed_address_signs_in_to_look_and_not_to_order(dashboard: Served) -> None:
    local = dashboard.local()
    assert local.gets().status_code == 200
    assert "Orders" not in local.gets().text
    assert local.gets("orders").status_code == 403
    assert dashboard.visitor().gets("/sign-in?token=wrong").status_code == 401
    assert dashboard.visitor().gets("/sign-in?token=").status_code == 401


def test_with_users_no_printed_address_signs_in(desk: Served) -> None:
    assert "token" not in desk.address
    assert desk.visitor().gets("/sign-in?token=").status_code == 401


def test_a_cookie_is_strict_and_out_of_reach_of_scripts(desk: Served) -> None:
    cookie = desk.visitor().signs_in("joe").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie  # it comes without TLS, from this machine alone


def test_who_signs_out_is_out(desk: Served) -> None:
    joe = desk.visitor()
    joe.signs_in("joe")
    cookie = joe.http.cookies["portfold_session"]
    assert joe.sends("/logout", origin="https://elsewhere.example").status_code == 403
    assert joe.gets().status_code == 200
    assert joe.sends("/logout").status_code == 303
    joe.http.cookies.set("portfold_session", cookie)
    assert joe.gets().status_code == 303


def test_what_a_page_is_told_ends_with_its_session(led: Live, desk: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    joe = desk.visitor()
    joe.signs_in("joe")
    with joe.http.get(f"{joe.base}/{joe.portfolio}/live", stream=True, timeout=30) as told:
        lines = told.iter_lines()
        assert next(lines) == b"event: beat"
        joe.sends("/logout")
        assert sum(1 for _ in lines) > 0  # it comes to an end


def test_by_a_name_that_it_was_given_it_answers(
    server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    with served(server, portfolio, tmp_path, "--called", "desk.example") as dashboard:
        here = dashboard._replace(base=f"http://127.0.0.1:{urlsplit(dashboard.base).port}").visitor()
        assert here.gets("/healthz", Host="desk.example").status_code == 200
        assert here.gets("/healthz", Host="other.example").status_code == 400


def test_a_wrong_password_says_what_a_wrong_name_says(desk: Served) -> None:
    stranger = desk.visitor()
    wrong, unknown = stranger.signs_in("jane", "no"), stranger.signs_in("nobody", "no")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text == unknown.text


def test_who_tries_too_often_waits_even_with_the_right_password(desk: Served) -> None:
    stranger = desk.visitor()
    for _ in range(LoginRate.MOST_FAILURES):
        assert stranger.signs_in("jane", "no").status_code == 401
    assert stranger.signs_in("jane").status_code == 429


def test_a_form_of_another_page_changes_nothing(desk: Served) -> None:
    jane = desk.visitor()
    jane.signs_in("jane")
    for origin in ("https://elsewhere.example", "null", "", "http://127.0.0.1:1"):
        form = jane.form_of("halt")
        assert jane.sends("orders/halt", origin=origin, form=form, reason="x").status_code == 403, origin


def test_another_name_of_this_machine_is_not_answered(dashboard: Served) -> None:
    assert dashboard.local().gets(Host="evil.example").status_code == 400


def test_a_form_that_is_too_big_is_not_read(desk: Served) -> None:
    stranger = desk.visitor()
    assert stranger.signs_in("jane", "x" * 70_000).status_code == 413
    head = f"POST /login HTTP/1.1\r\nHost: {desk.base[7:]}\r\nTransfer-Encoding: chunked\r\n\r\n"
    host, port = desk.base[7:].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        assert b" 413 " in connection.recv(4096)


def test_every_answer_is_kept_from_caches_frames_and_scripts_of_others(desk: Served) -> None:
    jane = desk.visitor()
    jane.signs_in("jane")
    for path in ("", "log", "orders", "/nowhere", "/login", "/static/live.js"):
        headers = jane.gets(path).headers
        assert headers["cache-control"] == "no-store", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["x-content-type-options"] == "nosniff", path
        assert "script-src 'self';" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path


def test_no_page_has_a_script_or_a_style_in_it(desk: Served) -> None:
    jane = desk.visitor()
    jane.signs_in("jane")
    for path in ("", "log", "days", "limits", "research", "orders", "/login"):
        html = jane.gets(path).text
        assert re.findall(r"<script(?! src=)", html) == [], path
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", html) == [], path


def test_by_tls_the_cookie_is_secure(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    file = users_file(tmp_path, [("joe", "viewer")])
    options = ("--users", str(file), "--certificate", str(certificate), "--key", str(key))
    with served(server, portfolio, tmp_path, *options) as desk:
        assert desk.base.startswith("https://")
        joe = desk.visitor()
        joe.http.verify = str(certificate)
        assert "Secure" in joe.signs_in("joe").headers["set-cookie"]
        assert joe.gets("limits").status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            desk.visitor().gets("/healthz")


def test_machines_read_metrics_by_a_token(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> None:
    with served(server, portfolio, tmp_path, PORTFOLD_METRICS_TOKEN=TOKEN) as dashboard:
        machine = dashboard.visitor()
        assert machine.gets("/metrics", Accept="*/*").status_code == 401
        assert machine.gets("/metrics", Accept="*/*", Authorization="Bearer wrong").status_code == 401
        read = machine.gets("/metrics", Accept="*/*", Authorization=f"Bearer {TOKEN}")
        assert read.status_code == 200
        assert 'portfold_up{portfolio="' in read.text
