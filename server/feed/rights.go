package feed

import (
	"crypto/sha256"
	"encoding/json"

	"resellerd/server/session"
	"resellerd/store"
)

// rights are what a reader may see.
type rights struct {
	plans    map[string]*session.ReadPlan // of the types of which it may see any row
	digest   []byte
	revision int64 // the data revision that they are as of; they may be newer
	untold   int64 // see store.ChangesUntold
}

// described is everything that a digest covers. The reader could learn each part of it
// elsewhere: from its lists and from /v1/me. The exception is Untold, which changes during
// an upgrade alone. All processes on one database have the same.
type described struct {
	Policy  string
	Untold  int64
	Plans   map[string][]string
	Access  map[string][]string
	Groups  []string
	Address []string
	Name    string
	Above   string // the name under which the reader knows its provider
}

// learnRights asks the policy what the reader may see. It records the answers, like those
// of lists. The session's user was loaded after its revision was known, so that its rights
// suit every change until then.
func (r *Reader) learnRights() error {
	if err := r.knowRevision(); err != nil {
		return err
	}
	learnt := rights{plans: map[string]*session.ReadPlan{}, revision: r.Revision.N}
	known := described{Policy: r.Engine.Revision(), Plans: map[string][]string{}, Groups: r.Subject.User.Groups, Address: r.Subject.User.IPAllow, Name: r.Subject.User.ExternalID}
	for _, typ := range store.ToldTypes() {
		p, err := r.MayList(typ)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		learnt.plans[typ] = p
		known.Plans[typ] = append(append([]string{p.Plan.Filter.SortedText()}, p.Plan.ViewTexts()...), p.Plan.ColumnTexts()...)
		if typ == "card" {
			known.Above = r.provider(p)
		}
	}
	var err error
	if known.Access, err = r.AccessUnrecorded(); err != nil {
		return err
	}
	r.losses = r.Store.HistoryLost()
	if learnt.untold, err = r.Source.untoldAt(r.Ctx, r.Revision); err != nil {
		return err
	}
	known.Untold = learnt.untold
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	learnt.digest = sum[:16]
	r.rights = learnt
	return nil
}

// knowRevision asks for the data revision if the store did not know it when the request
// began.
func (r *Reader) knowRevision() error {
	if r.Revision.N != 0 {
		return nil
	}
	if err := r.Store.Fresh(r.Ctx); err != nil {
		return err
	}
	r.Revision = r.Store.DataRevision()
	if r.Viewer != nil {
		return nil
	}
	return r.LoadUser()
}

// provider returns the public name of the account above, if the reader is shown it as the
// carrier of its provider cards.
func (r *Reader) provider(p *session.ReadPlan) string {
	if len(r.Subject.Chain) < 2 || !p.Sees("carrier") {
		return ""
	}
	return r.Subject.Chain[1].PublicName
}
