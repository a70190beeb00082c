"""Which settings an earlier run goes on with: those it was begun with, if this user wrote its record."""

from dataclasses import replace
from typing import Final

from smol_dev import __version__
from smol_dev.begun import begun_of, differences, resumed
from smol_dev.config.explain import as_dict
from smol_dev.config.layers import Flags, read_layers
from smol_dev.config.load import Loaded, load
from smol_dev.config.profiles import list_profiles
from smol_dev.errors import AnswerError, ConfigError, TrustError
from smol_dev.events import Warned
from smol_dev.rim import Rim
from smol_dev.safe import command, named
from smol_dev.workspace.record import Record
from smol_dev.workspace.writer import Workspace

MOST_TOLD: Final = 5
"""Differences that are named one by one."""


def settings_of(workspace: Workspace, record: Record, flags: Flags, rim: Rim) -> tuple[Loaded, Rim]:
    """The settings to go on with, and the rim with the surroundings they hold in.

    A record that this user wrote here steers: its profile, flags and variables hold where nothing else
    is given now, and a difference is said. Any other is content: its settings are left out, and where
    it names another profile than the selected one, raises `TrustError`.
    """
    if workspace.is_ours:
        loaded, there = _as_begun(record, flags, rim)
    else:
        _refuse_other_profile(workspace, record, flags, rim)
        loaded, there = load_shown(flags, rim), rim
    if len(record.files) > loaded.run.max_files:
        enough = command("-c run.max_files={count}", count=len(record.files))
        raise AnswerError(
            f"the record lists {len(record.files):,} files, more than `run.max_files`"
            f" ({loaded.run.max_files:,})",
            hint=f"raise it with {enough}",
            reason="wrong_format",
        )
    return loaded, there


def load_shown(flags: Flags, rim: Rim) -> Loaded:
    """The settings, their warnings shown."""
    loaded = load(flags, rim.surroundings, approve=rim.approve)
    for warning in loaded.warnings:
        rim.show(Warned(warning))
    return loaded


def _as_begun(record: Record, flags: Flags, rim: Rim) -> tuple[Loaded, Rim]:
    name = str(record.profile.get("name") or "")
    merged, around = resumed(begun_of(record.begun), name, flags, rim.surroundings)
    there = replace(rim, surroundings=around)
    known = {line.name for line in list_profiles(read_layers(merged, around))}
    if name not in known and merged.profile == name and flags.profile is None:
        raise ConfigError(
            f"the run was begun with the profile {named(name)}, which no file defines any more",
            hint="`smol_dev profiles list` shows those that are there: `smol_dev resume -p NAME`",
        )
    loaded = load_shown(merged, there)
    model = record.server.get("model")
    if not loaded.profile.model and isinstance(model, str) and model and loaded.name == name:
        chosen = {**merged.named, "model": (model, "the record of the run")}
        loaded = load(replace(merged, named=chosen), around, approve=rim.approve)
    _tell_differences(record, loaded, rim)
    return loaded, there


def _tell_differences(record: Record, loaded: Loaded, rim: Rim) -> None:
    then = record.profile.get("settings")
    if not isinstance(then, dict) or record.tool_version != __version__:
        return
    found = differences(then, as_dict(loaded))
    if record.server.get("model") == loaded.profile.model:
        found = tuple(each for each in found if not each.startswith("`model`"))
    if found:
        more = f" and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
        rim.show(Warned(f"not as the run was begun: {', '.join(found[:MOST_TOLD])}{more}"))


def _refuse_other_profile(workspace: Workspace, record: Record, flags: Flags, rim: Rim) -> None:
    selected = read_layers(flags, rim.surroundings).selected
    theirs = record.profile.get("name")
    source = f"the record in `{workspace.root}` was not written here by you"
    if flags.profile is None and isinstance(theirs, str) and theirs not in {"", selected}:
        raise TrustError(
            f"{source}; it names the profile {named(theirs)}, and {named(selected)} is selected",
            hint="say which one is to be asked: "
            + command("smol_dev resume --profile {mine} {dir}", mine=selected, dir=workspace.root)
            + " or "
            + command("smol_dev resume --profile {their} {dir}", their=theirs, dir=workspace.root),
        )
    rim.show(
        Warned(f"{source}: its prompt, plan and list are taken as text, its settings are left out")
    )
