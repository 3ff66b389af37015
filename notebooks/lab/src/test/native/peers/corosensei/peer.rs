//! corosensei for bench.c: coroutines whose switch the compiler builds into the code around it.
//!
//! A coroutine here is resumed, and suspends itself to whoever resumed it. So it does
//! not hand over to a neighbour: a turn is a switch to it and one back.

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};
use std::os::raw::{c_int, c_long};
use std::time::Instant;

type Turns = Coroutine<(), (), ()>;

fn turns() -> Turns {
    let stack = DefaultStack::new(64 * 1024).expect("a stack");
    Coroutine::with_stack(stack, |yielder: &Yielder<(), ()>, ()| loop {
        yielder.suspend(());
    })
}

/// One that was not resumed to its end would have its stack unwound when it is dropped.
fn forget(coroutine: Turns) {
    let mut coroutine = coroutine;
    if coroutine.started() && !coroutine.done() {
        unsafe { coroutine.force_reset() };
    }
}

/// The nanoseconds from one turn to the next, where `ready` coroutines take `rounds` turns each.
#[no_mangle]
pub extern "C" fn corosensei_turn_ns(ready: c_int, rounds: c_long) -> f64 {
    let mut all: Vec<Turns> = (0..ready).map(|_| turns()).collect();
    for coroutine in &mut all {
        coroutine.resume(());
    }
    let begin = Instant::now();
    for _ in 0..rounds {
        for coroutine in &mut all {
            coroutine.resume(());
        }
    }
    let ns = begin.elapsed().as_nanos() as f64;
    all.into_iter().for_each(forget);
    ns / (rounds as f64 * ready as f64)
}
