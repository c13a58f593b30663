"""The runtime's function table called directly, for what the product's own layer does not call."""

from __future__ import annotations

import ctypes
import math
import os
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p

import numpy as np

ELEMENT_TYPES = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}


class Base(ctypes.Structure):
    """OrtApiBase."""

    _fields_ = (
        ("GetApi", ctypes.CFUNCTYPE(c_void_p, c_uint32)),
        ("GetVersionString", ctypes.CFUNCTYPE(c_char_p)),
    )


class StatusError(Exception):
    """The message of an error status."""


def texts(values):
    return (c_char_p * len(values))(*map(os.fsencode, values))


class Table:
    """One runtime's function table. What it makes is kept to the end of the process unless released."""

    def __init__(self, library):
        loaded = ctypes.CDLL(str(library))
        loaded.OrtGetApiBase.restype = POINTER(Base)
        base = loaded.OrtGetApiBase().contents
        self.version = base.GetVersionString().decode()
        self.address = base.GetApi(21)
        self.environment = self.make(3, 4, b"test")

    def slots(self, count):
        return list((c_size_t * count).from_address(self.address))

    def function(self, slot, result=c_void_p):
        address = c_size_t.from_address(self.address + slot * ctypes.sizeof(c_size_t))
        return ctypes.CFUNCTYPE(result)(address.value)

    def call(self, slot, *arguments):
        """Call an entry that gives a status."""
        if status := self.function(slot)(*arguments):
            message = self.function(2, c_char_p)(c_void_p(status)).decode()
            self.function(93, None)(c_void_p(status))
            raise StatusError(message)

    def make(self, slot, *arguments, kind=c_void_p):
        """Call an entry whose last parameter is where its result goes."""
        made = kind()
        self.call(slot, *arguments, byref(made))
        return made

    def providers(self):
        names, count = POINTER(c_char_p)(), c_int()
        self.call(125, byref(names), byref(count))
        found = [names[i].decode() for i in range(count.value)]
        self.call(126, names, count)
        return found

    def append(self, options, provider, settings):
        keys, values = texts(list(settings)), texts(list(settings.values()))
        self.call(216, options, os.fsencode(provider), keys, values, c_size_t(len(settings)))

    def options(self, dimensions, coreml=None, config=()):
        """Session options of one thread; with CoreML where its settings are given."""
        options = self.make(10)
        self.call(24, options, 1)
        for name, size in dimensions.items():
            self.call(124, options, os.fsencode(name), c_int64(size))
        for key, value in dict(config).items():
            self.call(130, options, os.fsencode(key), os.fsencode(value))
        if coreml is not None:
            self.append(options, "CoreML", coreml)
        return options

    def session(self, path, options):
        return self.make(7, self.environment, os.fsencode(path), options)

    def release_session(self, session):
        self.function(95, None)(session)

    def tensor(self, array):
        memory = self.make(69, 0, 0)
        shape = (c_int64 * array.ndim)(*array.shape)
        data, size = c_void_p(array.ctypes.data), c_size_t(array.nbytes)
        return self.make(49, memory, data, size, shape, c_size_t(array.ndim), ELEMENT_TYPES[array.dtype])

    def run(self, session, inputs, output):
        """Give one float32 output, copied."""
        tensors = [self.tensor(array) for array in inputs.values()]
        values = (c_void_p * len(tensors))(*(tensor.value for tensor in tensors))
        names, count = texts(list(inputs)), c_size_t(len(inputs))
        result = c_void_p()
        self.call(9, session, None, names, values, count, texts([output]), c_size_t(1), byref(result))
        info = self.make(65, result)
        shape = (c_int64 * self.make(61, info, kind=c_size_t).value)()
        self.call(62, info, shape, c_size_t(len(shape)))
        data = self.make(51, result)
        found = np.array((ctypes.c_float * math.prod(shape)).from_address(data.value)).reshape(list(shape))
        self.function(96, None)(result)
        return found

    def assignment(self, session):
        """Give (provider, operators of its nodes) for each subgraph."""
        subgraphs, count = POINTER(c_void_p)(), c_size_t()
        self.call(407, session, byref(subgraphs), byref(count))
        return [self._subgraph(c_void_p(subgraphs[i])) for i in range(count.value)]

    def _subgraph(self, subgraph):
        provider = self.make(408, subgraph, kind=c_char_p).value.decode()
        nodes, count = POINTER(c_void_p)(), c_size_t()
        self.call(409, subgraph, byref(nodes), byref(count))
        operators = [self.make(412, c_void_p(nodes[i]), kind=c_char_p).value.decode() for i in range(count.value)]
        return provider, operators
