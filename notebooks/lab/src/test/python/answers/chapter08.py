"""Answers to the exercises of chapter 08, and what the check must say to each."""

from answers import right, wrong

N = "128, skip = 120, guard = 64"
right("08.1", {N: "144, skip = 136, guard = 80"})
right("08.1", {N: "144, skip = 136, guard = 64", "skipAdds = 48": "skipAdds = 64"})
wrong("08.1", "has to get over them", {N: "64, skip = 56, guard = 48", "= 48;": "= 0;"})
wrong("08.1", "has to get over them", {"skipAdds = 48": "skipAdds = 40"})
wrong("08.1", "has to get over them", {N: "96, skip = 88, guard = 48", "skipAdds = 48": "skipAdds = 32"})
wrong("08.1", "skip takes another word", {"skipAdds = 48": "skipAdds = 56"})
wrong("08.1", "skip belongs 8 bytes above", {"skip = 120": "skip = 112"})
wrong("08.1", "skip belongs 8 bytes above", {"skip = 120": "skip = 128"})
wrong("08.1", "it reaches above the top", {N: "112, skip = 104, guard = 48"})
wrong("08.1", "takes 8 bytes", {N: "120, skip = 112, guard = 56"})
wrong("08.1", "a multiple of 16 too", {N: "144, skip = 136, guard = 72", "skipAdds = 48": "skipAdds = 56"})
wrong("08.1", "what is come to later lies higher", {N: "64, skip = 56, guard = 128"})
right("08.2", {"fp, s0, s1, s2, s3, s4, s5, s6, s7, s8;": "fp, s[9];", "fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7;": "fs[8];"})
right("08.2", {"    uint64_t fs0, fs1,": "    double fs0, fs1;\n    uint64_t"})
wrong("08.2", "keep what belongs to the callee", {"    uint64_t fp, s0, s1, s2, s3, s4, s5, s6, s7, s8;\n": ""})
wrong("08.2", "one is forgotten", {"fs6, fs7;": "fs6;"})
wrong("08.2", "floats too", {"    uint64_t fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7;\n": ""})
wrong("08.2", "a frame pointer is a callee-saved register", {"fp, s0": "s0"})
wrong("08.2", "one is forgotten", {"s7, s8;": "s7;"})
wrong("08.2", "ra waits on the stack", {"uint64_t sp;": "uint64_t sp, ra;"})
wrong("08.2", "tp belongs to the thread of the system", {"uint64_t sp;": "uint64_t sp, tp;"})
wrong("08.2", "put these away", {"fp, s0": "fp, t0, s0"})
wrong("08.2", "64 bits here", {"uint64_t fs0": "uint32_t fs0"})
