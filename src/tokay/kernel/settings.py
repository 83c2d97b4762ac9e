"""Settings over time: saved, loaded, written to files, and set back to what the factory gave.

Sources: docs/protocol/commands.md, section 2; docs/protocol/variables.md, section 5.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tokay.kernel.files import Draft, parse_version
from tokay.kernel.results import CommandError, failed
from tokay.kernel.tokenizer import split

if TYPE_CHECKING:
    from tokay.kernel.kernel import Kernel

LOCKED = "locked"
"""The fact that holds the names of locked variables."""
BUNDLE = "bundle"
"""The fact that tells which bundle of files an update brought; the files stay, and so does it."""
KEPT_FACTS = frozenset(("mac", LOCKED, BUNDLE))
LARGEST_FILE = 64 * 1024


def save(kernel: "Kernel") -> None:
    """Make the present values those of the next boot. Raises CommandError."""
    try:
        kernel.storage.save(kernel.variables.saved())
    except OSError as error:
        kernel.log.line(str(error))
        raise failed(str(error)) from error


def restore(kernel: "Kernel") -> None:
    """Take the saved values; what this profile does not understand is left and told."""
    for key in kernel.variables.restore(kernel.storage.settings()):
        kernel.log.line(f"Saved setting not understood: {key}")


def unsaved(kernel: "Kernel") -> list[str]:
    """Return the settings, each with its index, that a reboot would change."""
    saved, now = kernel.storage.settings(), kernel.variables.saved()
    return sorted(key for key in saved.keys() | now.keys() if saved.get(key) != now.get(key))


def revert(kernel: "Kernel") -> None:
    """Set what is not saved back to what was saved. Raises CommandError, having set the rest."""
    saved, variables = kernel.storage.settings(), kernel.variables
    refused = None
    for key in unsaved(kernel):
        name, _, index = key.partition(" ")
        variable = variables.table.by_name.get(name)
        if variable is None:
            continue  # of another profile's: told at boot
        try:
            if key in saved:
                variables.set([name, *([index] if index else []), *split(saved[key])])
            else:
                variables.reset(variable, index)
        except CommandError as error:
            refused = error
    if refused is not None:
        raise refused


def locked(kernel: "Kernel") -> frozenset[str]:
    """Return the variables that a factory reset leaves alone."""
    return frozenset(kernel.storage.facts().get(LOCKED, "").split())


def factory_reset(kernel: "Kernel") -> None:
    """Forget the user's settings, but for locked variables and those with NVM backup."""
    table, kept_names = kernel.variables.table, locked(kernel)
    kept = {}
    for key, text in kernel.storage.settings().items():
        variable = table.by_name.get(key.split(" ")[0])
        if variable is not None and (variable.backup or variable.name in kept_names):
            kept[key] = text
    forgotten: dict[str, None] = dict.fromkeys(kernel.storage.facts().keys() - KEPT_FACTS)
    try:
        kernel.storage.save(kept)
        kernel.storage.set_facts(forgotten)
        kernel.files.reset()
        kernel.storage.forget()
    except OSError as error:
        raise failed(str(error)) from error


def write_file(kernel: "Kernel", name: str) -> None:
    """Write the present values to a file, one `name value` a line.

    The file holds nothing that a getter would not print: what is masked stays out, as a comment.
    """
    rows = [f"# {kernel.profile.version}"]
    for variable, index, value in sorted(
        kernel.variables.held(), key=lambda held: (held[0].name, held[1])
    ):
        key = f"{variable.name} {index}" if index else variable.name
        if kernel.variables.masked(variable):
            rows.append(f"# {key} is kept secret")
        elif variable.kind is not None:
            rows.append(f"{key} {variable.kind.write(value)}")
    content = ("\n".join(rows) + "\n").encode("latin-1")
    rules = kernel.profile.files
    draft = kernel.files.begin(
        Draft(
            name,
            len(content),
            version=parse_version(rules.default_version),
            type=rules.default_type,
            flags=rules.valid_flag,
            replace=True,
        )
    )
    draft.content += content
    kernel.files.finish(draft)


def load_file(kernel: "Kernel", name: str) -> None:
    """Set every variable that a file names. A line that does not fit changes nothing at all."""
    stored = kernel.files.stat(name)
    if stored.size > LARGEST_FILE:
        raise failed(f"{name} is no settings file: {stored.size} bytes")
    content = kernel.files.read(name, 0, stored.size)
    before = kernel.variables.saved()
    for number, row in _rows(content):
        try:
            kernel.variables.set(split(row))
        except CommandError as error:
            _put_back(kernel, before)
            kernel.log.line(f"{name} line {number}: {error.text}")
            raise failed(f"{name} line {number}") from error


def apply(kernel: "Kernel", settings: Mapping[str, str]) -> None:
    """Set variables by name, as `set` does, and save them. Raises CommandError."""
    set_values(kernel, settings)
    if settings:
        save(kernel)


def set_values(kernel: "Kernel", settings: Mapping[str, str]) -> None:
    """Set variables by name, as `set` does. Raises CommandError that names the variable."""
    for name, given in settings.items():
        words = name.split()
        # As from a host: each byte of UTF-8 is one character here.
        text = given.encode(errors="surrogateescape").decode("latin-1")
        found = kernel.variables.table.find(words) if words else None
        one = found is not None and found.variable.kind and found.variable.kind.words[1] == 1
        try:
            kernel.variables.set([*words, text] if one or not text else [*words, *split(text)])
        except CommandError as error:
            reason = f"{name}: {error.reason or error.text}"
            raise CommandError(error.result, reason) from error


def _rows(content: bytes) -> Iterator[tuple[int, str]]:
    # As bytes: Latin-1 has further line ends and blanks, which are parts of letters in UTF-8.
    for number, line in enumerate(content.splitlines(), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith(b"#"):
            yield number, stripped.decode("latin-1")


def _put_back(kernel: "Kernel", before: Mapping[str, str]) -> None:
    """Set the values back that a half-done file has changed."""
    variables = kernel.variables
    # All to their defaults first: a pin that two variables have swapped is free again then.
    for variable, index, _ in variables.held():
        variables.reset(variable, index)
    for key, text in before.items():
        variables.set([*key.split(" "), *split(text)])
