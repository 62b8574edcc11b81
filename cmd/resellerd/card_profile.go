package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"resellerd/store/cardfile/supplier"
)

type cardProfileCommand struct {
	actSettings
	Name      string `arg:"" help:"The profile."`
	Kind      string `help:"Kind of the cards of a new profile: provider or customer." enum:",provider,customer" default:"" placeholder:"KIND"`
	Median    *int64 `help:"Times by which a median of prices may differ; 0 for the default." placeholder:"N"`
	Row       *int64 `help:"Times by which one price may rise or fall; 0 for the default." placeholder:"N"`
	Countries *int64 `help:"Percent of prefixes that may begin with no country code; 0 for the default." placeholder:"N"`
	Removed   *int64 `help:"Percent of prefixes that a replacement may remove; 0 for the default." placeholder:"N"`
}

// importProfile is what a profile holds besides what it learns.
type importProfile struct {
	Kind    string             `json:"kind,omitempty"`
	Options []supplier.Setting `json:"options"`
	Answers []supplier.Answer  `json:"answers"`
	Limits  supplier.Limits    `json:"limits"`
}

// Run sets the limits that are given, and prints the profile.
func (c *cardProfileCommand) Run(ctx context.Context, t terminal) (err error) {
	way, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.close()) }()
	path := "/v1/import-profiles/" + url.PathEscape(c.Name)
	var text json.RawMessage
	whole := func(body io.Reader) (err error) {
		text, err = io.ReadAll(body)
		return err
	}
	p := importProfile{Kind: c.Kind, Options: []supplier.Setting{}, Answers: []supplier.Answer{}}
	if err := way.send(ctx, http.MethodGet, path, "application/json", nil, whole); err != nil {
		var problem *problemError
		if !errors.As(err, &problem) || problem.status != http.StatusNotFound || !c.sets() {
			return err
		}
	} else if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	if c.sets() {
		c.set(&p.Limits)
		if err := way.send(ctx, http.MethodPut, path, "application/json", p, whole); err != nil {
			return err
		}
	}
	if c.Format == "json" {
		return printJSON(t.out, text)
	}
	var shown importProfile
	if err := json.Unmarshal(text, &shown); err != nil {
		return err
	}
	for _, a := range shown.Answers {
		fmt.Fprintf(t.out, "answer   %s=%s\n", a.Parameter, a.Value)
	}
	for _, s := range shown.Options {
		fmt.Fprintf(t.out, "option   %s=%s\n", s.Parameter, s.Value)
	}
	l := shown.Limits
	_, err = fmt.Fprintf(t.out, "limits   median %s, row %s, countries %s, removed %s\n", limit(l.Median), limit(l.Row), limit(l.Countries), limit(l.Removed))
	return err
}

func limit(n int64) string {
	if n == 0 {
		return "default"
	}
	return fmt.Sprint(n)
}

// sets reports whether a limit is given.
func (c *cardProfileCommand) sets() bool {
	return c.Median != nil || c.Row != nil || c.Countries != nil || c.Removed != nil
}

func (c *cardProfileCommand) set(l *supplier.Limits) {
	for into, given := range map[*int64]*int64{&l.Median: c.Median, &l.Row: c.Row, &l.Countries: c.Countries, &l.Removed: c.Removed} {
		if given != nil {
			*into = *given
		}
	}
}
