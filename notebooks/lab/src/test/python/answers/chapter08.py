"""Answers to the exercises of chapter 08, and what the check must say to each."""

from answers import right, wrong

wrong("08.1", "has to get over them", {"96, skip = 88, guard = 48": "48, skip = 40, guard = 32", "= 32;": "= 0;"})
wrong("08.1", "has to get over them", {"skipAdds = 32": "skipAdds = 24"})
wrong("08.1", "skip takes another word", {"skipAdds = 32": "skipAdds = 40"})
wrong("08.1", "skip belongs 8 bytes above", {"skip = 88": "skip = 80"})
wrong("08.1", "it reaches above the top", {"96, skip = 88, guard = 48": "80, skip = 72, guard = 32"})
wrong("08.1", "takes 8 bytes", {"96, skip = 88, guard = 48": "88, skip = 80, guard = 40"})
wrong("08.1", "a multiple of 16 too", {"96, skip = 88, guard = 48": "112, skip = 104, guard = 56", "= 32;": "= 40;"})
wrong("08.2", "floats too", {"    uint64_t fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7;\n": ""})
wrong("08.2", "a frame pointer is a callee-saved register", {"fp, s0": "s0"})
wrong("08.2", "one is forgotten", {"s7, s8;": "s7;"})
wrong("08.2", "ra waits on the stack", {"uint64_t sp;": "uint64_t sp, ra;"})
wrong("08.2", "tp belongs to the thread of the system", {"uint64_t sp;": "uint64_t sp, tp;"})
wrong("08.2", "put these away", {"fp, s0": "fp, t0, s0"})
wrong("08.2", "64 bits here", {"uint64_t fs0": "uint32_t fs0"})
