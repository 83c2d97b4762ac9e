"""`tokay fleet`: many devices, from a scenario."""

import argparse
import asyncio
import contextlib
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokay.cli.output import say

if TYPE_CHECKING:
    from tokay.fleet.run import FleetRun, Options

ENGINES = ("local", "ray")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what `tokay fleet` takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run = _add(actions, "run", "Run a scenario and write a report.")
    run.add_argument("scenario", help="a TOML file, or smoke, ramp, power-cut, bad-air, ...")
    _add_size(run)
    run.add_argument("--shards", type=_positive, metavar="K", help="processes; one a core if not")
    run.add_argument("--engine", choices=ENGINES, default="local", help="who starts the shards")
    run.add_argument(
        "--address",
        metavar="A",
        help="of a Ray cluster that exists, or auto; one is started if not",
    )
    run.add_argument("--out", type=Path, metavar="DIR", help="where the report goes")
    run.add_argument(
        "--state", type=Path, metavar="DIR",
        help="where shards keep settings and files; state in the report's folder if not",
    )  # fmt: skip
    run.add_argument(
        "--metrics", type=int, metavar="PORT", help="serve Prometheus text at /metrics"
    )
    run.add_argument(
        "--turned", action="store_true",
        help="turn time instead of waiting for it, in one process: the same seed, the same report",
    )  # fmt: skip
    check = _add(actions, "check", "Check a scenario without running it.")
    check.add_argument("scenario")
    _add_size(check)
    watch = _add(actions, "watch", "Watch a run that goes on.")
    watch.add_argument("folder", type=Path, help="where its report will be")
    show = _add(actions, "report", "Show a report, and make its pages anew.")
    show.add_argument("folder", type=Path)
    shard = _add(actions, "shard", "Be one shard; a run starts these itself, without options.")
    shard.add_argument("--scenario", help="be a shard of this one, with no run above it")
    _add_size(shard)
    shard.add_argument("--shard", type=int, default=0, metavar="I", help="which one, from 0")
    shard.add_argument("--shards", type=_positive, default=1, metavar="K", help="of how many")
    shard.add_argument("--state", type=Path, metavar="DIR", help="where settings and files are")
    shard.add_argument("--out", type=Path, metavar="DIR", help="where the report goes")
    shard.add_argument("--metrics", type=int, metavar="PORT", help="serve metrics and probes")
    shard.add_argument("--metrics-host", default="127.0.0.1", metavar="A", help="on this address")


def _add(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=what, description=what)
    return parser


def _add_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--devices", type=_positive, metavar="N", help="so many, in proportion")
    parser.add_argument("--seed", type=int, metavar="N", help="another seed than the scenario's")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return int(text)


def main(arguments: argparse.Namespace) -> int:
    """Do what was asked; return the exit status."""
    from tokay.fleet.errors import FleetError  # noqa: PLC0415 - `--help` needs none of it

    actions = {"run": _run, "check": _check, "report": _report, "shard": _shard, "watch": _watch}
    try:
        return actions[arguments.action](arguments)
    except FleetError as error:
        say(str(error))
        return 2


def _shard(arguments: argparse.Namespace) -> int:
    from tokay.fleet.shard import program  # noqa: PLC0415

    if arguments.scenario is None:
        return program.main()
    from tokay.fleet.errors import FleetError  # noqa: PLC0415
    from tokay.fleet.run import FleetRun, Options, default_out  # noqa: PLC0415
    from tokay.fleet.scenario_file import find  # noqa: PLC0415
    from tokay.fleet.standalone import InProcessEngine  # noqa: PLC0415

    if not 0 <= arguments.shard < arguments.shards:
        raise FleetError(f"--shard {arguments.shard}: must be 0 to {arguments.shards - 1}")
    source = find(arguments.scenario)
    source.seed, source.devices = arguments.seed, arguments.devices
    options = Options(
        source,
        arguments.shards,
        "none",
        arguments.out or default_out(source),
        arguments.state,
        arguments.metrics,
        arguments.metrics_host,
    )
    program.prepare_process()

    async def run() -> int:
        return await _execute(FleetRun(options, InProcessEngine(), only=[arguments.shard]))

    with asyncio.Runner(loop_factory=program.loop_factory()) as runner:
        return runner.run(run())


