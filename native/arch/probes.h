/*
 * probes.h: what looks into the switches. Chapters 05 to 07, where they ask what a
 * switch has to keep, where its stack pointer stands, and what it costs.
 *
 * Each machine also defines
 *
 *     CONTEXT_REGISTERS(DO)     DO(register) for each member of struct context that
 *                               is a register, in that order, but not for sp
 *     INTEGERS_SAVED(DO)        for those that struct registers has as well
 *     SWITCH_WITHOUT(register)  a switch that forgets this one, as
 *                               switch_without_<register>; also `all`
 *     FLOATS_SAVED              how many words of eight bytes the callee-saved
 *                               registers fill that are not in struct registers,
 *                               since they hold floats
 *     FLOAT_NAMES               what to call each of these words, as strings
 *     ROUND_UPWARD(words)       the control words, with the rounding changed
 *     REGISTER_ARGUMENT_1, _2   members of struct registers: where arguments
 *                               travel
 *     REGISTER_SPARE            another one, which no switch touches
 *     REGISTER_RECORD           a member of struct context, for record_sp
 *     SWITCH_STACK_THAT(way)    switch_stack without a look: it always jumps, or
 *                               always returns, as switch_stack_that_jumps or
 *                               switch_stack_that_returns
 */
#ifndef GREEN_THREADS_ARCH_PROBES_H
#define GREEN_THREADS_ARCH_PROBES_H

/* clang-format off: the columns are aligned by hand. */

/* Never called, switched to: overwrites every callee-saved register and goes
   back to where it came from. On entry the argument registers hold what the
   switch was given, and REGISTER_SPARE holds the address of a switch. */
void overwrite_callee_saved(void);

/* The callee-saved registers that hold floats, FLOATS_SAVED words: stored in
   out, loaded from values. Neither touches anything where there are none. */
void store_floats(uint64_t *out);
void load_floats(const uint64_t *values);

/* How this processor rounds, and which errors of arithmetic it reports: the
   control words, packed into one number. load_control_words is lasting. */
uint64_t control_words(void);
void load_control_words(uint64_t words);

/* Never called, switched to or returned to: stores sp, as it is on entry, in
   the next word of the record that REGISTER_RECORD points into. The first one
   then returns, the second one switches back to where its stack came from. */
void record_sp(void);
void record_sp_and_leave(void);

#endif
