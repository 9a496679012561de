// Callback lets threads that C started call back into Go, and calls deep into C from Go's threads.
package main

// #cgo LDFLAGS: -pthread
// #include "callback.h"
import "C"

import (
	"fmt"
	"runtime"
	"runtime/cgo"
	"sync"
	"sync/atomic"
)

//export addNumber
func addNumber(handle C.uintptr_t, number C.int) {
	cgo.Handle(handle).Value().(*atomic.Int64).Add(int64(number))
}

func main() {
	var sum atomic.Int64
	handle := cgo.NewHandle(&sum)
	defer handle.Delete()

	threads := C.add_on_threads(4, 1000, C.uintptr_t(handle))
	fmt.Printf("%d C threads added 1 to 1000 in Go: %d\n", threads, sum.Load())
	fmt.Printf("3 Go threads summed frames of 1 MiB in C: %d\n", deepFrames(3))
	fmt.Println("ok")
}

// deepFrames calls C from as many threads at once: at most one of them is the main one, whose
// stack the kernel sizes.
func deepFrames(threads int) int64 {
	var sum atomic.Int64
	var all, running sync.WaitGroup
	running.Add(threads)
	for range threads {
		all.Add(1)
		go func() {
			defer all.Done()
			runtime.LockOSThread()
			running.Done()
			running.Wait()
			sum.Add(int64(C.deep_frame()))
		}()
	}
	all.Wait()
	return sum.Load()
}
