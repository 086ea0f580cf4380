// Package gojinn is Gojinn's contract for guests in Go: the request is one JSON
// object on standard input, the answer one on standard output.
package gojinn

import (
	"encoding/json"
	"os"
)

type Request struct {
	Method     string              `json:"method"`
	URI        string              `json:"uri"`
	Headers    map[string][]string `json:"headers"`
	Body       string              `json:"body"`
	BodyBase64 []byte              `json:"body_base64"`
}

type Answer struct {
	Status     int                 `json:"status"`
	Headers    map[string][]string `json:"headers"`
	Body       string              `json:"body"`
	BodyBase64 []byte              `json:"body_base64,omitempty"`
}

func Read() (Request, error) {
	var request Request
	err := json.NewDecoder(os.Stdin).Decode(&request)
	return request, err
}

func Write(answer Answer) {
	json.NewEncoder(os.Stdout).Encode(answer)
}

// WriteJSON answers with a value as JSON.
func WriteJSON(status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	Write(Answer{Status: status, Headers: map[string][]string{"Content-Type": {"application/json"}}, Body: string(body)})
}
