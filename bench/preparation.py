"""What has to be there before an engine starts: its environment, and the files that it makes of the model."""

from __future__ import annotations

import hashlib
import shutil
import sys
from typing import TYPE_CHECKING

from bench.engines import MODULES, load_engine
from bench.environments import ROOT, describe, is_made, make_environment, python_of, read_stamp, run_step, write_stamp
from bench.worker_process import worker_command, worker_settings

if TYPE_CHECKING:
    from bench.engines.base import Engine, Setup


def prepare_engine(module: str, setup: Setup) -> Engine:
    """Make an engine's environment and files, and those of the engines that it needs, where they are not there.

    Raises:
        EngineError: Something cannot be made.
    """
    engine = load_engine(module)
    for needed in engine.needs:
        prepare_engine(_module_of(needed), setup)
    make_environment(engine.environment)
    folder = setup.made / engine.name
    wanted = _description(module, engine)
    if read_stamp(folder) != wanted:
        print(f"preparing the model for {engine.name}", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = worker_command(python_of(engine.environment), module, setup, "prepare")
        run_step(command, worker_settings(setup) | dict(engine.variables))
        write_stamp(folder, wanted)
    return engine


def is_prepared(module: str, setup: Setup) -> bool:
    """Tell whether an engine can start at once."""
    engine = load_engine(module)
    made = read_stamp(setup.made / engine.name) == _description(module, engine)
    return made and is_made(engine.environment) and all(is_prepared(_module_of(name), setup) for name in engine.needs)


def _description(module: str, engine: Engine) -> dict[str, object]:
    source = (ROOT / f"bench/engines/{module.partition('@')[0]}.py").read_bytes()
    return {"environment": describe(engine.environment), "engine": hashlib.sha256(source).hexdigest()}


def _module_of(name: str) -> str:
    return next(module for module in MODULES if load_engine(module).name == name)
