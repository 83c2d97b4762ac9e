"""The kernel of any Linux machine answers these; nothing is changed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tokay.board.net.netlink import Monitor, Netlink

Run = Callable[[Coroutine[Any, Any, None]], None]


def test_the_loopback_interface_is_known() -> None:
    with Netlink() as kernel:
        link = kernel.link("lo")
        assert link is not None
        assert link.loopback
        assert link.name == "lo"
        assert all(fact.ifindex == link.ifindex for fact in kernel.addresses(link.ifindex))
        metrics = [route.metric for route in kernel.default_routes()]
        assert metrics == sorted(metrics)


def test_no_interface_is_made_up() -> None:
    with Netlink() as kernel:
        assert kernel.link("no/such") is None
        assert kernel.addresses(2**31 - 1) == []


def test_what_the_kernel_refuses_is_an_oserror() -> None:
    with Netlink() as kernel, pytest.raises(OSError, match=r"."):
        kernel.switch_on(2**31 - 1)


def test_a_monitor_lives_on_every_loop(run: Run) -> None:
    async def main() -> None:
        monitor = Monitor(lambda: None)
        await asyncio.sleep(0)
        monitor.close()
        monitor.close()

    run(main())
