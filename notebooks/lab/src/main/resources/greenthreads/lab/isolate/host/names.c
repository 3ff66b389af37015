#include "names.h"

#include <signal.h>
#include <string.h>

static const struct {
    int number;
    const char *name;
} SIGNALS[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},   {SIGFPE, "SIGFPE"},
    {SIGABRT, "SIGABRT"}, {SIGTRAP, "SIGTRAP"}, {SIGSYS, "SIGSYS"},   {SIGXCPU, "SIGXCPU"},
    {SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGHUP, "SIGHUP"},
    {SIGALRM, "SIGALRM"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGPIPE, "SIGPIPE"},
    {SIGKILL, "SIGKILL"}, {SIGSTOP, "SIGSTOP"}, {SIGXFSZ, "SIGXFSZ"}, {SIGPROF, "SIGPROF"},
    {SIGCONT, "SIGCONT"}, {SIGCHLD, "SIGCHLD"}, {SIGIO, "SIGIO"},     {SIGVTALRM, "SIGVTALRM"},
#if defined(__linux__)
    {SIGPWR, "SIGPWR"},   {SIGSTKFLT, "SIGSTKFLT"},
#else
    {SIGEMT, "SIGEMT"},
#endif
};

const char *signal_name(int number) {
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) {
        if (SIGNALS[i].number == number) {
            return SIGNALS[i].name;
        }
    }
#if defined(SIGRTMIN)
    if (number >= SIGRTMIN && number <= SIGRTMAX) {
        static char name[] = "SIGRTMIN+..";
        char *digits = strchr(name, '+') + 1;
        int above = number - SIGRTMIN;
        if (above >= 10) {
            *digits++ = (char)('0' + above / 10);
        }
        *digits++ = (char)('0' + above % 10);
        *digits = '\0';
        return name;
    }
#endif
    return "unknown";
}

const char *code_name(int signal, int code) {
    static const struct {
        int signal;
        int code;
        const char *name;
    } codes[] = {
        {0, SI_USER, "SI_USER"},
#if defined(SI_TKILL)
        {0, SI_TKILL, "SI_TKILL"},
#endif
#if defined(SI_KERNEL)
        {0, SI_KERNEL, "SI_KERNEL"},
#endif
        {0, SI_QUEUE, "SI_QUEUE"},             {0, SI_TIMER, "SI_TIMER"},
        {SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR"}, {SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR"},
        {SIGBUS, BUS_ADRALN, "BUS_ADRALN"},    {SIGBUS, BUS_ADRERR, "BUS_ADRERR"},
        {SIGBUS, BUS_OBJERR, "BUS_OBJERR"},    {SIGFPE, FPE_INTDIV, "FPE_INTDIV"},
        {SIGFPE, FPE_INTOVF, "FPE_INTOVF"},    {SIGFPE, FPE_FLTDIV, "FPE_FLTDIV"},
        {SIGFPE, FPE_FLTOVF, "FPE_FLTOVF"},    {SIGFPE, FPE_FLTUND, "FPE_FLTUND"},
        {SIGFPE, FPE_FLTRES, "FPE_FLTRES"},    {SIGFPE, FPE_FLTINV, "FPE_FLTINV"},
        {SIGILL, ILL_ILLOPC, "ILL_ILLOPC"},    {SIGILL, ILL_ILLOPN, "ILL_ILLOPN"},
        {SIGILL, ILL_PRVOPC, "ILL_PRVOPC"},    {SIGTRAP, TRAP_BRKPT, "TRAP_BRKPT"},
        {SIGTRAP, TRAP_TRACE, "TRAP_TRACE"},
#if defined(__linux__)
        {SIGSYS, 1, "SYS_SECCOMP"},
        {SIGSEGV, 10, "SEGV_CPERR"}, /* a shadow stack; many headers are older than it */
#endif
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if ((codes[i].signal == 0 || codes[i].signal == signal) && codes[i].code == code) {
            return codes[i].name;
        }
    }
    return "unknown";
}
