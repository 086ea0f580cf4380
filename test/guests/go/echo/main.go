// Echo in Gojinn's contract: the body comes back byte for byte, binary ones too;
// x-method, x-target and x-echo (the request's X-Probe) say what arrived, and
// x-headers all of its headers as JSON.
package main

import (
	"encoding/json"

	"guests/gojinn"
)

// first is the first value of a header, or nothing.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func main() {
	request, err := gojinn.Read()
	if err != nil {
		gojinn.WriteJSON(400, map[string]string{"error": err.Error()})
		return
	}
	contentType := first(request.Headers["Content-Type"])
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	all, err := json.Marshal(request.Headers)
	if err != nil {
		panic(err)
	}
	gojinn.Write(gojinn.Answer{
		Status: 200,
		Headers: map[string][]string{
			"Content-Type": {contentType},
			"x-method":     {request.Method},
			"x-target":     {request.URI},
			"x-echo":       {first(request.Headers["X-Probe"])},
			"x-headers":    {string(all)},
		},
		Body:       request.Body,
		BodyBase64: request.BodyBase64,
	})
}
