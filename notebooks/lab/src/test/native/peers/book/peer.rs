//! The book's runtime for bench.c, written anew: its data, its algorithm, its switch, for any
//! number of threads, and without what prints.
//!
//! A table of threads, each with a stack of its own and a state; to yield is to look for the next
//! READY place, round the table; a context is seven registers, saved and loaded by name; who
//! returns comes to a guard that frees the place. As the book has it, the table is a vector, its
//! accesses are checked, and the runtime is found by an address in a static.

#[cfg(all(target_arch = "x86_64", not(windows)))]
mod x86_64 {
    use std::arch::{asm, global_asm};
    use std::os::raw::{c_int, c_long};
    use std::time::Instant;

    const STACK_SIZE: usize = 64 * 1024;
    static mut RUNTIME: usize = 0;

    #[derive(PartialEq, Eq, Debug)]
    enum State {
        Available,
        Running,
        Ready,
    }

    #[derive(Default)]
    #[repr(C)]
    struct Context {
        rsp: u64,
        r15: u64,
        r14: u64,
        r13: u64,
        r12: u64,
        rbx: u64,
        rbp: u64,
    }

    struct Thread {
        stack: Vec<u8>,
        context: Context,
        state: State,
    }

    struct Runtime {
        threads: Vec<Thread>,
        current: usize,
    }

    extern "C" {
        fn book_switch();
        fn book_skip();
    }

    // rdi: the context to fill; rsi: the one to load.
    global_asm!(
        "book_switch:",
        "mov [rdi + 0x00], rsp",
        "mov [rdi + 0x08], r15",
        "mov [rdi + 0x10], r14",
        "mov [rdi + 0x18], r13",
        "mov [rdi + 0x20], r12",
        "mov [rdi + 0x28], rbx",
        "mov [rdi + 0x30], rbp",
        "mov rsp, [rsi + 0x00]",
        "mov r15, [rsi + 0x08]",
        "mov r14, [rsi + 0x10]",
        "mov r13, [rsi + 0x18]",
        "mov r12, [rsi + 0x20]",
        "mov rbx, [rsi + 0x28]",
        "mov rbp, [rsi + 0x30]",
        "ret",
        "book_skip:",
        "ret",
    );

    impl Runtime {
        fn new(places: usize) -> Self {
            let place = |state| Thread { stack: vec![0; STACK_SIZE], context: Context::default(), state };
            let mut threads = vec![place(State::Running)];
            threads.extend((1..places).map(|_| place(State::Available)));
            Runtime { threads, current: 0 }
        }

        /// The base thread's loop: it takes its turn like everybody.
        fn run(&mut self) {
            while self.t_yield() {}
        }

        fn t_return(&mut self) {
            if self.current != 0 {
                self.threads[self.current].state = State::Available;
                self.t_yield();
            }
        }

        #[inline(never)]
        fn t_yield(&mut self) -> bool {
            let mut pos = self.current;
            while self.threads[pos].state != State::Ready {
                pos += 1;
                if pos == self.threads.len() {
                    pos = 0;
                }
                if pos == self.current {
                    return false;
                }
            }
            if self.threads[self.current].state != State::Available {
                self.threads[self.current].state = State::Ready;
            }
            self.threads[pos].state = State::Running;
            let old_pos = self.current;
            self.current = pos;
            unsafe {
                let old: *mut Context = &mut self.threads[old_pos].context;
                let new: *const Context = &self.threads[pos].context;
                asm!("call {switch}", switch = sym book_switch, in("rdi") old, in("rsi") new, clobber_abi("C"));
            }
            !self.threads.is_empty()
        }

        fn spawn(&mut self, function: fn()) {
            let free = self.threads.iter_mut().find(|t| t.state == State::Available).expect("a place");
            unsafe {
                let end = free.stack.as_mut_ptr().add(free.stack.len());
                let top = (end as usize & !15) as *mut u64;
                top.sub(2).write(guard as *const () as u64);
                top.sub(3).write(book_skip as *const () as u64);
                top.sub(4).write(function as *const () as u64);
                free.context.rsp = top.sub(4) as u64;
            }
            free.state = State::Ready;
        }
    }

    extern "C" fn guard() {
        unsafe { (*(RUNTIME as *mut Runtime)).t_return() };
    }

    fn yield_thread() {
        unsafe { (*(RUNTIME as *mut Runtime)).t_yield() };
    }

    static mut STOP: bool = false;
    static mut ROUNDS: c_long = 0;
    static mut TOOK: f64 = 0.0;

    fn timed() {
        yield_thread(); // all others have begun when this turn is over
        let begin = Instant::now();
        for _ in 0..unsafe { ROUNDS } {
            yield_thread();
        }
        unsafe {
            TOOK = begin.elapsed().as_nanos() as f64;
            STOP = true;
        }
    }

    fn others() {
        while !unsafe { std::ptr::addr_of!(STOP).read_volatile() } {
            yield_thread();
        }
    }

    /// The nanoseconds from one turn to the next, where `ready` threads, the base thread among
    /// them, take `rounds` turns each; the table has no place more, but four at least.
    #[no_mangle]
    pub extern "C" fn book_turn_ns(ready: c_int, rounds: c_long) -> f64 {
        let mut runtime = Runtime::new((ready as usize).max(4));
        unsafe {
            RUNTIME = &mut runtime as *mut Runtime as usize;
            ROUNDS = rounds;
            STOP = false;
        }
        runtime.spawn(timed);
        for _ in 2..ready {
            runtime.spawn(others);
        }
        runtime.run();
        unsafe { TOOK / (rounds as f64 * ready as f64) }
    }
}
