package rating

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestABuiltCardWorkedOutWhereItIsReadIsTheOneThatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parents := make([][]Row, rapid.IntRange(1, 3).Draw(t, "parents"))
		b := Build{Compact: Compact(rapid.IntRange(1, 3).Draw(t, "compact")), Rounding: drawRounding(t), Rules: drawRules(t)}
		for i := range parents {
			parents[i], b.Exchange = drawCard(t, fmt.Sprint("parent ", i)), append(b.Exchange, Par)
		}
		builder, err := NewBuilder(b)
		if err != nil {
			t.Fatal(err)
		}
		number := rapid.StringMatching(`[0579]{1,7}`).Draw(t, "number")
		found := make([]*Row, len(parents))
		for i, parent := range parents {
			found[i] = longestMatch(parent, number)
		}
		want := longestMatch(build(t, b, parents...), number)
		got, known, err := builder.At(prefix(number), found)
		if err != nil || known != (want != nil) || known && got != *want {
			t.Fatalf("%s: %v %v %v, want %v", number, got, known, err, want)
		}
	})
}
