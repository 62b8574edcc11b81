package main

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// Every setting that is a number or a time has a range. Its ends are accepted, and what lies
// beyond them is refused.
func TestEveryNumberHasARange(t *testing.T) {
	t.Parallel()
	app, l := model(t)
	seen := map[string]bool{}
	eachFlag(app.Node, func(_ *kong.Node, f *kong.Flag) {
		if !slices.Contains(l.settings, f.Name) || seen[f.Name] {
			return
		}
		seen[f.Name] = true
		if least, most, ok := rangeOf(f); ok {
			tryRange(t, f, least, most)
		} else if f.Target.CanInt() || f.Target.CanFloat() || f.Target.CanUint() {
			t.Errorf("--%s has no range", f.Name)
		}
	})
	if len(seen) != len(l.settings) {
		t.Errorf("tried %d of %d settings", len(seen), len(l.settings))
	}
}

func tryRange(t *testing.T, f *kong.Flag, least, most string) {
	t.Helper()
	below, above := number(least)-1, number(most)+1
	beyond := []string{fmt.Sprint(int64(below)), fmt.Sprint(int64(above))}
	switch f.Target.Interface().(type) {
	case time.Duration:
		beyond = []string{fmt.Sprintf("%gs", number(least)-1e-9), fmt.Sprintf("%gs", above), "-1ns", "87600000h"}
	case float64:
		beyond = append(beyond, fmt.Sprint(number(least)-1e-9), fmt.Sprint(number(most)+1e-9), "NaN", "Inf")
	default:
		if k := f.Target.Kind(); k != reflect.Int && k != reflect.Int64 {
			t.Errorf("--%s is a %s", f.Name, k)
		}
	}
	for _, value := range append(beyond, least, most) {
		given := "--" + f.Name + "=" + value
		_, err := parse([]string{"serve", given}, nil, io.Discard, io.Discard)
		if within := value == least || value == most; within != (err == nil) {
			t.Errorf("%s, of a range from %s to %s: %v", given, least, most, err)
		} else if !within && !strings.Contains(err.Error(), "--"+f.Name) {
			t.Errorf("%s: %v", given, err)
		}
	}
}
