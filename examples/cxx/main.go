// Cxx calls C++: its standard library, and an exception that is thrown and caught there.
package main

// #include <stdlib.h>
// #include "shapes.h"
import "C"

import (
	"fmt"
	"unsafe"
)

func main() {
	for _, shape := range []string{"square", "circle", "cloud"} {
		fmt.Printf("%s: %s\n", shape, describe(shape))
	}
	fmt.Println("ok")
}

func describe(shape string) string {
	name := C.CString(shape)
	defer C.free(unsafe.Pointer(name))

	var message [100]C.char
	size := C.area(name, 2, &message[0], C.int(len(message)))
	if size < 0 {
		return C.GoString(&message[0])
	}
	return fmt.Sprintf("%.3f", float64(size))
}
