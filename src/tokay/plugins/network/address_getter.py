"""What `*.network.ip` and its like print: what an interface was given."""

from collections.abc import Callable, Sequence

from tokay.kernel.kernel import Kernel
from tokay.plugins.network.addressing import NO_ADDRESS
from tokay.plugins.network.plugin import Network


def address_getter(interface: str, field: str) -> Callable[[Kernel, Sequence[str]], str]:
    """Return a getter for a field of `Address`; it prints 0.0.0.0 while the interface is down."""

    def get(kernel: Kernel, _words: Sequence[str]) -> str:
        found = kernel.plugin(Network).find(interface)
        return NO_ADDRESS if found is None else str(getattr(found.address, field))

    return get
