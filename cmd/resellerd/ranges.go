package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// inRange returns an error for the first flag whose value is outside the range of its
// tag. A range is "LEAST,MOST" in the form of the flag's values.
func inRange(ctx *kong.Context) error {
	for _, f := range ctx.Flags() {
		least, most, ok := rangeOf(f)
		if !ok {
			continue
		}
		value := fmt.Sprint(ctx.FlagValue(f))
		if n := number(value); !(number(least) <= n && n <= number(most)) { // also refuses NaN
			return fmt.Errorf("--%s=%s: want a value from %s to %s", f.Name, value, least, most)
		}
	}
	return nil
}

// rangeOf returns the range of a flag's tag.
func rangeOf(f *kong.Flag) (least, most string, ok bool) { return strings.Cut(f.Tag.Get("range"), ",") }

// number returns a number, or the seconds of a duration. Both are exact enough to
// compare with a range.
func number(text string) float64 {
	if d, err := time.ParseDuration(text); err == nil {
		return d.Seconds()
	}
	n, _ := strconv.ParseFloat(text, 64) // kong has read the value already
	return n
}
