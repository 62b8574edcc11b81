package server

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"
)

// getDecision answers GET /v1/decisions/{id} with the reasons for a remembered
// decision. It answers 404 if the acting user does not see the decision's user
// or row now, as for an unknown id.
func getDecision(r *exchange) error {
	id, err := r.param("id")
	if err != nil {
		return err
	}
	x, err := r.insight().Decision(id)
	if err != nil {
		return err
	}
	body, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}
