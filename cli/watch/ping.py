"""Sends a test message to each webhook of the configuration: only this shows that messages are taken."""

import time
from collections.abc import Mapping

from portfold.config import ConfigError, Configuration, webhook_url
from portfold.coordinator.doctor.finding import Finding, fail, ok
from portfold.workers.notify.alert import Message
from portfold.workers.notify.process import webhook_sink
from portfold.workers.notify.sinks.discord import GlobalRest
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
            found.append(_try(name, webhook_sink(destination, url, portfolio, rest), portfolio))
    return found


def _try(name: str, sink: Sink, portfolio: str) -> Finding:
    check, now_ms = f"ping {name}", int(time.time() * 1000)
    text = f"portfold doctor: a test message for portfolio {portfolio}. Nothing has happened."
    try:
        sink.send(Message("info", ("startup",), (text,), 1, now_ms, now_ms, closed=True))
    except NotSent as error:
        return fail(check, f"the message was not taken: {error}", "look at the webhook's address")
    return ok(check, "the message was taken: it should be there now")