def _check(arguments: argparse.Namespace) -> int:
    from tokay.fleet.layout import layout  # noqa: PLC0415
    from tokay.fleet.plan import spans  # noqa: PLC0415
    from tokay.fleet.scenario_file import find, load  # noqa: PLC0415

    source = find(arguments.scenario)
    source.seed, source.devices = arguments.seed, arguments.devices
    scenario = load(source)
    print(f"{source.name}: {scenario.devices} devices, seed {scenario.seed}")
    for group in scenario.group:
        print(f"  {group.name}: {group.count} x {group.profile}")
    for span in spans(scenario, layout(scenario)):
        print(f"  {span.begins:8.1f} to {span.ends:8.1f} s  {span.name}")
    return 0


def _watch(arguments: argparse.Namespace) -> int:
    from tokay.fleet.view import open_view  # noqa: PLC0415
    from tokay.fleet.watching import watch  # noqa: PLC0415

    async def show() -> None:
        pictures = await watch(arguments.folder)
        view = open_view()
        try:
            while (picture := await pictures.next()) is not None:
                view.show(picture)
        finally:
            view.close()
            pictures.close()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(show())
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from tokay.fleet import report  # noqa: PLC0415
    from tokay.fleet.run import exit_status  # noqa: PLC0415

    made, environment = report.read(arguments.folder)
    report.write(arguments.folder, made, environment)
    for line in report.summary(made):
        print(line)
    return exit_status(made)


def _run(arguments: argparse.Namespace) -> int:
    from tokay.fleet.run import Options, cores, default_out  # noqa: PLC0415
    from tokay.fleet.scenario_file import find  # noqa: PLC0415
    from tokay.fleet.shard.program import loop_factory  # noqa: PLC0415

    source = find(arguments.scenario)
    source.seed, source.devices = arguments.seed, arguments.devices
    out = arguments.out or default_out(source)
    shards = arguments.shards or cores()
    state = arguments.state or out / "state"
    if not arguments.state:
        shutil.rmtree(state, ignore_errors=True)  # of an earlier run
    options = Options(source, shards, arguments.engine, out, state, arguments.metrics)
    if arguments.turned:
        return _run_turned(options)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_run_live(options, arguments.address or ""))


def _run_turned(options: "Options") -> int:
    from tokay.fleet.turned import TurnedLoop, turned_run  # noqa: PLC0415

    async def main() -> int:
        return await _execute(turned_run(options._replace(shards=1, engine="turned", state=None)))

    loop = TurnedLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(loop.turn_until(main()))


async def _run_live(options: "Options", address: str) -> int:
    from tokay.fleet.engines import Engine  # noqa: PLC0415
    from tokay.fleet.engines.local import LocalEngine  # noqa: PLC0415
    from tokay.fleet.run import FleetRun  # noqa: PLC0415

    engine: Engine = LocalEngine(options.out / "logs")
    if options.engine == "ray":
        from tokay.fleet.engines.ray import RayEngine  # noqa: PLC0415

        engine = RayEngine(address, options.shards)
    return await _execute(FleetRun(options, engine))


async def _execute(run: "FleetRun") -> int:
    from tokay.fleet import report  # noqa: PLC0415
    from tokay.fleet.run import exit_status  # noqa: PLC0415
    from tokay.fleet.view import open_view  # noqa: PLC0415
    from tokay.fleet.watching import WatchServer  # noqa: PLC0415

    options = run.options
    watchers = WatchServer(options.out)
    await watchers.start()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, run.interrupt)
    view = open_view()

    def show(run: "FleetRun") -> None:
        picture = run.picture()
        view.show(picture)
        watchers.show(picture)

    run.watch = show
    try:
        made = await run.run()
    finally:
        view.close()
        watchers.close()
    report.write(options.out, made, run.environment())
    for line in report.summary(made):
        print(line)
    print(f"report: {options.out / 'report.html'}")
    return exit_status(made)
