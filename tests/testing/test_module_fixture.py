"""The fixture `module`, and the keywords for Robot Framework."""

import pytest

from tokay.host.sync import Module
from tokay.testing.module_fixture import Modules
from tokay.testing.plugin import RunningDevice
from tokay.testing.robot import TokayLibrary

pytest_plugins = ["pytester"]


def test_the_first_and_the_second(module: Module, modules: Modules) -> None:
    assert module is modules[0]
    assert modules[1].get("wlan.mac") != module.get("wlan.mac")


def test_a_failure_shows_the_wire(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(module):
            module.set("wlan.ssid", "seen")
            assert False
        """
    )
    result = pytester.runpytest_subprocess("--junitxml=j.xml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*set wlan.ssid seen*", "transcript: *module0.jsonl"])
    assert "module0.version" in (pytester.path / "j.xml").read_text()


def test_a_module_by_url(pytester: pytest.Pytester, tokay_device: RunningDevice) -> None:
    pytester.makepyfile(f"""
        def test_it(module):
            assert module.get("wlan.mac") == "{tokay_device.mac}"
    """)
    result = pytester.runpytest_subprocess(f"--module=pty:{tokay_device.serial_port}")
    result.assert_outcomes(passed=1)


def test_robot_keywords(tokay_device: RunningDevice) -> None:
    robot = TokayLibrary()
    robot.open_module(f"pty:{tokay_device.serial_port}")
    robot.set_variable_value("wlan.ssid", "lab")
    assert robot.get_variable_value("wlan.ssid") == "lab"
    robot.send_line("get bus.mode")
    assert robot.wait_for_line("comm") == "command"
    robot.send_line("nonsense")
    robot.result_code_should_be(3)
    with pytest.raises(AssertionError):
        robot.wait_for_line("never", 0.01)
    assert robot.execute_command("get bus.mode") == "command"
    robot.close_module()
