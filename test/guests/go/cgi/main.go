// A CGI program (RFC 3875): answers with what the server told it, a variable a
// line, then the body as it came. `/status/N` answers with the status N.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	method, found := os.LookupEnv("REQUEST_METHOD")
	if !found {
		method = "none"
	}
	status, found := strings.CutPrefix(os.Getenv("PATH_INFO"), "/status/")
	if !found {
		status = "200"
	}
	fmt.Printf("Status: %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Method: %s\r\n\r\n", status, method)
	for _, variable := range os.Environ() {
		fmt.Println(variable)
	}
	fmt.Println()
	if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
		panic(err)
	}
}
