package server

import (
	"encoding/json"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// metadata names the endpoints of the decision point (AuthZEN Authorization API 1.0, 9.1).
type metadata struct {
	Point       string `json:"policy_decision_point" format:"uri"`
	Evaluation  string `json:"access_evaluation_endpoint" format:"uri"`
	Evaluations string `json:"access_evaluations_endpoint" format:"uri"`
	Subjects    string `json:"search_subject_endpoint" format:"uri"`
	Resources   string `json:"search_resource_endpoint" format:"uri"`
	Actions     string `json:"search_action_endpoint" format:"uri"`
}

const metadataPath = "/.well-known/authzen-configuration"

// metadataDoc describes the endpoint in the OpenAPI document.
var metadataDoc = operation{summary: "The endpoints of the decision point (AuthZEN)", tag: "decisions", response: metadata{}}

// getMetadata answers with addresses below the public URL, never below the Host header.
// Without an https address, there is no such document.
func getMetadata(r *exchange) error {
	base := strings.TrimSuffix(r.s.cfg.PublicURL, "/")
	if !strings.HasPrefix(base, "https://") {
		return &problem{kind: kindNotFound, detail: "This server has no public https address. Set --public-url."}
	}
	api := base + "/access/v1/"
	body, err := json.Marshal(metadata{base, api + "evaluation", api + "evaluations",
		api + "search/subject", api + "search/resource", api + "search/action"})
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}
