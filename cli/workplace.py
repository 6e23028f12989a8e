"""Where long work is done: the options that commands with much of it share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Unusable

if TYPE_CHECKING:
    from portfold.pieces.place import Place


@Parameter(name="*", group="Where it is done")
@dataclass(frozen=True)
class Workplace:
    """The options of processes and cluster."""

    jobs: Annotated[int | None, Parameter(validator=Number(gte=1, lte=256))] = None
    """How many processes of this machine; by default one a core."""

    cluster: str | None = None
    """Do it on the workers of a Dask scheduler instead, at tcp://HOST:PORT. It needs the extra `cluster`."""

    def place(self) -> "Place":
        """Returns the place. Raises Unusable, ClusterUnusable."""
        from importlib.util import find_spec

        from portfold.installing import install_command
        from portfold.pieces.place import place_of

        if self.cluster is None:
            return place_of(self.jobs)
        if self.jobs is not None:
            raise Unusable("--jobs: expected without --cluster, whose workers are as many as were started.")
        place = place_of(None, self.cluster)
        if find_spec("distributed") is None:
            raise Unusable(
                f"--cluster needs distributed, which is not installed: {install_command('cluster')}"
            )
        return place
