// The order function of the gojinn-benchmarks page: an order and its value in,
// what it costs with 15 % tax out; 400 for what is no order.
package main

import (
	"encoding/json"

	"guests/gojinn"
)

const taxRate = 0.15

type order struct {
	ID    *string  `json:"id"`
	Value *float64 `json:"value"`
}

type bill struct {
	OrderID    string  `json:"order_id"`
	TotalFinal float64 `json:"total_final"`
	Engine     string  `json:"engine"`
}

func main() {
	request, err := gojinn.Read()
	var wanted order
	if err == nil {
		err = json.Unmarshal([]byte(request.Body), &wanted)
	}
	if err != nil || wanted.ID == nil || wanted.Value == nil {
		gojinn.WriteJSON(400, map[string]string{"error": "invalid order"})
		return
	}
	tax := *wanted.Value * taxRate
	gojinn.WriteJSON(200, bill{OrderID: *wanted.ID, TotalFinal: *wanted.Value + tax, Engine: "go"})
}
