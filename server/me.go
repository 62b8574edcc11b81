package server

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"
)

// meBody is the acting user as a panel needs it for its menu.
type meBody struct {
	ID         string              `json:"id" required:"true"`
	ExternalID string              `json:"external_id,omitempty"`
	Mode       string              `json:"mode" required:"true" enum:"master,reseller"`
	Account    meAccount           `json:"account" required:"true"`
	Access     map[string][]string `json:"access" required:"true" description:"actions by area: create, read, update, delete. It has resellerd's own areas and all areas that groups name"`
}

// meAccount is what a user may always know about its own account.
type meAccount struct {
	ID     string `json:"id" required:"true"`
	Kind   string `json:"kind" required:"true"`
	Status string `json:"status" required:"true"`
}

// getMe answers with the acting user and the actions that the policy allows it
// in each area.
func getMe(r *exchange) error {
	access, err := r.AccessByArea()
	if err != nil {
		return err
	}
	me := meBody{
		ID: r.Subject.User.ID, ExternalID: r.Subject.User.ExternalID, Mode: modeOf(r.Facts), Access: access,
		Account: meAccount{ID: r.Facts.Account.ID, Kind: r.Facts.Account.Kind, Status: r.Facts.Account.Status},
	}
	body, err := json.Marshal(me)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}
