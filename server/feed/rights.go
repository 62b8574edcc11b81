package feed

import (
	"crypto/sha256"
	"encoding/json"
	"maps"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/schema"
)

// rights are what a reader may see.
type rights struct {
	lists  map[string]bool // the types of which it may see any row
	digest []byte
}

// described is everything that a digest covers. The reader could learn each part of it
// elsewhere: from its lists and from /v1/me.
type described struct {
	Policy  string
	Untold  int64 // see store.ChangesUntold
	Losses  int64 // of the database's history
	Plans   map[string][]string
	Access  map[string][]string
	Groups  []string
	Address []string
	Name    string
	Above   string // the name under which the reader knows its provider
}

// learnRights asks the policy what the reader may see. It records the answers, like those
// of lists.
func (r *Reader) learnRights() error {
	known := described{Policy: r.Engine.Revision(), Plans: map[string][]string{}, Groups: r.Subject.User.Groups, Address: r.Subject.User.IPAllow, Name: r.Subject.User.ExternalID}
	lists := map[string]bool{}
	for _, typ := range store.ToldTypes() {
		p, err := r.MayList(typ)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		lists[typ] = true
		known.Plans[typ] = append(append([]string{p.Plan.Filter.SortedText()}, p.Plan.ViewTexts()...), p.Plan.ColumnTexts()...)
		if typ == "card" {
			known.Above = r.provider(p)
		}
	}
	var err error
	if known.Access, err = r.AccessUnrecorded(); err != nil {
		return err
	}
	if known.Untold, err = r.Store.ChangesUntold(r.Ctx); err != nil {
		return err
	}
	known.Losses = r.Store.HistoryLost()
	r.losses = known.Losses
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	r.rights = rights{lists, sum[:16]}
	return nil
}

// provider returns the public name of the account above, if the reader is shown it as the
// carrier of its provider cards.
func (r *Reader) provider(p *session.ReadPlan) string {
	if len(r.Subject.Chain) < 2 || !p.Sees("carrier") {
		return ""
	}
	return r.Subject.Chain[1].PublicName
}

func replaced(row map[string]any, to []any) map[string]any {
	row = maps.Clone(row)
	row[assignedTo] = to
	for _, c := range schema.Info("card").Columns {
		if c.Opaque {
			delete(row, c.Name)
		}
	}
	return row
}
