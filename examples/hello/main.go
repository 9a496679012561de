// Hello calls C code of its own: formatting, mathematics and a thread.
package main

// #cgo LDFLAGS: -lm -pthread
// #include "hello.h"
import "C"

import (
	"fmt"
	"runtime"
)

func main() {
	var line [200]C.char
	C.describe(&line[0], C.size_t(len(line)))

	fmt.Printf("# %s/%s, %s\n", runtime.GOOS, runtime.GOARCH, C.GoString(&line[0]))
	fmt.Printf("the roots of 1 to 100 sum to %.6f\n", float64(C.sum_of_roots(100)))
	fmt.Println("ok")
}
