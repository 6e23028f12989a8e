"""The systemd units that `portfold units` writes: what runs of a portfolio, and what it may touch.

An instance is a portfolio, as in portfold@NAME.target. Guarantees: a process that ends is started again, but
not one that its options or configuration keep from starting; none may write outside its state folder, or gain
rights.
"""

from collections.abc import Iterator
from string import Template
from typing import NamedTuple

from portfold.errors import UNUSABLE


class _Service(NamedTuple):
    """A process: its words after `portfold`, what is said of it, and lines of its own."""

    name: str
    about: str
    words: str
    lines: tuple[str, ...] = ()


_NOTIFIES = ("Type=notify", "NotifyAccess=main", "TimeoutStartSec=infinity", "WatchdogSec=60")
"""A long log is read before it is ready; one that hangs is replaced, and another has led for long by then."""
_CALM = ("Type=exec",)
_SERVICES = (
    _Service("coordinator", "coordinator", "coordinator", _NOTIFIES),
    _Service("standby", "coordinator that stands by", "coordinator", _NOTIFIES),
    _Service("run", "workers and flattener", "run $RUN_OPTIONS", (*_CALM, "Environment=RUN_OPTIONS=--paper")),
    _Service("notifier", "alerts", "notifier", _CALM),
    _Service("dashboard", "live page", "dashboard", _CALM),
)
_TARGET = """[Unit]
Description=portfold: all of portfolio %i
Wants=$wants
After=network-online.target
Wants=network-online.target

[Install]
WantedBy=multi-user.target
"""
_SERVICE = """[Unit]
Description=portfold: $about of portfolio %i
PartOf=portfold@%i.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=$program $words --portfolio %i --config $config/%i
$lines
Restart=always
RestartSec=1
RestartPreventExitStatus=$unusable
KillMode=mixed
TimeoutStopSec=60
$confined"""
_ARCHIVE = """[Unit]
Description=portfold: moves old history of portfolio %i to the archive

[Service]
Type=oneshot
ExecStart=$program archive --portfolio %i --config $config/%i --keep-days 7
$confined"""
_TIMER = """[Unit]
Description=portfold: once a day, history of portfolio %i to the archive
PartOf=portfold@%i.target

[Timer]
OnCalendar=daily
RandomizedDelaySec=30min
Persistent=true

[Install]
WantedBy=portfold@%i.target
"""
_CONFINED = """User=$user
EnvironmentFile=-$config/%i/environment
Environment=XDG_STATE_HOME=%S
StateDirectory=portfold
StateDirectoryMode=0700
WorkingDirectory=%S/portfold
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""


def units(program: str, config: str, user: str) -> Iterator[tuple[str, str]]:
    """Yields the name and the text of each unit; `config` is the folder of a folder for each portfolio."""
    confined = Template(_CONFINED).substitute(config=config, user=user)
    common = {"program": program, "config": config, "confined": confined, "unusable": UNUSABLE}
    for one in _SERVICES:
        yield (
            f"{_named(one.name)}.service",
            Template(_SERVICE).substitute(
                common, about=one.about, words=one.words, lines="\n".join(one.lines)
            ),
        )
    yield f"{_named('archive')}.service", Template(_ARCHIVE).substitute(common)
    yield f"{_named('archive')}.timer", _TIMER
    wants = " ".join([*(f"portfold-{one.name}@%i.service" for one in _SERVICES), "portfold-archive@%i.timer"])
    yield "portfold@.target", Template(_TARGET).substitute(wants=wants)


def _named(name: str) -> str:
    return f"portfold-{name}@"
