// A plain command: whatever is on its standard input, in capital letters. Arguments come first, one a line.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

func main() {
	for _, argument := range os.Args[1:] {
		fmt.Println(argument)
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(bytes.ToUpper(input))
}
