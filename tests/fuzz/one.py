"""`python -m tests.fuzz.one TARGET ENGINE SECONDS`: one target by one engine; prints how many inputs.

By `atheris` what is read is instrumented, and inputs that reach something new are kept and changed on; by
`hypothesis` they are drawn, and a failing one is made small.
"""

import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

_BATCH = 500
_LONGEST = 1500


def main() -> None:
    """Feeds the target until its time is over. An assertion or any other error ends it with a traceback."""
    name, engine, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    if engine == "atheris":
        _by_atheris(name, int(seconds))
    else:
        _by_hypothesis(name, seconds)


def _by_atheris(name: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["portfold"]):
        from tests.fuzz.targets import TARGETS, fed, seeds
    with tempfile.TemporaryDirectory() as corpus:
        for number, content in enumerate(seeds(name)):
            Path(corpus, str(number)).write_bytes(content)
        limits = [f"-max_total_time={seconds}", f"-max_len={_LONGEST}", "-rss_limit_mb=4096", "-timeout=60"]
        artifacts = f"-artifact_prefix={tempfile.gettempdir()}/"
        atheris.Setup([sys.argv[0], *limits, artifacts, corpus], lambda content: fed(TARGETS[name], content))
        atheris.Fuzz()  # ends the process


def _by_hypothesis(name: str, seconds: float) -> None:
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    from tests.fuzz.targets import TARGETS, fed, seeds

    known = st.sampled_from([*seeds(name)])
    changed = st.builds(
        lambda whole, at, more: whole[: at % (len(whole) + 1)] + more + whole[at % (len(whole) + 1) :],
        known,
        st.integers(0, _LONGEST),
        st.binary(max_size=30),
    )
    count, begun = 0, time.monotonic()
    while time.monotonic() - begun < seconds:

        @seed(count)
        @settings(
            max_examples=_BATCH,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.one_of(st.binary(max_size=_LONGEST), changed))
        def feed(content: bytes) -> None:
            nonlocal count
            count += 1
            fed(TARGETS[name], content)

        feed()
    print(f"Done {count} runs in {time.monotonic() - begun:.0f} second(s)", file=sys.stderr)


if __name__ == "__main__":
    assert sys.argv[2] != "atheris" or find_spec("atheris"), "atheris is not installed"
    main()
