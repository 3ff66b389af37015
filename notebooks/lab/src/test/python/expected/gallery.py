"""What the gallery prints."""

from expected import READY, loaded

# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
    "gallery-load": READY,
    "gallery-setup-cpu": loaded(r"02-registers-and-calls\.c"),
    "gallery-setup-swap": loaded(r"03-a-single-stack-swap\.c"),
    "gallery-registers-now": [r"^The registers: \d+ of them", r"start of registers_now$"],
    "gallery-registers-broken": r"^The registers before and after: .*; \d+ changed\.$",
    "gallery-parts-write": r"\A(rax, eax, ax, ah, al|x0.*): 8 bytes changed, marked ●\.$",
    "gallery-stack-forged": [r"^A stack of 65,536 bytes", r"^top − 24 .* start of way_home$"],
    "gallery-stack-used": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"before and after: \d+ words changed"],
    "gallery-step-swap": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"^swap"],
    "gallery-time-switches": r"^3 threads, 6 switches, one lane",
    "gallery-code-levels": r"^mean in C and as machine code\. -O0, .*: \d+ instructions; -O1, ",
    "gallery-chart-costs": [loaded(r"01-why-green-threads\.c"), r"^an OS thread, made and ended +[\d,.]+ ns +#+$"],
}
