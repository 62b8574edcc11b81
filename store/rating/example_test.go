package rating_test

import (
	"fmt"

	"resellerd/store/rating"
)

// A carrier's prefix is sold with 20 % on top and billed per second. It loses
// on short calls, because the carrier bills whole minutes.
func Example() {
	prefix, _ := rating.ParsePrefix("441")
	cost, _ := rating.ParseMoney("0.01")
	carrier := []rating.Row{{Prefix: prefix, Rate: rating.Rate{Cost: cost, Increment: rating.Increment{MCD: 60, Pulse: 60}}}}

	all, _ := rating.ParseMatch("*")
	rules, _ := rating.NewRules([]rating.Rule{{
		Match: all, Type: rating.Percent, Value: 20 * rating.Unit,
		MCD: rating.Some(uint32(1)), Pulse: rating.Some(uint32(1)),
	}})
	four, _ := rating.NewRounding(4, "half_up")
	builder, _ := rating.NewBuilder(rating.Build{
		Exchange: []rating.Exchange{rating.Par}, Compact: rating.Min, Rules: rules, Rounding: four,
	})
	var card []rating.Row
	_ = builder.Run([]rating.Source{rating.Rows(carrier)}, func(row rating.Row) error {
		card = append(card, row)
		return nil
	})
	fmt.Println("sells at", card[0].Cost)

	sale := rating.Side{Rows: rating.Rows(card), Charge: four, Exchange: rating.Par}
	parent := rating.Side{Rows: rating.Rows(carrier), Charge: four, Exchange: rating.Par}
	_, _ = rating.Prove(sale, []rating.Side{parent}, rating.Dearest, func(f rating.Finding) error {
		fmt.Println(f.Prefix, f.Jurisdictions, "loses", f.Loss, "on", f.Seconds, "s")
		return nil
	})
	// Output:
	// sells at 0.012
	// 441 indeterminate, inter, intra loses 0.0098 on 1 s
}
