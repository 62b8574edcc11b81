package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// cardBuildCommand builds a card.
type cardBuildCommand struct {
	actSettings
	Card         string `arg:"" help:"The card's id."`
	Activate     bool   `help:"Prove the revision and activate it. If it cannot be activated, nothing is written."`
	AcceptLosses bool   `help:"Activate it even if calls sell at a loss."`
}

// Run builds the card and prints the result.
func (c *cardBuildCommand) Run(ctx context.Context, t terminal) (err error) {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	body := map[string]bool{"activate": c.Activate, "accept_losses": c.AcceptLosses}
	return d.post(ctx, cardPath(c.Card, "build"), "application/json", body, func(r io.Reader) error {
		if c.Format == "json" {
			_, err := io.Copy(t.out, r)
			return err
		}
		var built struct {
			RevisionID string `json:"revision_id"`
			Status     string
			Rows       int64
			Blocked    int64
			Borrowed   int64 `json:"borrowed_names"`
		}
		if err := json.NewDecoder(r).Decode(&built); err != nil {
			return err
		}
		fmt.Fprintf(t.out, "%s  %s, %d rows, %d of them blocked\n", built.RevisionID, built.Status, built.Rows, built.Blocked)
		if built.Borrowed > 0 {
			fmt.Fprintf(t.out, "warning: %d rows use the supplier's names, which may reveal who the supplier is.\n", built.Borrowed)
		}
		return nil
	})
}

// cardProofCommand proves a revision of a card.
type cardProofCommand struct {
	actSettings
	Card     string `arg:"" help:"The card's id."`
	Revision string `help:"The revision to prove; the active one by default." placeholder:"ID"`
}

// errLosing is the error of a proof that found losing calls.
var errLosing = errors.New("calls sell for less than they cost")

type provenLine struct {
	Prefix        string
	Problem       string
	Jurisdictions []string
	Parent        struct{ Name *string }
	Seconds       *uint32
	Loss          string
	Blocked       bool
	Prefixes      *int
	Compared      *int
	Losing        int
	NoRoute       int `json:"no_route"`
}

// Run prints every finding and a summary. It returns errLosing if any call sells at a
// loss.
func (c *cardProofCommand) Run(ctx context.Context, t terminal) (err error) {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	body := map[string]string{}
	if c.Revision != "" {
		body["revision_id"] = c.Revision
	}
	return d.post(ctx, cardPath(c.Card, "proof"), "application/x-ndjson", body, func(r io.Reader) error {
		return eachLine(r, func(line []byte, l provenLine) error {
			if c.Format == "json" {
				fmt.Fprintf(t.out, "%s\n", line)
			} else {
				l.print(t.out)
			}
			if l.Prefixes != nil && l.Losing > 0 {
				return errLosing
			}
			return nil
		}, func(l provenLine) bool { return l.Prefixes != nil })
	})
}

func (l provenLine) print(w io.Writer) {
	switch {
	case l.Prefixes != nil && l.Compared != nil && *l.Compared == 0:
		fmt.Fprintln(w, "nothing was compared: the card has no parents, so its calls have no cost")
	case l.Prefixes != nil:
		fmt.Fprintf(w, "%d prefixes open for sale, %d losing, %d without a route\n", *l.Prefixes, l.Losing, l.NoRoute)
	case l.Problem == "no_route" && l.Blocked:
		fmt.Fprintf(w, "%-15s  no route, blocked\n", l.Prefix)
	case l.Problem == "no_route":
		fmt.Fprintf(w, "%-15s  no route\n", l.Prefix)
	default:
		name, at := "a parent", "a minute, after two hours"
		if l.Parent.Name != nil {
			name = *l.Parent.Name
		}
		if l.Seconds != nil {
			at = fmt.Sprintf("%d s", *l.Seconds)
		}
		fmt.Fprintf(w, "%-15s  %s loses %s on %s against %s\n", l.Prefix, strings.Join(l.Jurisdictions, ", "), l.Loss, at, name)
	}
}

// eachLine reads NDJSON up to the summary line, which last recognises. A response
// that ends earlier is an error.
func eachLine[T any](r io.Reader, read func(line []byte, value T) error, last func(T) bool) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var value T
		if err := json.Unmarshal(lines.Bytes(), &value); err != nil {
			return err
		}
		if err := read(lines.Bytes(), value); err != nil {
			return err
		}
		if last(value) {
			return nil
		}
	}
	return errors.Join(lines.Err(), io.ErrUnexpectedEOF)
}

// cardRebuildCommand rebuilds every stale card.
type cardRebuildCommand struct {
	actSettings
	Card         []string `arg:"" optional:"" help:"Only these cards."`
	Activate     bool     `help:"Prove each revision and activate it."`
	AcceptLosses bool     `help:"Activate them even if calls sell at a loss."`
}

type rebuiltLine struct {
	CardID     string `json:"card_id"`
	Result     string
	RevisionID string `json:"revision_id"`
	Status     string
	Rows       int64
	Detail     string
	Reasons    []string
	Cards      *int
	Built      int
	Already    int `json:"already_built"`
	Fresh      int
	Refused    int
}

// Run prints one line per card. If it is repeated, it continues with the cards that
// remain.
func (c *cardRebuildCommand) Run(ctx context.Context, t terminal) (err error) {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	body := map[string]any{"activate": c.Activate, "accept_losses": c.AcceptLosses}
	if len(c.Card) > 0 {
		body["ids"] = c.Card
	}
	bar := t.progress("cards", -1)
	defer bar.done()
	return d.post(ctx, "/v1/cards/rebuild", "application/x-ndjson", body, func(r io.Reader) error {
		return eachLine(r, func(line []byte, l rebuiltLine) error {
			bar.add(1)
			if c.Format == "json" {
				fmt.Fprintf(t.out, "%s\n", line)
			} else {
				l.print(t.out)
			}
			return nil
		}, func(l rebuiltLine) bool { return l.Cards != nil })
	})
}

func (l rebuiltLine) print(w io.Writer) {
	switch {
	case l.Cards != nil:
		fmt.Fprintf(w, "%d built, %d already built, %d fresh, %d refused\n", l.Built, l.Already, l.Fresh, l.Refused)
	case l.Result == "refused":
		fmt.Fprintf(w, "%s  refused: %s\n", l.CardID, strings.TrimSpace(l.Detail+" "+strings.Join(l.Reasons, ", ")))
	case l.RevisionID == "":
		fmt.Fprintf(w, "%s  %s\n", l.CardID, l.Result)
	default:
		fmt.Fprintf(w, "%s  %s: %s %s, %d rows\n", l.CardID, strings.ReplaceAll(l.Result, "_", " "), l.RevisionID, l.Status, l.Rows)
	}
}
