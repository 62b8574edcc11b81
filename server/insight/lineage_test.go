package insight

import (
	"slices"
	"testing"
)

// An explanation about a rate or a revision shows the access to both kinds of cards.
func TestAnExplanationOfWhatBelongsToACardShowsTheAccessToCards(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"card", "rate", "revision"} {
		if got := areasFor("read", typ, "crd_x"); !slices.Equal(got, []string{"card/customer", "card/provider"}) {
			t.Errorf("%s: %v", typ, got)
		}
	}
}
