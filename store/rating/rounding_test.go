package rating_test

import (
	"testing"

	"pgregory.net/rapid"

	"resellerd/store/rating"
)

func TestARoundingThatIsNeverBelowAnotherIsNowhereBelowIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) rating.Rounding {
			return rating.Rounding{
				Decimals: uint8(rapid.IntRange(0, 3).Draw(t, name+" decimals")),
				Mode:     rating.Mode(rapid.IntRange(int(rating.Down), int(rating.Up)).Draw(t, name+" mode")),
			}
		}
		r, o := draw("r"), draw("o")
		below := 0
		for tenThousandths := range int64(2 * 10_000) {
			m := rating.Money(tenThousandths * 1_000_000)
			mine, err := r.Round(m)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := o.Round(m)
			if err != nil {
				t.Fatal(err)
			}
			if mine < theirs {
				below++
			}
		}
		if r.NeverBelow(o) != (below == 0) {
			t.Fatalf("%v is below %v for %d amounts", r, o, below)
		}
	})
}
