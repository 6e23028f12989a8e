"""Sends a test message to each address of the configuration: only this shows that messages are taken."""

import time
from collections.abc import Mapping

from portfold.config import ConfigError, Configuration, dead_mans_url, webhook_url
from portfold.coordinator.doctor.finding import Finding, fail, ok
from portfold.workers.notify.alert import Message
from portfold.workers.notify.process import webhook_sink
from portfold.workers.notify.sinks.apprise import NoAddress
from portfold.workers.notify.sinks.dead_man import press
from portfold.workers.notify.sinks.discord import GlobalRest
from portfold.workers.notify.sinks.http import Address
from portfold.workers.notify.sinks.protocol import NotSent, Sink


def ping(configuration: Configuration, environ: Mapping[str, str], portfolio: str) -> list[Finding]:
    """Returns a finding for each webhook whose address is set; other checks report one that is not."""
    rest, found = GlobalRest(), []
    for name, destination in configuration.runtime.destinations.items():
        try:
            url = webhook_url(configuration, name, environ)
        except ConfigError:
            continue
        if url is not None:
            try:
                sink = webhook_sink(destination, url, portfolio, rest)
            except NoAddress as error:
                found.append(fail(f"ping {name}", str(error), "correct it, or install what is missing"))
            else:
                found.append(_try(name, sink, portfolio))
    return [*found, *_dead_mans(configuration, environ)]


def _dead_mans(configuration: Configuration, environ: Mapping[str, str]) -> list[Finding]:
    """Presses the dead man's switch once, where there is one."""
    switch = configuration.runtime.notifier.dead_mans_switch
    try:
        url = dead_mans_url(configuration, environ)
    except ConfigError:
        return []
    if switch is None or url is None:
        return []
    try:
        press(switch, Address(url))
    except NotSent as error:
        return [fail("ping dead man's switch", f"it could not be pressed: {error}", "look at its address")]
    return [ok("ping dead man's switch", "it was pressed")]


def _try(name: str, sink: Sink, portfolio: str) -> Finding:
    check, now_ms = f"ping {name}", int(time.time() * 1000)
    text = f"portfold doctor: a test message for portfolio {portfolio}. Nothing has happened."
    try:
        sink.send(Message("info", ("startup",), (text,), 1, now_ms, now_ms, closed=True))
    except NotSent as error:
        return fail(check, f"the message was not taken: {error}", "look at the webhook's address")
    return ok(check, "the message was taken: it should be there now")
