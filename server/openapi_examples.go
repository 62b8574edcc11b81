package server

import (
	_ "embed"
	"encoding/json"
	"strconv"
	"sync"

	"github.com/gofiber/fiber/v2"
)

// examplesText holds answers of the demo, by operationId. A test of the command line
// compares them with the demo.
//
//go:embed openapi_examples.json
var examplesText []byte

// example is a request to the demo and its answer.
type example struct {
	Request json.RawMessage `json:"request"`
	Status  int             `json:"status"`
	Answer  json.RawMessage `json:"answer"`
}

var examples = sync.OnceValues(func() (all map[string]example, err error) {
	return all, json.Unmarshal(examplesText, &all)
})

// illustrate adds the example to an operation.
func (e example) illustrate(op object) {
	answers := op["responses"].(object)
	answer, _ := answers[strconv.Itoa(e.Status)].(object)
	e.in(answer, e.Answer)
	if body, ok := op["requestBody"].(object); ok {
		e.in(body, e.Request)
	}
}

// in sets the example of JSON bodies.
func (e example) in(body object, value json.RawMessage) {
	contents, _ := body["content"].(object)
	if content, ok := contents[fiber.MIMEApplicationJSON].(object); ok && value != nil {
		content["example"] = value
	}
}
