// channel.go: what a value costs in Go that goes from one goroutine to another.
//
//	channel CAPACITY
//
// Prints the nanoseconds of one value, the mean of 20,000; of thirty such runs the
// fastest, for other work on the machine can only slow one down.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

const values = 20000

func handOverNs(capacity int) float64 {
	channel, sum := make(chan int64, capacity), make(chan int64)
	start := time.Now()
	go func() {
		for i := int64(0); i < values; i++ {
			channel <- i
		}
		close(channel)
	}()
	go func() {
		total := int64(0)
		for value := range channel {
			total += value
		}
		sum <- total
	}()
	if <-sum != values*(values-1)/2 {
		panic("a value was lost")
	}
	return float64(time.Since(start).Nanoseconds()) / values
}

func main() {
	capacity, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	fastest := handOverNs(capacity)
	for run := 0; run < 30; run++ {
		fastest = min(fastest, handOverNs(capacity))
	}
	fmt.Println(fastest)
}
