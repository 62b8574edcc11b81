package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// cardActivateCommand puts a revision in force.
type cardActivateCommand struct {
	actSettings
	Card         string `arg:"" help:"The card's id."`
	Revision     string `arg:"" help:"The revision's id."`
	At           string `help:"Activate it at this time, in RFC 3339; by default now." placeholder:"TIME"`
	AcceptLosses bool   `help:"Activate it even if calls sell at a loss."`
}

// Run activates or schedules the revision and prints its status.
func (c *cardActivateCommand) Run(ctx context.Context, t terminal) error {
	body := map[string]any{}
	if c.At != "" {
		body["live_at"] = c.At
	}
	if c.AcceptLosses {
		body["accept_losses"] = true
	}
	path := cardPath(c.Card, "revisions/"+url.PathEscape(c.Revision)+"/activate")
	return c.ask(ctx, t, http.MethodPost, path, body, printRevision)
}

// cardRollbackCommand puts the revision before the active one in force again.
type cardRollbackCommand struct {
	actSettings
	Card         string `arg:"" help:"The card's id."`
	AcceptLosses bool   `help:"Roll back even if calls sell at a loss."`
}

// Run rolls the card back and prints the revision that is in force now.
func (c *cardRollbackCommand) Run(ctx context.Context, t terminal) error {
	body := map[string]any{}
	if c.AcceptLosses {
		body["accept_losses"] = true
	}
	return c.ask(ctx, t, http.MethodPost, cardPath(c.Card, "rollback"), body, printRevision)
}

func printRevision(w io.Writer, answer []byte) error {
	var revision struct {
		ID, Status string
		Number     *int64
		LiveAt     string `json:"live_at"`
	}
	if err := json.Unmarshal(answer, &revision); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s  %s", revision.ID, revision.Status)
	if revision.Number != nil {
		fmt.Fprintf(w, ", number %d", *revision.Number)
	}
	if revision.LiveAt != "" {
		fmt.Fprintf(w, ", at %s", revision.LiveAt)
	}
	_, err := fmt.Fprintln(w)
	return err
}
