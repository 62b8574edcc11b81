package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"resellerd/server/decisionlog"
)

// span is a text of the line that the log can hold in a record of its own. The entry
// then has the hash of the text in its place.
type span struct {
	name     string // of the member that has the hash, with its colon; "" if the span is a value
	from, to int
	profile  *decisionlog.Profile // nil if it is not made yet
}

// mark notes that the text since from is a span.
func (w *Writer) mark(name string, from int, of *decisionlog.Profile) {
	w.spans = append(w.spans, span{name, from, len(w.Dst), of})
}

// minSpan is the most bytes of a span that stays in its entry.
const minSpan = 2 * profileHash

// profileHash is the number of bytes of a SHA-256 that name a profile.
const profileHash = 16

// referring returns the last Entry with references in place of its spans.
func (w *Writer) referring() (line []byte, of decisionlog.Profiles) {
	w.short = w.short[:0]
	at := 0
	for i, p := range w.spans {
		if of[i] = w.profileOf(p); of[i] == nil {
			continue
		}
		w.short = append(append(w.short, w.Dst[at:p.from]...), p.name...)
		w.short = append(append(append(w.short, '"'), of[i].Hash...), '"')
		at = p.to
	}
	w.short = append(w.short, w.Dst[at:]...)
	return w.short, of
}

// profileOf returns the record of a span, or nil if the span stays in its entry. Users
// with equal rights have equal answers.
func (w *Writer) profileOf(p span) *decisionlog.Profile {
	text := w.Dst[p.from:p.to]
	switch {
	case p.profile != nil:
		return p.profile
	case len(text) <= minSpan || len(text) > MaxEntry:
		return nil
	case p.name == "":
		return newProfile("access", append([]byte(`"access":`), text...))
	}
	if w.answer == nil || !bytes.Equal(w.answered, text) {
		w.answer, w.answered = newProfile("answer", text), append(w.answered[:0], text...)
	}
	return w.answer
}

// newProfile returns members of an object as a record of the log.
func newProfile(event string, members []byte) *decisionlog.Profile {
	hash := hashOf(members)
	return &decisionlog.Profile{Hash: hash, Record: fmt.Appendf(nil, `{"event":%q,"hash":%q,%s}`, event, hash, members)}
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:profileHash])
}
