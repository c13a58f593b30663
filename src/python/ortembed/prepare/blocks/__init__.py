"""The building blocks that encoders share, as nodes of a graph, in each of the forms that a graph can take."""

from ortembed.prepare.blocks.base import Blocks
from ortembed.prepare.blocks.coreml import CoreMlBlocks
from ortembed.prepare.blocks.cpu import CpuBlocks
from ortembed.prepare.blocks.packed import PackedBlocks

__all__ = ["Blocks", "CoreMlBlocks", "CpuBlocks", "PackedBlocks"]
