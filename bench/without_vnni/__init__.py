"""int8 on a machine without VNNI, measured on one that has it: what is newer is hidden from ONNX Runtime.

The runtime chooses its kernels by ``cpuid``. In a copy of its library each ``cpuid`` is made illegal, and a
preloaded handler answers in its place as an older processor would. The instructions that such a processor lacks are
made illegal as well: had the runtime used a single one, its process would have ended.
"""
