// Goroutines for bench.c, on one OS thread at a time: their scheduler is the language's own.
package main

import "C"

import (
	"runtime"
	"sync/atomic"
	"time"
)

// The nanoseconds from one turn to the next, where `ready` goroutines take turns: in `rounds` rounds.
//
//export go_turn_ns
func go_turn_ns(ready C.int, rounds C.long) C.double {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop atomic.Bool
	for i := 1; i < int(ready); i++ {
		go func() {
			for !stop.Load() {
				runtime.Gosched()
			}
		}()
	}
	timed := make(chan time.Duration)
	go func() {
		runtime.Gosched() // all others have begun when this turn is over
		begin := time.Now()
		for n := 0; n < int(rounds); n++ {
			runtime.Gosched()
		}
		took := time.Since(begin)
		stop.Store(true)
		timed <- took
	}()
	took := <-timed
	runtime.Gosched() // they see it, and end
	return C.double(float64(took.Nanoseconds()) / (float64(ready) * float64(rounds)))
}

func main() {}
