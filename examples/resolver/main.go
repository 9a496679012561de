//go:build cgo

//go:debug netdns=cgo

// Resolver has no C code of its own: net and os/user bring the C library's resolver and its user
// database in. Without cgo it does not build, so that it cannot pass with Go's own resolver.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os/user"
	"time"
)

func main() {
	log.SetFlags(0)

	for _, service := range []string{"domain", "https"} {
		port, err := net.LookupPort("tcp", service)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s is port %d\n", service, port)
	}
	fmt.Printf("an address: %s\n", net.ParseIP("2001:db8:0:0::1"))

	// What the machine knows, if anything: an empty image has neither /etc/hosts nor /etc/passwd.
	fmt.Printf("# localhost: %s\n", addresses("localhost"))
	fmt.Printf("# user 0: %s\n", name("0"))
	fmt.Println("ok")
}

func addresses(host string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()

	found, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(found)
}

func name(uid string) string {
	found, err := user.LookupId(uid)
	if err != nil {
		return err.Error()
	}
	return found.Username
}
