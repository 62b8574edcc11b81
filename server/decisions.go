package server

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"
)

// getDecision answers GET /v1/decisions/{id}: why a remembered decision was
// made. A decision of a user, or about a row, that the acting user does not see
// now is answered as one that never was.
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
