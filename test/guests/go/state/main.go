// State prober: answers with what it finds where it could have left something
// in an earlier run, then leaves something everywhere: package variables, zeroed
// data, heap, a map, a function value, a pool, the environment, a goroutine that
// still waits, a file. With fresh state every answer is the same, but for the file
// of a folder that may be written. `--twice` does it all again in the same run,
// which must find something: the prober's own proof.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

const heapBytes = 4 << 20

var (
	initialised = 7
	zeroed      [1024]byte
	kept        = map[string]string{"here": "always"}
	heap        [][]byte
	pool        sync.Pool
	once        sync.Once
	chosen      = before
)

func before() int { return 0 }
func after() int  { return 1 }

func probe() {
	first := false
	once.Do(func() { first = true })
	left, found := os.LookupEnv("LEFT")
	if !found {
		left = "none"
	}
	var size int64
	if file, err := os.Stat("state.txt"); err == nil {
		size = file.Size()
	}
	fmt.Println("initialised", initialised)
	fmt.Println("zeroed", zeroed[512])
	fmt.Println("map", len(kept))
	fmt.Println("heap", len(heap))
	fmt.Println("pool", pool.Get() != nil)
	fmt.Println("first", first)
	fmt.Println("function", chosen())
	fmt.Println("goroutines", runtime.NumGoroutine())
	fmt.Println("variable", left)
	fmt.Println("file", size)

	initialised = -1
	zeroed[512] = 1
	kept["left"] = "behind"
	block := make([]byte, heapBytes)
	for at := range block {
		block[at] = 0x5a
	}
	heap = append(heap, block)
	pool.Put(&block)
	chosen = after
	os.Setenv("LEFT", "behind")
	go func() { <-make(chan bool) }()
	runtime.Gosched()
	if file, err := os.OpenFile("state.txt", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666); err == nil {
		// Left open on purpose: what a run has opened must not be there in the next.
		file.WriteString("x")
	}
}

func main() {
	// What is left behind is left after the request was read: where a checkpoint was taken, it lies behind that.
	io.ReadAll(os.Stdin)
	probe()
	if len(os.Args) > 1 && os.Args[1] == "--twice" {
		probe()
	}
}
